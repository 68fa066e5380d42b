/** IP headers of either version, and the pseudo header that checksums cover. */
import { finish, fold, sum } from '../checksum.js'
import { readIpv4, writeIpv4 } from './ipv4.js'
import { readIpv6, writeIpv6 } from './ipv6.js'
import type { IpPacket } from './packet.js'
import { ipHeaderBytes } from './protocol.js'

/** False when the `length` bytes at `at` are no IP packet. */
export function readIp(bytes: Uint8Array, at: number, length: number, packet: IpPacket): boolean {
  if (length === 0) return false
  const version = bytes[at]! >>> 4
  if (version === 4) return readIpv4(bytes, at, length, packet)
  return version === 6 && readIpv6(bytes, at, length, packet)
}

/** Writes a header before `payloadBytes` bytes; returns its length. `identification` as in {@link writeIpv4}. */
export function writeIp(
  bytes: Uint8Array,
  at: number,
  protocol: number,
  payloadBytes: number,
  source: Uint8Array,
  destination: Uint8Array,
  identification: number | null,
): number {
  if (source.length === 4) writeIpv4(bytes, at, protocol, payloadBytes, source, destination, identification)
  else writeIpv6(bytes, at, protocol, payloadBytes, source, destination)
  return ipHeaderBytes(source.length === 4 ? 4 : 6)
}

/** Does the checksum of the payload hold, with the pseudo header of RFC 9293 §3.1 and RFC 8200 §8.1? */
export function checksumHolds(packet: IpPacket): boolean {
  const addresses = sum(packet.bytes, packet.source, packet.addressBytes * 2)
  const start = fold(addresses + packet.protocol) + packet.payloadBytes
  return sum(packet.bytes, packet.payload, packet.payloadBytes, start) === 0xffff
}

/** The part of a pseudo header that does not change in a flow. */
export function pseudoHeaderSum(source: Uint8Array, destination: Uint8Array, protocol: number): number {
  return fold(sum(source, 0, source.length) + sum(destination, 0, destination.length) + protocol)
}

/** The checksum of `length` bytes at `at`, whose checksum field is zero. */
export function transportChecksum(bytes: Uint8Array, at: number, length: number, pseudo: number): number {
  return finish(sum(bytes, at, length, pseudo + length))
}
