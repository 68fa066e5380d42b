/** Opens WireGuard tunnels over whichever adapter this machine has. */
import type { InterfaceOptions, Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { selectBackend } from '@wireweave/tunnel/select'
import type { Selection } from '@wireweave/tunnel/select'
import { registry } from './registry.js'
import type { RegistryOptions } from './registry.js'

export interface OpenTunnelOptions extends InterfaceOptions, RegistryOptions {
  /** Keys, port, peers. Without it the device starts empty; `tunnel.apply` configures it later. */
  readonly config?: DeviceUpdate
  /** `false` leaves the tunnel down, for whoever has to prepare the interface before `tunnel.up()`. */
  readonly up?: boolean
  /** The name of an adapter, or `auto` (the default): the first that works here, kernel before user space. */
  readonly adapter?: string
  /** `false` passes the kernel's WireGuard over. */
  readonly kernel?: boolean
  /** Ends an opening that is under way; an open tunnel is ended with `close`. */
  readonly signal?: AbortSignal
  /** Told which adapter was chosen, why, and why the others were not. */
  readonly onSelection?: (selection: Selection) => void
}

/**
 * Chooses an adapter, opens an interface, configures it and brings it up. Addresses and routes are the caller's.
 * When anything fails nothing is left behind, and the error is a `WireGuardError` that says what to do.
 */
export async function openTunnel(options: OpenTunnelOptions): Promise<Tunnel> {
  const { config, signal, onSelection } = options
  throwIfAborted(signal)
  const wantedBy = options.adapter === undefined ? 'the WIREWEAVE_ADAPTER variable' : 'the adapter option'
  const wanted = options.adapter ?? process.env['WIREWEAVE_ADAPTER'] ?? 'auto'
  const known = await registry(options)
  const selection = await selectBackend({
    backends: options.kernel === false ? known.filter(({ dataPlane }) => dataPlane !== 'kernel') : known,
    wanted,
    wantedBy: wanted === 'auto' ? 'auto' : wantedBy,
  })
  onSelection?.(selection)
  throwIfAborted(signal)
  const tunnel = await selection.backend.open(options)
  try {
    if (config !== undefined) await tunnel.apply(config)
    throwIfAborted(signal)
    if (options.up !== false) await tunnel.up()
    throwIfAborted(signal)
    return tunnel
  } catch (error) {
    await tunnel.close()
    throw error
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WireGuardError('ABORTED', 'opening the tunnel was aborted', { cause: signal.reason })
}
