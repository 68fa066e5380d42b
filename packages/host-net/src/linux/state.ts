/** What an interface has now, for whoever saves it. */
import { listAddresses as listAll } from '@wireweave/netlink/address'
import { findLink } from '@wireweave/netlink/link'
import type { Link } from '@wireweave/netlink/link'
import type { NetlinkSocket } from '@wireweave/netlink/socket'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { Cidr } from '../action.js'

export interface InterfaceState {
  readonly addresses: readonly Cidr[]
  readonly mtu: number
}

/** Addresses, without the link-local ones that the kernel made, and MTU. Throws a `WireGuardError` when there is no such interface. */
export function readInterface(socket: NetlinkSocket, name: string): InterfaceState {
  const link: Link | null = findLink(socket, name)
  if (link === null) throw new WireGuardError('NO_SUCH_INTERFACE', `there is no interface ${name}`)
  const addresses = listAll(socket, link.index).filter(({ address }) => !isLinkLocal(address))
  return { addresses: addresses.map(({ address, length }) => ({ address, length })), mtu: link.mtu }
}

/** fe80::/64, which a TUN gets by itself. */
function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80
}
