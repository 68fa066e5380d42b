/** `wg-quick up` as a function: interface, addresses, routes, DNS, firewall, hooks; all of it or nothing. */
import { parseConf } from '@wireweave/config/conf'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { readConfFile } from './conf-file.js'
import { Running } from './running.js'
import type { UpOptions, UpTunnel } from './up-options.js'

export type { UpOptions, UpTunnel }

/** Rejects with a `WireGuardError` that says what failed and what to do; nothing is left behind then. */
export async function up(options: UpOptions): Promise<UpTunnel> {
  if (process.platform !== 'linux') {
    throw new WireGuardError(
      'NOT_SUPPORTED',
      'setting up addresses and routes works on Linux only; use openTunnel here',
    )
  }
  const file = readConfFile(options.config)
  const conf = parseConf(file.text, file.path ?? file.name)
  throwIfAborted(options.signal)
  const running = new Running(file, conf, options)
  await running.up()
  return running
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new WireGuardError('ABORTED', 'bringing the tunnel up was aborted', { cause: signal.reason })
}
