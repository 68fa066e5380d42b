/** What `up` is told and what it returns. */
import type { Conf } from '@wireweave/config/conf-types'
import type { HostAction } from '@wireweave/host-net/action'
import type { HostPlan } from '@wireweave/host-net/plan'
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import type { Endpoint } from '@wireweave/tunnel/ip'
import type { PublicKey } from '@wireweave/tunnel/keys'
import type { Selection } from '@wireweave/tunnel/select'
import type { ConfSource } from './conf-file.js'
import type { RegistryOptions } from './registry.js'
import type { Lookup } from './resolve.js'

export interface UpOptions extends RegistryOptions {
  /** A path that ends in `.conf`, the name of an interface in `/etc/wireguard`, or text and name. */
  readonly config: ConfSource
  /** The name of an adapter, or `auto`. */
  readonly adapter?: string
  /** `false` passes the kernel's WireGuard over. */
  readonly kernel?: boolean
  /** Ends an `up` that is under way: it rejects with `ABORTED` and leaves nothing behind. */
  readonly signal?: AbortSignal
  /** `false` ignores PreUp, PostUp, PreDown and PostDown, which run as root. */
  readonly hooks?: boolean
  /** Until `down`, rejects what would leave this machine around the tunnel, private networks excepted. Needs nft. */
  readonly killSwitch?: boolean
  /**
   * When this process is killed a sleeping shell removes rules, firewall, DNS and socket, which do not go with the
   * interface. Not with a kill switch, which is to stay then, nor with the kernel's WireGuard, which works on.
   */
  readonly guard?: boolean
  /** How often to ask again for a host name that gets no answer; `WG_ENDPOINT_RESOLUTION_RETRIES`, else 15. */
  readonly resolveRetries?: number
  /** Looks host names up; the system's resolver when absent. */
  readonly lookup?: Lookup
  /** Told that a host name got no answer, before the pause after which it is asked for again. */
  readonly onLookupRetry?: (host: string, pauseMs: number) => void
  /** Told about each action before it happens; `describeAction` of `@wireweave/host-net/action` makes it a line of text. */
  readonly onAction?: (action: HostAction, direction: 'do' | 'undo') => void
  readonly onSelection?: (selection: Selection) => void
  readonly onEvent?: (event: TunnelEvent) => void
  /**
   * Told when the tunnel is open and configured, before addresses and hooks, which may want to ask it something. When it
   * rejects, so does `up`. Whatever it opens is the caller's to close.
   */
  readonly onOpen?: (tunnel: Tunnel) => void | Promise<void>
  /** Told when a peer's host name led to another address. */
  readonly onEndpointMoved?: (peer: PublicKey, to: Endpoint) => void
}

/** An interface that is up. */
export interface UpTunnel extends AsyncDisposable {
  readonly name: string
  readonly tunnel: Tunnel
  /** As it was read last. */
  readonly conf: Conf
  /** What was done to the host, in order. */
  readonly plan: HostPlan
  /**
   * Makes peers, keys and port what the file says now, without disturbing other sessions. Addresses, routes and DNS stay.
   * Rejects, and changes nothing, when the file has errors. `config` replaces the source given to `up`.
   */
  reload(config?: ConfSource): Promise<void>
  /** Writes what the interface is now to its file, as SaveConfig does; comments and names stay. */
  save(): Promise<void>
  /**
   * PreDown, SaveConfig, removal of everything, PostDown; `hooks: false` runs no hook. Idempotent. Rejects with what could not
   * be removed.
   */
  down(options?: { readonly hooks?: boolean }): Promise<void>
  /** Whether a peer has a host name, so that somebody has to stay who tries its next address when handshakes fail. */
  readonly follows: boolean
  /**
   * To be called by a process that gives up its rights: from then on `down` closes the tunnel and has the guard, a
   * privileged process of its own, remove the rest; no hook runs, nothing is saved. Not for the kernel's WireGuard.
   */
  dropRights(): void
  /** Settles when the interface is down, also when something else deleted it; the rest is removed then. Never rejects. */
  readonly closed: Promise<void>
}
