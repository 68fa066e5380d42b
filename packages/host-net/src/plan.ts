/**
 * What `wg-quick up` and `down` do to a host, as a list computed from the configuration and a few facts. Nothing here
 * touches the system.
 */
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { IpAddress, IpPrefix } from '@wireweave/tunnel/ip'
import { familyOf, formatCidr } from './action.js'
import type { Cidr, HostStep } from './action.js'
import { dnsCommands } from './linux/dns.js'
import type { DnsTool } from './linux/dns.js'
import { antiSpoof, killSwitch } from './linux/firewall.js'
import type { Firewall } from './linux/firewall.js'

export interface HostPlan {
  readonly steps: readonly HostStep[]
  /** The mark that the tunnel's own datagrams need; `null` for none. */
  readonly fwmark: number | null
  readonly mtu: number
}

/** What the configuration asks of the host. */
export interface HostWishes {
  readonly name: string
  readonly addresses: readonly Cidr[]
  /** Bytes; `null` to find out. */
  readonly mtu: number | null
  /** Where routes go: `auto`, `off`, or the number of a table. */
  readonly table: 'auto' | 'off' | number
  readonly dnsServers: readonly IpAddress[]
  readonly dnsSearch: readonly string[]
  /** Of all peers. */
  readonly allowedIps: readonly IpPrefix[]
  /** From the configuration; `null` when it does not say. */
  readonly fwmark: number | null
  /** Commands to run at the end, `%i` not yet replaced. */
  readonly postUp: readonly string[]
  /** Rejects what would leave this machine around the tunnel, until `down`; not what stays in private networks. */
  readonly killSwitch: boolean
}

/** What has to be known about the host. */
export interface HostFacts {
  /** A routing table that is empty, from 51820 on: also the mark for a default route. */
  readonly freeTable: number
  /** The largest packet that reaches every endpoint, in bytes. */
  readonly pathMtu: number
  readonly firewall: Firewall | null
  readonly dns: DnsTool | null
  /** Whether the kernel has `net.ipv4.conf.all.src_valid_mark`. */
  readonly hasSrcValidMark: boolean
}

/** IPv6 and UDP headers, WireGuard's header and tag, and padding. */
const OVERHEAD_BYTES = 80
const SRC_VALID_MARK = 'net.ipv4.conf.all.src_valid_mark'

/** Throws a `WireGuardError` with code `NOT_SUPPORTED` when something that the plan needs is missing. */
export function planUp(wishes: HostWishes, facts: HostFacts): HostPlan {
  const { name, table } = wishes
  const hasDefault = table === 'auto' && wishes.allowedIps.some(({ length }) => length === 0)
  const fwmark = wishes.fwmark || (hasDefault || wishes.killSwitch ? facts.freeTable : null)
  const mtu = wishes.mtu ?? Math.max(facts.pathMtu - OVERHEAD_BYTES, 68)
  const steps: HostStep[] = [
    { do: { tag: 'openTunnel', name, mtu, fwmark }, undo: { tag: 'closeTunnel', name } },
    ...wishes.addresses.map((address): HostStep => ({
      do: { tag: 'addAddress', name, address },
      undo: { tag: 'deleteAddress', name, address },
    })),
    { do: { tag: 'setLinkUp', name, mtu }, undo: null },
    ...dnsSteps(wishes, facts),
    ...(wishes.killSwitch ? killSwitch(name, fwmark!, needFirewall(facts, 'the kill switch')) : []),
    ...routeSteps(wishes, facts, fwmark),
    ...hookSteps(wishes.postUp, name),
  ]
  return { steps, fwmark, mtu }
}

/** Hooks have no undo: what they did only their author knows. */
export function hookSteps(commands: readonly string[], name: string): HostStep[] {
  return commands.map((command) => ({ do: { tag: 'hook', command: command.replaceAll('%i', name) }, undo: null }))
}

function dnsSteps({ name, dnsServers, dnsSearch }: HostWishes, { dns }: HostFacts): HostStep[] {
  if (dnsServers.length === 0) return []
  if (dns !== null) return dnsCommands(dns, name, dnsServers, dnsSearch)
  const remedy = 'Install openresolv, start systemd-resolved, or remove the DNS line.'
  throw new WireGuardError(
    'NOT_SUPPORTED',
    `the configuration has DNS, but there is no resolvconf or systemd-resolved here. ${remedy}`,
  )
}

/** Narrow prefixes first, so that the default route comes last. */
function routeSteps(wishes: HostWishes, facts: HostFacts, fwmark: number | null): HostStep[] {
  const { name, table } = wishes
  if (table === 'off') return []
  const prefixes = distinct(wishes.allowedIps).sort((left, right) => right.length - left.length)
  const connected = new Connected(wishes.addresses)
  const steps: HostStep[] = []
  for (const prefix of prefixes) {
    if (table !== 'auto') steps.push(routeStep(name, prefix, table))
    else if (prefix.length === 0) steps.push(...defaultRouteSteps(wishes, facts, prefix, fwmark!))
    else if (!connected.covers(prefix)) steps.push(routeStep(name, prefix, null))
  }
  return steps
}

function routeStep(name: string, prefix: IpPrefix, table: number | null): HostStep {
  return { do: { tag: 'addRoute', name, prefix, table }, undo: { tag: 'deleteRoute', name, prefix, table } }
}

/**
 * Everything goes to a table of its own that has only the default route, but for what carries the mark, which are the
 * tunnel's own datagrams, and what the main table knows a way for that is not its default route.
 */
function defaultRouteSteps(wishes: HostWishes, facts: HostFacts, prefix: IpPrefix, mark: number): HostStep[] {
  const { name } = wishes
  const family = familyOf(prefix)
  const addresses = wishes.addresses.filter((address) => familyOf(address) === family).map(({ address }) => address)
  const rules = [
    { kind: 'defaultRoute', family, fwmark: mark, table: mark },
    { kind: 'localFirst', family, besides: mark },
  ] as const
  const steps: HostStep[] = [routeStep(name, prefix, mark)]
  for (const rule of rules) steps.push({ do: { tag: 'addRule', rule }, undo: { tag: 'deleteRule', rule } })
  if (family === 4 && facts.hasSrcValidMark) {
    // Stays, as with `wg-quick`: another tunnel may have come to need it, and without marked packets it does nothing.
    steps.push({ do: { tag: 'setSysctl', key: SRC_VALID_MARK, value: '1' }, undo: null })
  }
  const firewall = needFirewall(facts, `the route for ${formatCidr(prefix)}`)
  return [...steps, antiSpoof(name, family, addresses, mark, firewall)]
}

function needFirewall({ firewall }: HostFacts, what: string): Firewall {
  if (firewall !== null) return firewall
  throw new WireGuardError('NOT_SUPPORTED', `${what} needs nft or iptables. Install nftables, or set Table = off.`)
}

function distinct(prefixes: readonly IpPrefix[]): IpPrefix[] {
  return [...new Map(prefixes.map((prefix) => [formatCidr(prefix), prefix])).values()]
}

/** Networks that the kernel makes routes for when an interface with these addresses comes up. */
class Connected {
  readonly #networks: ReadonlySet<string>
  readonly #lengths: ReadonlySet<number>

  constructor(addresses: readonly Cidr[]) {
    // A single IPv4 address makes no route; a single IPv6 address makes one for itself.
    const networks = addresses.filter(({ address, length }) => address.length === 16 || length < 32)
    this.#networks = new Set(networks.map(({ address, length }) => networkText(address, length)))
    this.#lengths = new Set(networks.map(({ length }) => length))
  }

  covers({ address, length }: IpPrefix): boolean {
    for (const wider of this.#lengths) {
      if (wider <= length && this.#networks.has(networkText(address, wider))) return true
    }
    return false
  }
}

function networkText(address: IpAddress, length: number): string {
  const masked = address.map((byte, i) => byte & ((0xff00 >>> Math.min(8, Math.max(0, length - i * 8))) & 0xff))
  return formatCidr({ address: masked, length: Math.min(length, address.length * 8) })
}
