/** What bringing a tunnel up takes of the operating system: one implementation for each. */
import type { Cidr } from '@wireweave/host-net/action'
import type { HostAction } from '@wireweave/host-net/action'
import type { HostPlan, HostWishes } from '@wireweave/host-net/plan'
import type { Host, RunOptions } from '@wireweave/host-net/run'
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { Guard } from './guarded.js'
import type { UpOptions } from './up-options.js'

/** Opens, starts and closes the tunnel when its turn in a plan comes. */
export interface TunnelOpener {
  open(action: HostAction & { readonly tag: 'openTunnel' }, signal: AbortSignal | undefined): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

/** As the configuration has them: `table` is not looked up yet. */
export type ConfiguredWishes = Omit<HostWishes, 'table'> & { readonly table: string }

export interface System {
  readonly host: Host
  /** Throws a `WireGuardError` with code `NAME_IN_USE` for an interface that is there; removes what a killed run left. */
  removeLeftovers(name: string, options: RunOptions): Promise<void>
  plan(wishes: ConfiguredWishes, endpoints: readonly IpAddress[]): Promise<HostPlan>
  /** The index of an interface, which an IPv6 zone names; `null` when there is none. */
  linkIndex(name: string): number | null
  readInterface(name: string): { readonly addresses: readonly Cidr[]; readonly mtu: number }
  /** `null` where the interface takes everything with it. */
  startGuard(name: string, atOurEnd: 'clean' | 'stay'): Guard | null
  /** Keeps what depends on the rest of the network right while the tunnel is up, until {@link close}. */
  follow(name: string, wishes: ConfiguredWishes, plan: HostPlan, tunnel: Tunnel): void
  close(): void
}

/** Throws a `WireGuardError` with code `NOT_SUPPORTED` for a system that we do not know. */
export type OpenSystem = (opener: TunnelOpener, options: UpOptions) => System
