/** What an interface has on this machine, for people to look at. Reads only, and sees more as root. */
import { describeAction, formatCidr } from '@wireweave/host-net/action'
import { LinuxHost } from '@wireweave/host-net/linux/host'
import { findRemains } from '@wireweave/host-net/linux/remains'
import { readDns, readInterface, readLink, readRoutes } from '@wireweave/host-net/linux/state'
import type { DnsState } from '@wireweave/host-net/linux/state'

export interface HostState {
  readonly kind: string
  readonly isUp: boolean
  readonly mtu: number
  readonly addresses: readonly string[]
  readonly routes: readonly { readonly prefix: string; readonly table: number }[]
  /** As `ip rule add` would be told. */
  readonly rules: readonly string[]
  readonly dns: DnsState | null
  /** Whether there are firewall rules of it: against spoofed packets, or a kill switch. */
  readonly hasFirewall: boolean
}

/** `null` when there is no such interface. Throws a `SystemError` when there is no netlink. */
export async function readHostState(name: string): Promise<HostState | null> {
  using host = new LinuxHost()
  const link = readLink(host.socket, name)
  if (link === null) return null
  const { addresses, mtu } = readInterface(host.socket, name)
  const { rules, firewall } = await findRemains(host.socket, name)
  return {
    ...link,
    mtu,
    addresses: addresses.map(formatCidr),
    routes: readRoutes(host.socket, name).map(({ prefix, table }) => ({ prefix: formatCidr(prefix), table })),
    rules: rules.map((rule) => describeAction({ tag: 'addRule', rule }).replace(' rule add', '')),
    dns: await readDns(name),
    hasFirewall: firewall.length > 0,
  }
}
