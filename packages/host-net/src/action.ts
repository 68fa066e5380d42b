/** One thing to do on the host, as data: it can be printed, compared and undone. */
import { formatIp } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'

export type HostAction =
  /** A command of the user, `%i` replaced already. */
  | { readonly tag: 'hook'; readonly command: string }
  /** Whoever runs the plan opens and closes the tunnel; the two only mark the place. */
  | { readonly tag: 'openTunnel'; readonly name: string; readonly mtu: number; readonly fwmark: number | null }
  | { readonly tag: 'closeTunnel'; readonly name: string }
  | { readonly tag: 'addAddress' | 'deleteAddress'; readonly name: string; readonly address: Cidr }
  | { readonly tag: 'setLinkUp'; readonly name: string; readonly mtu: number }
  | { readonly tag: 'deleteLink'; readonly name: string }
  /** `table` `null` is the main one. */
  | {
      readonly tag: 'addRoute' | 'deleteRoute'
      readonly name: string
      readonly prefix: Cidr
      readonly table: number | null
    }
  | { readonly tag: 'addRule' | 'deleteRule'; readonly rule: PolicyRule }
  | { readonly tag: 'setSysctl'; readonly key: string; readonly value: string }
  /** Windows: how TCP/IP of one family uses the interface. With a default route it comes before all others. */
  | {
      readonly tag: 'setInterface'
      readonly name: string
      readonly family: 4 | 6
      readonly mtu: number
      readonly hasDefaultRoute: boolean
    }
  /** Windows: servers of one family, and domains to search; none of either clears. */
  | {
      readonly tag: 'setDns'
      readonly name: string
      readonly family: 4 | 6
      readonly servers: readonly IpAddress[]
      readonly search: readonly string[]
    }
  /** Windows: a way to one address around the tunnel, by the interface with this LUID. */
  | {
      readonly tag: 'addBypass' | 'deleteBypass'
      readonly endpoint: IpAddress
      readonly luid: bigint
      readonly nextHop: IpAddress
    }
  /** Windows: blocks what would leave around the tunnel, all DNS but that of these servers. Ends with the process. */
  | { readonly tag: 'addKillSwitch'; readonly name: string; readonly dnsServers: readonly IpAddress[] }
  | { readonly tag: 'removeKillSwitch'; readonly name: string }
  /** A program to run; `program` is found already, `input` is what it reads. */
  | { readonly tag: 'command'; readonly program: string; readonly args: readonly string[]; readonly input: string }

/** An action with the one that takes it back; `null` when nothing has to be. */
export interface HostStep {
  readonly do: HostAction
  readonly undo: HostAction | null
}

/** An address or network; whether host bits may be set depends on where it is used. */
export interface Cidr {
  readonly address: IpAddress
  readonly length: number
}

/**
 * `defaultRoute`: everything without the mark looks up `table`. `localFirst`: the main table but for its default route;
 * tunnels share this one, so it is deleted only when no other table than `besides` has a rule of the first kind.
 */
export type PolicyRule =
  | { readonly kind: 'defaultRoute'; readonly family: 4 | 6; readonly fwmark: number; readonly table: number }
  | { readonly kind: 'localFirst'; readonly family: 4 | 6; readonly besides: number }

/** What `wg-quick` would print after `[#]`: words that a shell understands. */
export function describeAction(action: HostAction): string {
  switch (action.tag) {
    case 'hook':
      return action.command
    case 'openTunnel': {
      const mark = action.fwmark === null ? '' : ` fwmark ${action.fwmark}`
      return `wireweave open ${action.name} mtu ${action.mtu}${mark}`
    }
    case 'closeTunnel':
      return `wireweave close ${action.name}`
    case 'addAddress':
    case 'deleteAddress': {
      const { name, address, tag } = action
      return `ip -${familyOf(address)} address ${verb(tag)} ${formatCidr(address)} dev ${name}`
    }
    case 'setLinkUp':
      return `ip link set mtu ${action.mtu} up dev ${action.name}`
    case 'deleteLink':
      return `ip link delete dev ${action.name}`
    case 'addRoute':
    case 'deleteRoute': {
      const { name, prefix, table, tag } = action
      const where = table === null ? '' : ` table ${table}`
      return `ip -${familyOf(prefix)} route ${verb(tag)} ${formatCidr(prefix)} dev ${name}${where}`
    }
    case 'addRule':
    case 'deleteRule':
      return `ip -${action.rule.family} rule ${verb(action.tag)} ${describeRule(action.rule)}`
    case 'setSysctl':
      return `sysctl -q ${action.key}=${action.value}`
    case 'setInterface':
    case 'setDns':
    case 'addBypass':
    case 'deleteBypass':
    case 'addKillSwitch':
    case 'removeKillSwitch':
      return describeWindowsAction(action)
    case 'command':
      return [action.program.slice(action.program.lastIndexOf('/') + 1), ...action.args].join(' ')
  }
}

/** The same for a Windows host: what `netsh` would be told. */
export function describeWindowsAction(action: HostAction): string {
  switch (action.tag) {
    case 'addAddress':
    case 'deleteAddress':
      return `${netsh(familyOf(action.address))} ${verb(action.tag)} address "${action.name}" ${formatCidr(action.address)}`
    case 'addRoute':
    case 'deleteRoute':
      return `${netsh(familyOf(action.prefix))} ${verb(action.tag)} route ${formatCidr(action.prefix)} "${action.name}"`
    case 'setLinkUp':
      return `netsh interface set interface "${action.name}" admin=enabled`
    case 'setInterface': {
      const metric = action.hasDefaultRoute ? ' metric=0' : ''
      return `${netsh(action.family)} set interface "${action.name}" mtu=${action.mtu}${metric}`
    }
    case 'setDns': {
      const { name, family, servers, search } = action
      const domains = search.length === 0 ? '' : ` search ${search.join(',')}`
      const what = servers.length === 0 ? 'none' : servers.map(formatIp).join(',')
      return `${netsh(family)} set dnsservers "${name}" static ${what}${domains}`
    }
    case 'addBypass':
    case 'deleteBypass': {
      const { tag, endpoint, nextHop } = action
      const family = endpoint.length === 4 ? 4 : 6
      return `${netsh(family)} ${verb(tag)} route ${formatIp(endpoint)}/${endpoint.length * 8} nexthop=${formatIp(nextHop)}`
    }
    case 'addKillSwitch':
    case 'removeKillSwitch':
      return `wireweave kill-switch ${action.tag === 'addKillSwitch' ? 'on' : 'off'} "${action.name}"`
    case 'hook':
    case 'openTunnel':
    case 'closeTunnel':
    case 'deleteLink':
    case 'addRule':
    case 'deleteRule':
    case 'setSysctl':
    case 'command':
      return describeAction(action)
  }
}

function netsh(family: 4 | 6): string {
  return `netsh interface ipv${family}`
}

export function formatCidr({ address, length }: Cidr): string {
  return `${formatIp(address)}/${length}`
}

export function familyOf({ address }: Cidr): 4 | 6 {
  return address.length === 4 ? 4 : 6
}

function describeRule(rule: PolicyRule): string {
  if (rule.kind === 'localFirst') return 'table main suppress_prefixlength 0'
  return `not fwmark ${rule.fwmark} table ${rule.table}`
}

function verb(tag: string): string {
  return tag.startsWith('add') ? 'add' : 'delete'
}
