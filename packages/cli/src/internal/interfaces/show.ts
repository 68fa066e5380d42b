/** `wireweave show`. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { listInterfaces, openInterface } from 'wireweave/interfaces'
import type { DeviceState } from 'wireweave/interfaces'
import { print, printable, say } from '../terminal.js'
import { outputPalette } from './palette.js'
import { FIELDS, fieldText } from './show-fields.js'
import { deviceJson, jsonText } from './show-json.js'
import type { Json } from './show-json.js'
import { showText } from './show-text.js'

export interface ShowFlags {
  readonly json?: boolean
  readonly showKeys?: boolean
}

/** Resolves to the exit code. `which` is an interface, `all`, or `interfaces`. */
export async function show(which: string, field: string | undefined, flags: ShowFlags): Promise<number> {
  if (which === 'interfaces') return showInterfaces(field, flags)
  if (field !== undefined && !FIELDS.includes(field))
    throw misuse(`there is no field "${field.slice(0, 40)}"`, FIELDS.join(', '))
  if (field !== undefined && flags.json === true) throw misuse('--json prints everything', 'leave the field out')
  const names = which === 'all' ? await listInterfaces() : [which]
  if (flags.json === true) return showJson(names, which, flags)
  const palette = outputPalette()
  const showKeys = keysWanted(flags)
  return eachInterface(names, which, (name, state, isLast) => {
    if (field !== undefined) print(fieldText(field, which === 'all' ? name : null, state))
    else print(showText(name, state, { palette, showKeys, now: nowSeconds() }) + (isLast ? '' : '\n'))
  })
}

async function showInterfaces(field: string | undefined, flags: ShowFlags): Promise<number> {
  if (field !== undefined) throw misuse('the interfaces are named without fields', 'use show all FIELD')
  const names = await listInterfaces()
  if (flags.json === true) print(`${jsonText(names)}\n`)
  else if (names.length > 0) print(`${names.join(' ')}\n`)
  return 0
}

async function showJson(names: readonly string[], which: string, flags: ShowFlags): Promise<number> {
  const { readPeerNames } = await import('./peer-names.js')
  const devices: Record<string, Json> = {}
  const code = await eachInterface(names, which, (name, state) => {
    const options = { names: readPeerNames(name), showKeys: keysWanted(flags), now: nowSeconds() }
    devices[name] = deviceJson(state, options)
  })
  print(`${jsonText(devices, '\t')}\n`)
  return code
}

/** One that cannot be read does not keep the others from being shown; the exit code is 1 only when none could be. */
async function eachInterface(
  names: readonly string[],
  which: string,
  use: (name: string, state: DeviceState, isLast: boolean) => void,
): Promise<number> {
  let shown = 0
  for (const [i, name] of names.entries()) {
    try {
      const state = await (await openInterface(name)).read()
      try {
        use(name, state, i === names.length - 1)
      } finally {
        wipe(state)
      }
      shown++
    } catch (error) {
      if (which !== 'all') throw error
      say(printable(`wireweave: ${error instanceof Error ? error.message : 'unknown failure'}`))
    }
  }
  return shown > 0 || names.length === 0 ? 0 : 1
}

export function wipe({ secrets }: DeviceState): void {
  secrets.privateKey?.fill(0)
  for (const key of secrets.presharedKeys) key?.fill(0)
}

/** `WG_HIDE_KEYS=never` as in `wg`. */
export function keysWanted({ showKeys }: ShowFlags): boolean {
  return showKeys === true || process.env['WG_HIDE_KEYS'] === 'never'
}

/** As `wg` counts: whole seconds. */
function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

function misuse(what: string, remedy: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `show: ${what}: ${remedy}`)
}
