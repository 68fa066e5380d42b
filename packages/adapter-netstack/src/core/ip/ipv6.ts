/** IPv6 headers (RFC 8200). */
import { get16, get32, put16, put32 } from '../bytes.js'
import type { IpPacket } from './packet.js'
import { HOP_LIMIT, IPV6_HEADER_BYTES } from './protocol.js'

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const DESTINATION_OPTIONS = 60
/** RFC 8504 §5.3 lets a host limit the chain. */
const MAX_EXTENSIONS = 8

/** Reads the header of the `length` bytes at `at` and the extension headers after it. False when they do not hold. */
export function readIpv6(bytes: Uint8Array, at: number, length: number, packet: IpPacket): boolean {
  if (length < IPV6_HEADER_BYTES) return false
  const end = at + IPV6_HEADER_BYTES + get16(bytes, at + 4)
  if (end > at + length) return false
  packet.bytes = bytes
  packet.version = 6
  packet.header = at
  packet.source = at + 8
  packet.destination = at + 24
  packet.addressBytes = 16
  packet.isFragment = packet.moreFragments = false
  packet.fragmentOffset = packet.identification = 0
  return readExtensions(bytes, at, end, packet)
}

function readExtensions(bytes: Uint8Array, at: number, end: number, packet: IpPacket): boolean {
  let protocol = bytes[at + 6]!
  let next = at + IPV6_HEADER_BYTES
  for (let i = 0; i <= MAX_EXTENSIONS; i++) {
    const isExtension =
      protocol === DESTINATION_OPTIONS ||
      protocol === FRAGMENT ||
      protocol === ROUTING ||
      (protocol === HOP_BY_HOP && i === 0)
    // What follows the header of a fragment is known when all fragments are there.
    if (!isExtension || packet.isFragment) {
      packet.protocol = protocol
      packet.payload = next
      packet.payloadBytes = end - next
      return true
    }
    if (next + 8 > end) return false
    const headerBytes = protocol === FRAGMENT ? 8 : 8 + bytes[next + 1]! * 8
    if (next + headerBytes > end) return false
    // RFC 5095: a routing header that has segments left is of type 0, or asks us to forward.
    if (protocol === ROUTING && bytes[next + 3] !== 0) return false
    if (protocol === FRAGMENT) {
      const offset = get16(bytes, next + 2)
      packet.fragmentOffset = offset & 0xfff8
      packet.moreFragments = (offset & 1) !== 0
      packet.identification = get32(bytes, next + 4)
      // RFC 6946: a fragment that is the whole packet is handled by itself.
      packet.isFragment = packet.moreFragments || packet.fragmentOffset > 0
    }
    protocol = bytes[next]!
    next += headerBytes
  }
  return false
}

export function writeIpv6(
  bytes: Uint8Array,
  at: number,
  protocol: number,
  payloadBytes: number,
  source: Uint8Array,
  destination: Uint8Array,
): void {
  put32(bytes, at, 0x60000000)
  put16(bytes, at + 4, payloadBytes)
  bytes[at + 6] = protocol
  bytes[at + 7] = HOP_LIMIT
  for (let i = 0; i < 16; i++) {
    bytes[at + 8 + i] = source[i]!
    bytes[at + 24 + i] = destination[i]!
  }
}
