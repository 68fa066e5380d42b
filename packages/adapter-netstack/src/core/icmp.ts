/** ICMP (RFC 792) and ICMPv6 (RFC 4443): reading and writing of the messages a host needs. */
import { get16, get32, put16, put32 } from './bytes.js'
import { finish, sum } from './checksum.js'
import { checksumHolds, pseudoHeaderSum, transportChecksum, writeIp } from './ip/header.js'
import type { IpPacket } from './ip/packet.js'
import { ICMP, ICMPV6, ipHeaderBytes, TCP, UDP } from './ip/protocol.js'
import type { NetworkErrorCode } from './tcp/connection.js'

export const ICMP_HEADER_BYTES = 8

/** What a message is to us, by version: type numbers of both registries. */
const ECHO_REPLY = { 4: 0, 6: 129 } as const
const ECHO_REQUEST = { 4: 8, 6: 128 } as const

export type IcmpKind = 'echoRequest' | 'echoReply' | 'unreachable' | 'tooBig' | 'other'

/** `null` when the message is too short or its checksum wrong. */
export function readIcmp(packet: IpPacket): IcmpKind | null {
  const { bytes, payload, payloadBytes, version } = packet
  if (payloadBytes < ICMP_HEADER_BYTES) return null
  // RFC 792 sums the message alone, RFC 4443 §2.3 a pseudo header too.
  const holds = version === 4 ? sum(bytes, payload, payloadBytes) === 0xffff : checksumHolds(packet)
  if (!holds) return null
  const type = bytes[payload]!
  if (type === ECHO_REQUEST[version]) return 'echoRequest'
  if (type === ECHO_REPLY[version]) return 'echoReply'
  if (version === 6) return type === 2 ? 'tooBig' : type === 1 ? 'unreachable' : 'other'
  if (type !== 3) return 'other'
  return bytes[payload + 1] === 4 ? 'tooBig' : 'unreachable'
}

/** Why something was unreachable, by the codes of RFC 792, RFC 1122 §3.2.2.1 and RFC 4443 §3.1. */
export function unreachableCode(packet: IpPacket): NetworkErrorCode {
  const code = packet.bytes[packet.payload + 1]!
  if (packet.version === 4) {
    if (code === 2 || code === 3) return 'ECONNREFUSED'
    return code === 0 || code === 6 || code === 11 ? 'ENETUNREACH' : 'EHOSTUNREACH'
  }
  if (code === 4) return 'ECONNREFUSED'
  return code === 0 ? 'ENETUNREACH' : 'EHOSTUNREACH'
}

/** The packet of ours that an error quotes, as far as it does. */
export interface Quoted {
  protocol: number
  /** Addresses of the quoted header, in the memory of the error: 4 or 16 bytes each. */
  source: number
  destination: number
  sourcePort: number
  destinationPort: number
  /** Of TCP. */
  sequence: number
  /** Length of the whole quoted packet, as its header says. */
  totalBytes: number
  /** The MTU that the error tells, 0 when none. */
  mtu: number
}

export const quoted: Quoted = {
  protocol: 0,
  source: 0,
  destination: 0,
  sourcePort: 0,
  destinationPort: 0,
  sequence: 0,
  totalBytes: 0,
  mtu: 0,
}

/** Reads into {@link quoted}; false when it quotes nothing of use. At least eight bytes of payload are there (RFC 792). */
export function readQuoted(packet: IpPacket): boolean {
  const { bytes, version } = packet
  const at = packet.payload + ICMP_HEADER_BYTES
  const length = packet.payloadBytes - ICMP_HEADER_BYTES
  if (length < ipHeaderBytes(version) + 8 || bytes[at]! >>> 4 !== version) return false
  const headerBytes = version === 4 ? (bytes[at]! & 15) * 4 : 40
  if (headerBytes < 20 || length < headerBytes + 8) return false
  quoted.protocol = bytes[at + (version === 4 ? 9 : 6)]!
  quoted.source = at + (version === 4 ? 12 : 8)
  quoted.destination = at + (version === 4 ? 16 : 24)
  quoted.totalBytes = version === 4 ? get16(bytes, at + 2) : 40 + get16(bytes, at + 4)
  quoted.sourcePort = get16(bytes, at + headerBytes)
  quoted.destinationPort = get16(bytes, at + headerBytes + 2)
  quoted.sequence = get32(bytes, at + headerBytes + 4)
  // RFC 1191 §4 has 16 bits for it, RFC 4443 §3.2 32.
  quoted.mtu = version === 4 ? get16(bytes, packet.payload + 6) : get32(bytes, packet.payload + 4) >>> 0
  // Of a later fragment: its first bytes are no ports.
  return version === 6 || (get16(bytes, at + 6) & 0x1fff) === 0
}

/** The same message back (RFC 1122 §3.2.2.6, RFC 4443 §4.2). Returns the length of the packet. */
export function writeEchoReply(packet: IpPacket, target: Uint8Array, start: number): number {
  const { bytes, payload, payloadBytes, version, addressBytes } = packet
  const local = bytes.slice(packet.destination, packet.destination + addressBytes)
  const remote = bytes.slice(packet.source, packet.source + addressBytes)
  const at = start + ipHeaderBytes(version)
  target.set(bytes.subarray(payload, payload + payloadBytes), at)
  target[at] = ECHO_REPLY[version]
  return finishIcmp(target, start, payloadBytes, local, remote)
}

export function writeEchoRequest(
  target: Uint8Array,
  start: number,
  local: Uint8Array,
  remote: Uint8Array,
  identifier: number,
  sequence: number,
  dataBytes: number,
): number {
  const version = local.length === 4 ? 4 : 6
  const at = start + ipHeaderBytes(version)
  put16(target, at, ECHO_REQUEST[version] << 8)
  put16(target, at + 4, identifier)
  put16(target, at + 6, sequence)
  for (let i = 0; i < dataBytes; i++) target[at + ICMP_HEADER_BYTES + i] = i
  return finishIcmp(target, start, ICMP_HEADER_BYTES + dataBytes, local, remote)
}

/** RFC 1812 §4.3.2.3 quotes 576 bytes in all, RFC 4443 §2.4 (c) up to the minimal MTU; this much serves both. */
const MAX_QUOTED_BYTES = 512

/** Port unreachable for UDP, else that we do not know the protocol (RFC 1122 §3.2.2.1, RFC 4443 §3.1, §3.4). */
export function writeUnreachable(packet: IpPacket, target: Uint8Array, start: number): number {
  const { bytes, header, version, addressBytes } = packet
  const local = bytes.slice(packet.destination, packet.destination + addressBytes)
  const remote = bytes.slice(packet.source, packet.source + addressBytes)
  const at = start + ipHeaderBytes(version)
  const isPort = packet.protocol === UDP || packet.protocol === TCP
  if (version === 4) put32(target, at, isPort ? 0x03030000 : 0x03020000)
  else put32(target, at, isPort ? 0x01040000 : 0x04010000)
  put32(target, at + 4, version === 6 && !isPort ? 6 : 0)
  const quotedBytes = Math.min(MAX_QUOTED_BYTES, packet.payload + packet.payloadBytes - header)
  target.set(bytes.subarray(header, header + quotedBytes), at + ICMP_HEADER_BYTES)
  return finishIcmp(target, start, ICMP_HEADER_BYTES + quotedBytes, local, remote)
}

export const MAX_UNREACHABLE_BYTES: number = 40 + ICMP_HEADER_BYTES + MAX_QUOTED_BYTES

function finishIcmp(target: Uint8Array, start: number, length: number, local: Uint8Array, remote: Uint8Array): number {
  const protocol = local.length === 4 ? ICMP : ICMPV6
  const ipBytes = writeIp(target, start, protocol, length, local, remote, null)
  const at = start + ipBytes
  put16(target, at + 2, 0)
  const checksum =
    protocol === ICMP
      ? finish(sum(target, at, length))
      : transportChecksum(target, at, length, pseudoHeaderSum(local, remote, ICMPV6))
  put16(target, at + 2, checksum)
  return ipBytes + length
}
