/** What the kill switch lets through, as wireguard-windows has it, as data. Any platform. */
import type { IpAddress } from '@wireweave/tunnel/ip'

type Layer = 'connect' | 'accept'

export type Condition =
  /** This program, run with all rights: the tunnel's own datagrams. */
  | { readonly field: 'ownProgram' }
  | { readonly field: 'loopback' }
  | { readonly field: 'interface'; readonly luid: bigint }
  | { readonly field: 'protocol'; readonly number: number }
  /** For ICMP the local port is its type, the remote port its code. */
  | { readonly field: 'localPort' | 'remotePort'; readonly number: number }
  | { readonly field: 'localAddress' | 'remoteAddress'; readonly address: IpAddress; readonly length: number }

export interface FilterRule {
  readonly name: string
  /** 0 to 15; the highest that matches decides. */
  readonly weight: number
  readonly permits: boolean
  /** Nobody else's rule may block it. */
  readonly isHard?: boolean
  readonly layers: readonly Layer[]
  readonly families: readonly (4 | 6)[]
  /** Conditions on one field are alternatives; fields must all match. */
  readonly conditions: readonly Condition[]
}

const TCP = 6
const UDP = 17
const ICMPV6 = 58
const BOTH_WAYS = ['connect', 'accept'] as const
const BOTH = [4, 6] as const

const LINK_LOCAL = { address: Uint8Array.from([0xfe, 0x80, ...Array.from({ length: 14 }, () => 0)]), length: 10 }
const ALL_ROUTERS = multicast(0x02, 0x02)
const ALL_DHCP_LINK = { address: Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]), length: 128 }
const ALL_DHCP_SITE = { address: Uint8Array.from([0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3]), length: 128 }
const BROADCAST = { address: Uint8Array.of(255, 255, 255, 255), length: 32 }

/** Everything that does not match a permission is blocked, whatever other firewalls say. */
export function killSwitchRules(luid: bigint, dnsServers: readonly IpAddress[]): FilterRule[] {
  return [
    { ...permit('the tunnel itself', 15, BOTH, [{ field: 'ownProgram' }]), isHard: true },
    ...(dnsServers.length > 0 ? dnsRules(dnsServers) : []),
    permit('loopback', 13, BOTH, [{ field: 'loopback' }]),
    permit('through the tunnel', 12, BOTH, [{ field: 'interface', luid }]),
    ...dhcpRules(),
    ...neighbourRules(),
    { name: 'everything else', weight: 0, permits: false, layers: BOTH_WAYS, families: BOTH, conditions: [] },
  ]
}

function permit(
  name: string,
  weight: number,
  families: readonly (4 | 6)[],
  conditions: readonly Condition[],
): FilterRule {
  return { name, weight, permits: true, layers: BOTH_WAYS, families, conditions }
}

/** Names are asked of the tunnel's servers only. */
function dnsRules(servers: readonly IpAddress[]): FilterRule[] {
  const dns: Condition[] = [
    { field: 'remotePort', number: 53 },
    { field: 'protocol', number: UDP },
    { field: 'protocol', number: TCP },
  ]
  const rules: FilterRule[] = []
  for (const family of BOTH) {
    const own = servers.filter((server) => (server.length === 4 ? 4 : 6) === family)
    if (own.length === 0) continue
    const to = own.map((address): Condition => ({ field: 'remoteAddress', address, length: address.length * 8 }))
    rules.push(permit(`the tunnel's DNS over IPv${family}`, 15, [family], [...dns, ...to]))
  }
  return [
    ...rules,
    { name: 'other DNS', weight: 14, permits: false, layers: BOTH_WAYS, families: BOTH, conditions: dns },
  ]
}

function dhcpRules(): FilterRule[] {
  const ports = (local: number, remote: number): Condition[] => [
    { field: 'protocol', number: UDP },
    { field: 'localPort', number: local },
    { field: 'remotePort', number: remote },
  ]
  const from: Condition = { field: 'localAddress', ...LINK_LOCAL }
  return [
    rule('DHCP request', 'connect', 4, [...ports(68, 67), { field: 'remoteAddress', ...BROADCAST }]),
    rule('DHCP answer', 'accept', 4, ports(68, 67)),
    rule('DHCPv6 request', 'connect', 6, [
      ...[...ports(546, 547), from],
      ...[ALL_DHCP_LINK, ALL_DHCP_SITE].map((to): Condition => ({ field: 'remoteAddress', ...to })),
    ]),
    rule('DHCPv6 answer', 'accept', 6, [...ports(546, 547), { field: 'remoteAddress', ...LINK_LOCAL }]),
  ]
}

/** Without neighbour discovery an IPv6 network does not work at all. */
function neighbourRules(): FilterRule[] {
  const icmp = (type: number): Condition[] => [
    { field: 'protocol', number: ICMPV6 },
    { field: 'localPort', number: type },
    { field: 'remotePort', number: 0 },
  ]
  const fromLink: Condition = { field: 'remoteAddress', ...LINK_LOCAL }
  return [
    rule('router solicitation', 'connect', 6, [...icmp(133), { field: 'remoteAddress', ...ALL_ROUTERS }]),
    rule('router advertisement', 'accept', 6, [...icmp(134), fromLink]),
    permit('neighbour solicitation', 12, [6], icmp(135)),
    permit('neighbour advertisement', 12, [6], icmp(136)),
    rule('redirect', 'accept', 6, [...icmp(137), fromLink]),
  ]
}

function rule(name: string, layer: Layer, family: 4 | 6, conditions: readonly Condition[]): FilterRule {
  return { name, weight: 12, permits: true, layers: [layer], families: [family], conditions }
}

function multicast(scope: number, group: number): { readonly address: Uint8Array; readonly length: number } {
  const address = new Uint8Array(16)
  address.set([0xff, scope])
  address[15] = group
  return { address, length: 128 }
}
