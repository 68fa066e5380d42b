/** What bringing a tunnel up does to Windows, as a list: the order of wireguard-windows. Nothing here touches the system. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { maskPrefix } from '@wireweave/tunnel/ip'
import type { IpAddress, IpPrefix } from '@wireweave/tunnel/ip'
import { familyOf, formatCidr } from '../action.js'
import type { HostAction, HostStep } from '../action.js'
import { hookSteps } from '../plan.js'
import type { HostPlan, HostWishes } from '../plan.js'

/** What has to be known about the machine. */
export interface WindowsFacts {
  /** The largest packet that reaches every endpoint, in bytes. */
  readonly pathMtu: number
  /**
   * The ways to endpoints that must not lead through the tunnel, where its sockets cannot be told so: of user space. The
   * kernel's WireGuard finds its way by itself and needs none.
   */
  readonly bypasses: readonly Bypass[]
}

/** The way to one address that goes around the tunnel. */
export interface Bypass {
  readonly endpoint: IpAddress
  readonly luid: bigint
  readonly nextHop: IpAddress
}

/** IPv6 and UDP headers, WireGuard's header and tag, and padding. */
export const OVERHEAD_BYTES = 80
const LEAST_MTU = { 4: 576, 6: 1280 } as const

/** What a family's interface gets: Windows takes no less. */
export function familyMtu(family: 4 | 6, mtu: number): number {
  return Math.max(mtu, LEAST_MTU[family])
}

/** Throws a `WireGuardError` with code `NOT_SUPPORTED` for what Windows does not have. */
export function planWindowsUp(wishes: HostWishes, facts: WindowsFacts): HostPlan {
  const { name } = wishes
  refuse(wishes)
  const mtu = wishes.mtu ?? familyMtu(4, facts.pathMtu - OVERHEAD_BYTES)
  const routes = wishes.table === 'off' ? [] : distinct(wishes.allowedIps)
  const steps: HostStep[] = [
    { do: { tag: 'openTunnel', name, mtu, fwmark: null }, undo: { tag: 'closeTunnel', name } },
    // Before any traffic; lifted only after the routes are gone.
    ...(wishes.killSwitch ? [killSwitchStep(wishes)] : []),
    { do: { tag: 'setLinkUp', name, mtu }, undo: null },
    // Before the tunnel's own routes, so that no datagram of it ever takes those.
    ...bypassSteps(facts.bypasses, routes),
    ...([4, 6] as const).flatMap((family) => familySteps(wishes, family, mtu, routes)),
    ...hookSteps(wishes.postUp, name),
  ]
  return { steps, fwmark: null, mtu }
}

function refuse({ table }: HostWishes): void {
  if (typeof table === 'number' && table !== MAIN_TABLE) {
    const remedy = 'Set Table to auto or off.'
    throw new WireGuardError('NOT_SUPPORTED', `Table = ${table}: Windows has one routing table. ${remedy}`)
  }
}

function killSwitchStep({ name, dnsServers }: HostWishes): HostStep {
  return { do: { tag: 'addKillSwitch', name, dnsServers }, undo: { tag: 'removeKillSwitch', name } }
}

/** What `Table = main` is. */
const MAIN_TABLE = 254

function bypassSteps(bypasses: readonly Bypass[], routes: readonly IpPrefix[]): HostStep[] {
  const covered = bypasses.filter(({ endpoint }) => routes.some((route) => contains(route, endpoint)))
  return distinctBy(covered, ({ endpoint }) => endpoint.join()).map((bypass) => ({
    do: { tag: 'addBypass', ...bypass },
    undo: { tag: 'deleteBypass', ...bypass },
  }))
}

function contains({ address, length }: IpPrefix, endpoint: IpAddress): boolean {
  if (address.length !== endpoint.length) return false
  return maskPrefix(endpoint, length).address.every((byte, i) => byte === address[i])
}

/** Routes, addresses, settings, DNS. A family without address, route or server is left as it is. */
function familySteps(wishes: HostWishes, family: 4 | 6, mtu: number, allRoutes: readonly IpPrefix[]): HostStep[] {
  const { name } = wishes
  const routes = allRoutes.filter((route) => familyOf(route) === family)
  const addresses = wishes.addresses.filter((address) => familyOf(address) === family)
  const servers = wishes.dnsServers.filter((server) => (server.length === 4 ? 4 : 6) === family)
  const steps: HostStep[] = [
    ...routes.map((prefix): HostStep => ({
      do: { tag: 'addRoute', name, prefix, table: null },
      undo: { tag: 'deleteRoute', name, prefix, table: null },
    })),
    ...addresses.map((address): HostStep => ({
      do: { tag: 'addAddress', name, address },
      undo: { tag: 'deleteAddress', name, address },
    })),
  ]
  if (steps.length > 0) {
    const hasDefaultRoute = routes.some(({ length }) => length === 0)
    const action: HostAction = { tag: 'setInterface', name, family, mtu: familyMtu(family, mtu), hasDefaultRoute }
    steps.push({ do: action, undo: null })
  }
  if (steps.length === 0 && servers.length === 0) return []
  // Also when there are none: Windows keeps them by the adapter's GUID, and a run that was killed may have left some.
  const set: HostAction = { tag: 'setDns', name, family, servers, search: wishes.dnsSearch }
  const clear: HostAction = { tag: 'setDns', name, family, servers: [], search: [] }
  steps.push({ do: set, undo: servers.length + wishes.dnsSearch.length > 0 ? clear : null })
  return steps
}

function distinct(prefixes: readonly IpPrefix[]): IpPrefix[] {
  return distinctBy(prefixes, formatCidr)
}

function distinctBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
