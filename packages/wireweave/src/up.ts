/** `wg-quick up` as a function: interface, addresses, routes, DNS, firewall, hooks; all of it or nothing. */
import { parseConf } from '@wireweave/config/conf'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { readConfFile } from './conf-file.js'
import { Running } from './running.js'
import type { OpenSystem } from './system.js'
import type { UpOptions, UpTunnel } from './up-options.js'

export type { UpOptions, UpTunnel }

/** Rejects with a `WireGuardError` that says what failed and what to do; nothing is left behind then. */
export async function up(options: UpOptions): Promise<UpTunnel> {
  const openSystem = await loadSystem()
  const file = readConfFile(options.config)
  const conf = parseConf(file.text, file.path ?? file.name)
  throwIfAborted(options.signal)
  const running = new Running(file, conf, options, openSystem)
  await running.up()
  return running
}

async function loadSystem(): Promise<OpenSystem> {
  if (process.platform === 'linux') {
    const { LinuxSystem } = await import('./linux-system.js')
    return (opener) => new LinuxSystem(opener)
  }
  if (process.platform === 'win32') {
    const { WindowsSystem } = await import('./windows-system.js')
    return (opener, options) => new WindowsSystem(opener, options)
  }
  const remedy = 'Use openTunnel or openNetstackTunnel here.'
  throw new WireGuardError(
    'NOT_SUPPORTED',
    `setting up addresses and routes works on Linux and Windows only. ${remedy}`,
  )
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new WireGuardError('ABORTED', 'bringing the tunnel up was aborted', { cause: signal.reason })
}
