/** The kernel's WireGuard interfaces that are there already, for whoever shows and configures them. */
import { findLink, listLinks } from '@wireweave/netlink/link'
import { NETLINK_ROUTE, NetlinkSocket } from '@wireweave/netlink/socket'
import { KernelDevice } from './device.js'

const KIND = 'wireguard'

/** Their names in the order of their indices. Throws a `SystemError`. */
export function listKernelInterfaces(): string[] {
  using route = new NetlinkSocket(NETLINK_ROUTE)
  return listLinks(route)
    .filter(({ kind }) => kind === KIND)
    .map(({ name }) => name)
}

/** `null` when there is no interface of that name, or it is of another kind. Throws a `SystemError`. */
export function openKernelInterface(name: string): KernelDevice | null {
  using route = new NetlinkSocket(NETLINK_ROUTE)
  const link = findLink(route, name)
  return link?.kind === KIND ? new KernelDevice({ name, index: link.index }) : null
}
