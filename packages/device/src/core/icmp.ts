/** Tells a sender on this host that its packet has nowhere to go: what the kernel's WireGuard answers too. */
import {
  IPV4_DESTINATION,
  IPV4_HEADER_BYTES,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_HEADER_BYTES,
  IPV6_SOURCE,
} from './inner-packet.js'

/** An error quotes as much of the packet as fits in what every path carries: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
const MAX_IPV4_ERROR_BYTES = 576
const MAX_IPV6_ERROR_BYTES = 1280
export const MAX_ICMP_ERROR_BYTES: number = MAX_IPV6_ERROR_BYTES

const ICMP_HEADER_BYTES = 8
const PROTOCOL_ICMP = 1
const PROTOCOL_ICMPV6 = 58
const HOP_LIMIT = 64

/**
 * Writes "host unreachable" (ICMP type 3 code 1) or "address unreachable" (ICMPv6 type 1 code 3) about the packet at
 * `at` to `to`, which must have {@link MAX_ICMP_ERROR_BYTES} and not overlap it. Returns its length, or 0 when such a
 * packet must not be answered.
 *
 * The answer comes from the packet's destination: an address of this host would be refused as a martian when it
 * arrives on the interface.
 */
export function writeUnreachable(bytes: Uint8Array, at: number, length: number, version: 4 | 6, to: number): number {
  return version === 4 ? writeUnreachable4(bytes, at, length, to) : writeUnreachable6(bytes, at, length, to)
}

function writeUnreachable4(bytes: Uint8Array, at: number, length: number, to: number): number {
  if (!mayAnswer4(bytes, at, length)) return 0
  const quoted = Math.min(length, MAX_IPV4_ERROR_BYTES - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES)
  const total = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoted
  const icmp = to + IPV4_HEADER_BYTES
  bytes.fill(0, to, icmp + ICMP_HEADER_BYTES)
  bytes[to] = 0x45
  bytes[to + 1] = 0xc0 // internetwork control, RFC 1812 §4.3.2.5
  writeU16(bytes, to + 2, total)
  bytes[to + 8] = HOP_LIMIT
  bytes[to + 9] = PROTOCOL_ICMP
  bytes.copyWithin(to + IPV4_SOURCE, at + IPV4_DESTINATION, at + IPV4_DESTINATION + 4)
  bytes.copyWithin(to + IPV4_DESTINATION, at + IPV4_SOURCE, at + IPV4_SOURCE + 4)
  writeU16(bytes, to + 10, checksum(bytes, to, IPV4_HEADER_BYTES, 0))
  bytes[icmp] = 3
  bytes[icmp + 1] = 1
  bytes.copyWithin(icmp + ICMP_HEADER_BYTES, at, at + quoted)
  writeU16(bytes, icmp + 2, checksum(bytes, icmp, ICMP_HEADER_BYTES + quoted, 0))
  return total
}

function writeUnreachable6(bytes: Uint8Array, at: number, length: number, to: number): number {
  if (!mayAnswer6(bytes, at, length)) return 0
  const quoted = Math.min(length, MAX_IPV6_ERROR_BYTES - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES)
  const payload = ICMP_HEADER_BYTES + quoted
  const icmp = to + IPV6_HEADER_BYTES
  bytes.fill(0, to, icmp + ICMP_HEADER_BYTES)
  bytes[to] = 0x60
  writeU16(bytes, to + 4, payload)
  bytes[to + 6] = PROTOCOL_ICMPV6
  bytes[to + 7] = HOP_LIMIT
  bytes.copyWithin(to + IPV6_SOURCE, at + IPV6_DESTINATION, at + IPV6_DESTINATION + 16)
  bytes.copyWithin(to + IPV6_DESTINATION, at + IPV6_SOURCE, at + IPV6_SOURCE + 16)
  bytes[icmp] = 1
  bytes[icmp + 1] = 3
  bytes.copyWithin(icmp + ICMP_HEADER_BYTES, at, at + quoted)
  // The pseudo-header of RFC 8200 §8.1: both addresses, the length and the next header.
  const pseudo = sum(bytes, to + IPV6_SOURCE, 32) + payload + PROTOCOL_ICMPV6
  writeU16(bytes, icmp + 2, checksum(bytes, icmp, payload, pseudo))
  return IPV6_HEADER_BYTES + payload
}

/** RFC 1122 §3.2.2: no error about an error, a broadcast, a multicast, a later fragment, or from no single host. */
function mayAnswer4(bytes: Uint8Array, at: number, length: number): boolean {
  const fragmentOffset = ((bytes[at + 6]! & 0x1f) << 8) | bytes[at + 7]!
  if (fragmentOffset !== 0) return false
  if (bytes[at + IPV4_DESTINATION]! >= 224) return false
  const source = bytes[at + IPV4_SOURCE]!
  if (source >= 224 || source === 127 || source === 0) return false
  if (bytes[at + 9] !== PROTOCOL_ICMP) return true
  const type = at + (bytes[at]! & 15) * 4
  if (type >= at + length) return false
  // Only queries and their answers; what is not known to be one may be an error.
  return [0, 8, 9, 10, 13, 14, 15, 16, 17, 18].includes(bytes[type]!)
}

/** RFC 4443 §2.4 (e). */
function mayAnswer6(bytes: Uint8Array, at: number, length: number): boolean {
  if (bytes[at + IPV6_DESTINATION] === 0xff || bytes[at + IPV6_SOURCE] === 0xff) return false
  if (bytes.subarray(at + IPV6_SOURCE, at + IPV6_SOURCE + 16).every((byte) => byte === 0)) return false
  let next = bytes[at + 6]!
  let header = at + IPV6_HEADER_BYTES
  const end = at + length
  // Hop-by-hop options, routing, destination options, fragment: an error may hide behind them.
  while (next === 0 || next === 43 || next === 60 || next === 44) {
    if (header + 8 > end) return false
    if (next === 44 && (((bytes[header + 2]! << 8) | bytes[header + 3]!) & 0xfff8) !== 0) return false
    const size = next === 44 ? 8 : (bytes[header + 1]! + 1) * 8
    next = bytes[header]!
    header += size
  }
  if (next !== PROTOCOL_ICMPV6) return true
  return header < end && bytes[header]! >= 128 && bytes[header] !== 137
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value & 0xff
}

function checksum(bytes: Uint8Array, at: number, length: number, start: number): number {
  let total = start + sum(bytes, at, length)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return ~total & 0xffff
}

/** Of 16-bit words, at most 65 535 bytes: stays below 2^32. */
function sum(bytes: Uint8Array, at: number, length: number): number {
  let total = 0
  for (let i = 0; i + 1 < length; i += 2) total += (bytes[at + i]! << 8) | bytes[at + i + 1]!
  return length % 2 === 1 ? total + (bytes[at + length - 1]! << 8) : total
}
