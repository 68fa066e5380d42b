/** The one door: whatever carries WireGuard, in the kernel or in user space, is a {@link TunnelBackend}. */
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from './config.js'
import type { TunnelEvent } from './events.js'

/** `host`: other programs can use the interface. `process`: only this one can. */
export type Reach = 'host' | 'process'

export type Availability =
  | { readonly available: true; readonly version?: string }
  | { readonly available: false; readonly reason: string; readonly remedy: string }

/** The system's names for an interface. */
export interface InterfaceRef {
  readonly name: string
  readonly index: number
}

export interface InterfaceOptions {
  /** See `isInterfacePattern` of `interface-name`: a name ending in `%d` lets the system number it. */
  readonly name: string
  /** Bytes; 1420 when absent. */
  readonly mtu?: number
  readonly onEvent?: (event: TunnelEvent) => void
  /** Ends an opening that is under way: it rejects with `ABORTED` and leaves nothing behind. */
  readonly signal?: AbortSignal
}

export interface TunnelBackend {
  readonly name: string
  readonly dataPlane: 'userspace' | 'kernel'
  readonly reach: Reach
  /** Would `open` work here, now? No side effects; if not, the remedy. */
  probe(): Promise<Availability>
  open(options: InterfaceOptions): Promise<Tunnel>
}

/** An open tunnel: an interface and the WireGuard device behind it. Starts down. */
export interface Tunnel extends AsyncDisposable {
  /** The name of the backend that opened it. */
  readonly backend: string
  /** `null` when the reach is `process`. */
  readonly interfaceRef: InterfaceRef | null
  /**
   * All or nothing; rejects with a `WireGuardError` and leaves the device as it was. Keys are copied: once it has
   * settled the caller may wipe them.
   */
  apply(update: DeviceUpdate): Promise<void>
  snapshot(): Promise<DeviceSnapshot>
  secrets(): Promise<DeviceSecrets>
  up(): Promise<void>
  down(): Promise<void>
  /** Idempotent; leaves nothing behind. */
  close(): Promise<void>
  /** Settles when the tunnel has ended: closed, or killed from outside. Never rejects. */
  readonly closed: Promise<void>
  /** Once `closed`: the fault in this program that ended it. Absent or `null` when there was none. */
  readonly failure?: Error | null
}
