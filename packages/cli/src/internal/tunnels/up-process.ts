/** The process that brings an interface up and, where user space or a follower has to stay, serves it. */
import path from 'node:path'
import { describeAction, up } from 'wireweave'
import type { HostAction, Selection, UpTunnel } from 'wireweave'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import { compileEarly } from '../compile-early.js'
import { eventLogger, peerName } from '../event-log.js'
import { become, findIdentity } from './identity.js'
import { createLog, logLevelOf } from '../log.js'
import type { Log } from '../log.js'
import { forbidMemoryDumps } from '../memory-dumps.js'
import { findNotifier } from './sd-notify.js'
import type { Notifier } from './sd-notify.js'
import { print, say } from '../terminal.js'
import { DownPipe } from './down-pipe.js'
import { UapiService } from './uapi-service.js'
import type { UpFlags } from './up-command.js'
import { noteIdentity, noteRetry, noteSelection, warnIfReadable } from './up-notes.js'
import { ProcessSignals } from './process-signals.js'

export interface UpArguments extends UpFlags {
  /** An absolute path. */
  readonly config: string
}

/** Whoever waits until the interface is up. */
export interface Waiting {
  ready(): void
  /** Calls back when he waits no longer. */
  onGone(callback: () => void): void
}

const GONE = 'the interface is gone'

/** Resolves when the interface is down again, or at once when nobody has to stay; rejects when it could not be set up. */
export async function bringUp(args: UpArguments, waiting: Waiting | null, env: NodeJS.ProcessEnv): Promise<void> {
  const notifier = findNotifier(env)
  const wantsIdentity = args.user !== undefined || args.group !== undefined
  const identity = wantsIdentity ? findIdentity(args.user ?? null, args.group ?? null) : null
  forbidMemoryDumps()
  const signals = new ProcessSignals()
  waiting?.onGone(() => signals.end())
  const setUp = new SetUp(args, env)
  const running = await setUp.run(signals.ended)
  const { log, service } = setUp
  const isKernel = running.tunnel.backend === 'linux-wg'
  if (identity !== null) {
    say(noteIdentity(isKernel, running.conf))
    if (!isKernel) {
      running.dropRights()
      become(identity)
    }
  }
  const stays = !isKernel || running.follows || waiting === null
  if (args.json === true) print(`${JSON.stringify(setUp.report(running, stays))}\n`)
  waiting?.ready()
  if (!stays) return
  process.title = `wireweave up ${running.name}`
  notifier?.send('READY=1', `STATUS=${running.name} is up over ${running.tunnel.backend}`)
  signals.onReload(() => reload(running, log, notifier))
  const downPipe = process.platform === 'win32' ? await openDownPipe(running.name, log) : null
  let hooks = true
  const reason = await Promise.race([
    signals.whenEnded().then(() => 'asked to'),
    ...(downPipe === null ? [] : [downPipe.asked.then((request) => ((hooks = request.hooks), 'asked to by "down"'))]),
    running.closed.then(() => running.tunnel.failure?.message ?? GONE),
    ...(service === null ? [] : [service.removed.then(() => 'the UAPI socket was removed')]),
  ])
  log.verbose(`Shutting down: ${reason}`)
  notifier?.send('STOPPING=1')
  // Hooks may want to ask the interface; without rights none run, and the guard removes a socket that nobody serves.
  if (identity !== null) service?.close()
  setUp.onTell = (line) => downPipe?.tell(line)
  let problem: unknown = null
  try {
    await running.down({ hooks })
  } catch (error) {
    problem = error
  } finally {
    service?.close()
  }
  await downPipe?.finish(problem)
  if (running.tunnel.failure) throw running.tunnel.failure
  if (problem !== null) throw problem
  // On Linux somebody deleted it, which is a way to end a tunnel. A service of Windows is to start again.
  if (reason === GONE && process.platform === 'win32') {
    const remedy = 'Bring it up again; "Network Connections" shows whether it was disabled.'
    throw new WireGuardError('CLOSED', `the adapter of ${running.name} was removed or disabled. ${remedy}`)
  }
  log.verbose('Device closed')
}

/** `null`, and a line in the log, when there can be none: Ctrl-C works all the same. */
async function openDownPipe(name: string, log: Log): Promise<DownPipe | null> {
  try {
    return await DownPipe.open(name)
  } catch (error) {
    log.error(`"wireweave down" will not work: ${error instanceof Error ? error.message : 'unknown failure'}`)
    return null
  }
}

async function reload(running: UpTunnel, log: Log, notifier: Notifier | null): Promise<void> {
  notifier?.reloading()
  let status = `${running.name} is up`
  try {
    await running.reload()
    log.verbose('Configuration read again')
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown failure'
    log.error(`Configuration left as it was: ${message}`)
    status = `the reload failed: ${message.split('\n', 1)[0]}`
  }
  notifier?.send('READY=1', `STATUS=${status}`)
}

/** What happens until the interface is up. */
class SetUp {
  readonly log: Log
  service: UapiService | null = null
  /** Told every action, as it is printed. */
  onTell: (line: string) => void = () => {}
  readonly #args: UpArguments
  readonly #actions: string[] = []
  #selection: Selection | null = null

  constructor(args: UpArguments, env: NodeJS.ProcessEnv) {
    this.#args = args
    const name = path.basename(args.config, '.conf')
    this.log = createLog(logLevelOf(env['LOG_LEVEL'] || (args.foreground ? 'verbose' : 'error')), name, (line) =>
      say(line.slice(0, -1)),
    )
  }

  async run(signal: AbortSignal): Promise<UpTunnel> {
    const { adapter, userspace, hooks, killSwitch = false, config } = this.#args
    warnIfReadable(config)
    try {
      return await up({
        ...{ config, hooks, killSwitch, signal },
        ...(adapter !== undefined && { adapter }),
        ...(userspace === true && { kernel: false }),
        ...(process.platform === 'linux' && { userspace: { worker: 'auto' } }),
        onAction: (action) => this.#tell(action),
        onSelection: (selection) => {
          this.#selection = selection
          for (const line of noteSelection(selection)) say(line)
        },
        onOpen: async (tunnel) => {
          // Windows' wg.exe asks WireGuardNT itself.
          if (tunnel.backend === 'linux-wg' || tunnel.backend === 'wgnt') return
          compileEarly()
          if (process.platform === 'win32') {
            this.service = await UapiService.openPipe(tunnel, this.log)
            return
          }
          this.service = await UapiService.open(tunnel, this.log)
        },
        onLookupRetry: (host, pauseMs) => say(noteRetry(host, pauseMs)),
        onEvent: eventLogger(this.log),
        onEndpointMoved: (peer, to) => this.log.verbose(`${peerName(peer)} - Trying endpoint ${formatEndpoint(to)}`),
      })
    } catch (error) {
      this.service?.close()
      throw error
    }
  }

  #tell(action: HostAction): void {
    const line = describeAction(action)
    this.#actions.push(line)
    say(`[#] ${line}`)
    this.onTell(line)
  }

  /** What `--json` prints. */
  report(running: UpTunnel, stays: boolean): Record<string, unknown> {
    const { backend, why, skipped } = this.#selection!
    return {
      interface: running.name,
      adapter: backend.name,
      why,
      skipped,
      mtu: running.plan.mtu,
      fwmark: running.plan.fwmark,
      pid: stays ? process.pid : null,
      peers: running.conf.peers.map(({ name, publicKey }) => ({ name, publicKey: formatKey(publicKey) })),
      actions: [...this.#actions],
    }
  }
}
