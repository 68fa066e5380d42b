/** `wireweave down`: whoever brought the interface up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeAction, down, locateConf, openInterface, removeStaleSocket, save, uapiPath } from 'wireweave'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import { print, say } from '../terminal.js'
import { askDown } from './down-pipe.js'
import { guardsOf, isRunning, serverOf } from './tunnel-processes.js'

export interface DownFlags {
  readonly hooks: boolean
  readonly ifUp?: boolean
  readonly json?: boolean
}

const PATIENCE_MS = 15_000
const LOOK_EVERY_MS = 20

export async function downCommand(source: string, flags: DownFlags): Promise<void> {
  const { name } = locateConf(source)
  if (process.platform === 'win32') return downOnWindows(name, flags)
  const server = serverOf(uapiPath(name))
  const actions: string[] = []
  const tell = (line: string): void => {
    actions.push(line)
    say(`[#] ${line}`)
  }
  let gone: unknown = null
  try {
    await down({
      config: source,
      hooks: flags.hooks,
      onAction: (action) => tell(describeAction(action)),
      beforeRemoval: async (conf) => {
        if (conf?.quick.saveConfig !== true) return
        await save({ config: source })
        tell(`wireweave save ${source}`)
      },
    })
  } catch (error) {
    if (!isWireGuardError(error) || error.code !== 'NO_SUCH_INTERFACE') throw error
    gone = error
  }
  await whenEnded(name, server)
  if (await removeStaleSocket(name)) tell(`rm ${uapiPath(name)}`)
  else if (gone !== null && flags.ifUp !== true) throw gone
  if (flags.json === true) print(`${JSON.stringify({ interface: name, actions })}\n`)
}

/** A process that is still ending could take away what the next `up` of this name sets up. */
async function whenEnded(name: string, server: number | null): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_EVERY_MS) {
    const isServed = server !== null && isRunning(server) && serverOf(uapiPath(name)) !== null
    if (!isServed && guardsOf(name).length === 0) return
    await sleep(LOOK_EVERY_MS)
  }
  throw new WireGuardError(
    'SYSTEM',
    `${name} is down, but the process that served it is still ending: see "ps ${server}"`,
  )
}

/** Interfaces of Windows end with their process, which is asked to take everything back. */
async function downOnWindows(name: string, { hooks, ifUp, json }: DownFlags): Promise<void> {
  const actions: string[] = []
  const isDown = await askDown(name, { hooks }, (line) => {
    actions.push(line)
    say(`[#] ${line}`)
  })
  if (!isDown && ifUp !== true) throw await whyNot(name)
  if (json === true) print(`${JSON.stringify({ interface: name, actions })}\n`)
}

async function whyNot(name: string): Promise<WireGuardError> {
  try {
    await openInterface(name)
  } catch (error) {
    if (!isWireGuardError(error) || error.code !== 'NO_SUCH_INTERFACE') throw error
    const remedy = '"wireweave show interfaces" lists those that run.'
    return new WireGuardError('NO_SUCH_INTERFACE', `there is no interface ${name}. ${remedy}`)
  }
  const remedy = 'End the program or service that did.'
  return new WireGuardError('NOT_SUPPORTED', `${name} runs, but "wireweave up" did not bring it up. ${remedy}`)
}
