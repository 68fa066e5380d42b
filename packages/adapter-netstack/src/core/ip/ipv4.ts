/** IPv4 headers (RFC 791). */
import { get16, put16, put32 } from '../bytes.js'
import { finish, sum } from '../checksum.js'
import type { IpPacket } from './packet.js'
import { HOP_LIMIT, IPV4_HEADER_BYTES } from './protocol.js'

const DONT_FRAGMENT = 0x4000
const MORE_FRAGMENTS = 0x2000

/** Reads the header of the `length` bytes at `at`. False when it is none, or its checksum is wrong. Options are skipped. */
export function readIpv4(bytes: Uint8Array, at: number, length: number, packet: IpPacket): boolean {
  if (length < IPV4_HEADER_BYTES) return false
  const headerBytes = (bytes[at]! & 15) * 4
  const totalBytes = get16(bytes, at + 2)
  if (headerBytes < IPV4_HEADER_BYTES || totalBytes < headerBytes || totalBytes > length) return false
  if (sum(bytes, at, headerBytes) !== 0xffff) return false
  const fragment = get16(bytes, at + 6)
  packet.bytes = bytes
  packet.version = 4
  packet.header = at
  packet.source = at + 12
  packet.destination = at + 16
  packet.addressBytes = 4
  packet.protocol = bytes[at + 9]!
  packet.payload = at + headerBytes
  packet.payloadBytes = totalBytes - headerBytes
  packet.moreFragments = (fragment & MORE_FRAGMENTS) !== 0
  packet.fragmentOffset = (fragment & 0x1fff) * 8
  packet.isFragment = packet.moreFragments || packet.fragmentOffset > 0
  packet.identification = get16(bytes, at + 4)
  return true
}

/** `identification` null sets DF, and zero for the field that then means nothing (RFC 6864 §4.1). */
export function writeIpv4(
  bytes: Uint8Array,
  at: number,
  protocol: number,
  payloadBytes: number,
  source: Uint8Array,
  destination: Uint8Array,
  identification: number | null,
): void {
  put16(bytes, at, 0x4500)
  put16(bytes, at + 2, IPV4_HEADER_BYTES + payloadBytes)
  put16(bytes, at + 4, identification ?? 0)
  put16(bytes, at + 6, identification === null ? DONT_FRAGMENT : 0)
  bytes[at + 8] = HOP_LIMIT
  bytes[at + 9] = protocol
  put16(bytes, at + 10, 0)
  put32(bytes, at + 12, word(source))
  put32(bytes, at + 16, word(destination))
  put16(bytes, at + 10, finish(sum(bytes, at, IPV4_HEADER_BYTES)))
}

function word(address: Uint8Array): number {
  return (address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!
}
