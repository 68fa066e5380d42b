/** Addresses of interfaces (rtnetlink, linux/if_addr.h): add, delete, list. */
import { AF_INET, AF_INET6 } from '@wireweave/ffi/linux'
import { MessageWriter, NLM_F_CREATE, NLM_F_EXCL, readAttributes } from './message.js'
import type { NetlinkSocket } from './socket.js'

const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
/** family, prefix length, flags, scope u8; index u32. */
const IFADDR_BYTES = 8
const RT_SCOPE_HOST = 254

export interface InterfaceAddress {
  readonly index: number
  /** 4 or 16 bytes. */
  readonly address: Uint8Array
  /** Length of the prefix of its network. */
  readonly length: number
}

/** Throws a `NetlinkError` with EEXIST when the interface has the address. */
export function addAddress(socket: NetlinkSocket, entry: InterfaceAddress): void {
  const message = addressMessage(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, entry)
  socket.request(message.finish(), `adding an address to interface ${entry.index}`)
}

/** Throws a `NetlinkError` with EADDRNOTAVAIL when the interface does not have it. */
export function deleteAddress(socket: NetlinkSocket, entry: InterfaceAddress): void {
  socket.request(addressMessage(RTM_DELADDR, 0, entry).finish(), `deleting an address of interface ${entry.index}`)
}

/** Of both families, in the kernel's order. */
export function listAddresses(socket: NetlinkSocket, index: number): InterfaceAddress[] {
  const message = new MessageWriter(RTM_GETADDR, 0).raw(new Uint8Array(IFADDR_BYTES))
  const addresses: InterfaceAddress[] = []
  for (const payload of socket.dump(message.finish(), 'listing addresses')) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    if (view.getUint32(4, true) !== index) continue
    const attributes = readAttributes(payload.subarray(IFADDR_BYTES))
    const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
    if (address !== undefined) addresses.push({ index, address: address.slice(), length: view.getUint8(1) })
  }
  return addresses
}

function addressMessage(type: number, flags: number, { index, address, length }: InterfaceAddress): MessageWriter {
  const header = new Uint8Array(IFADDR_BYTES)
  header[0] = address.length === 4 ? AF_INET : AF_INET6
  header[1] = length
  if (address.length === 4 && address[0] === 127) header[3] = RT_SCOPE_HOST
  new DataView(header.buffer).setUint32(4, index, true)
  return new MessageWriter(type, flags).raw(header).attribute(IFA_LOCAL, address).attribute(IFA_ADDRESS, address)
}
