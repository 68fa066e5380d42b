/** Opens WireGuard tunnels over whichever adapter this machine has. */
import type { WireGuardSwitches } from '@wireweave/host-net/win32/switches'
import type { InterfaceOptions, Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { selectBackend } from '@wireweave/tunnel/select'
import type { Selection } from '@wireweave/tunnel/select'
import { registry } from './registry.js'
import type { RegistryOptions } from './registry.js'
import { decideWanted } from './wanted.js'

export interface OpenTunnelOptions extends InterfaceOptions, RegistryOptions {
  /** Keys, port, peers. Without it the device starts empty; `tunnel.apply` configures it later. */
  readonly config?: DeviceUpdate
  /** `false` leaves the tunnel down, for whoever has to prepare the interface before `tunnel.up()`. */
  readonly up?: boolean
  /**
   * The name of an adapter, or `auto`: the first that works here, kernel before user space. Absent: what the variable
   * WIREWEAVE_ADAPTER says, or on Windows the registry's switches of wireguard-windows, else `auto`.
   */
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
  const selection = await chooseBackend(options)
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

/** Probes, and opens nothing. Rejects with a `WireGuardError` that says why nothing, or not the one asked for, works. */
export async function chooseBackend(
  options: RegistryOptions & Pick<OpenTunnelOptions, 'adapter' | 'kernel'>,
): Promise<Selection> {
  const { adapter: option, kernel = true } = options
  const { WIREWEAVE_ADAPTER: variable } = process.env
  const request = decideWanted({ option, variable, switches: await windowsSwitches(), kernel })
  const known = await registry(options)
  return selectBackend({
    ...request,
    backends: kernel ? known : known.filter(({ dataPlane }) => dataPlane !== 'kernel'),
  })
}

async function windowsSwitches(): Promise<WireGuardSwitches | null> {
  if (process.platform !== 'win32') return null
  return (await import('@wireweave/host-net/win32/switches')).readWireGuardSwitches()
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WireGuardError('ABORTED', 'opening the tunnel was aborted', { cause: signal.reason })
}
