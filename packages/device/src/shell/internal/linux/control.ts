/**
 * Control messages (RFC 3542, cmsg(3)) as 32-bit words of native memory. Each is a header of four words (length in two,
 * level, type), then data, then padding to eight bytes.
 */
import {
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  UDP_GRO,
  UDP_SEGMENT,
} from '@wireweave/ffi/linux'
import { ENDPOINT_LOCAL, ENDPOINT_LOCAL_INDEX } from '../../../core/endpoint.js'
import type { Family } from './socket.js'

/** Room for one of each that we send: 24 + 40 + 24 bytes, and to a multiple of 32. */
export const SEND_CONTROL_BYTES = 96
/** Room for one of each that we receive, and for some that a socket may inherit. */
export const RECEIVE_CONTROL_BYTES = 128

const HEADER_WORDS = 4

/** Appends UDP_SEGMENT at word `at`; returns the word behind it. */
export function putSegment(words: Uint32Array, at: number, bytes: number): number {
  putHeader(words, at, 18, IPPROTO_UDP, UDP_SEGMENT)
  words[at + 4] = bytes
  return at + 6
}

export function putTrafficClass(words: Uint32Array, at: number, family: Family, trafficClass: number): number {
  if (family === 4) putHeader(words, at, 20, IPPROTO_IP, IP_TOS)
  else putHeader(words, at, 20, IPPROTO_IPV6, IPV6_TCLASS)
  words[at + 4] = trafficClass
  return at + 6
}

/**
 * Asks for the local address of the record at byte `record` of `table` as source. The interface stays routing's choice,
 * as in the kernel's WireGuard: forcing it would make an IPv4 destination without a route there count as on-link.
 */
export function putSource(words: Uint32Array, at: number, family: Family, table: Uint8Array, record: number): number {
  const local = record + ENDPOINT_LOCAL
  if (family === 4) {
    putHeader(words, at, 28, IPPROTO_IP, IP_PKTINFO)
    words[at + 4] = 0
    words[at + 5] = readWord(table, local)
    words[at + 6] = 0
    return at + 8
  }
  putHeader(words, at, 36, IPPROTO_IPV6, IPV6_PKTINFO)
  for (let i = 0; i < 4; i++) words[at + 4 + i] = readWord(table, local + 4 * i)
  // A link-local address means nothing without its interface (RFC 4007 §6).
  const isLinkLocal = table[local] === 0xfe && (table[local + 1]! & 0xc0) === 0x80
  words[at + 8] = isLinkLocal ? readWord(table, record + ENDPOINT_LOCAL_INDEX) : 0
  return at + 10
}

/** Whether the record at `record` has a local address. */
export function hasSource(table: Uint8Array, record: number): boolean {
  for (let i = 0; i < 16; i++) if (table[record + ENDPOINT_LOCAL + i] !== 0) return true
  return false
}

/** What {@link readControl} found; one object, overwritten by each call. */
export interface ReceivedControl {
  /** Bytes of each datagram but the last; 0 when the message is one datagram. */
  segment: number
  trafficClass: number
}

/**
 * Reads `bytes` of control messages from word `at`. Writes the local address and interface into the record at byte
 * `record` of `table`, which is zero there.
 */
export function readControl(
  words: Uint32Array,
  at: number,
  bytes: number,
  table: Uint8Array,
  record: number,
  found: ReceivedControl,
): void {
  found.segment = 0
  found.trafficClass = 0
  const end = at + (bytes >>> 2)
  while (at + HEADER_WORDS < end) {
    const length = words[at]!
    if (length < 17 || at + (length >>> 2) > end) return
    const level = words[at + 2]!
    const type = words[at + 3]!
    if (level === IPPROTO_UDP && type === UDP_GRO) found.segment = words[at + 4]!
    else if (level === IPPROTO_IP && type === IP_TOS) found.trafficClass = words[at + 4]! & 0xff
    else if (level === IPPROTO_IPV6 && type === IPV6_TCLASS) found.trafficClass = words[at + 4]! & 0xff
    else if (level === IPPROTO_IP && type === IP_PKTINFO) {
      writeWord(table, record + ENDPOINT_LOCAL, words[at + 5]!)
      writeWord(table, record + ENDPOINT_LOCAL_INDEX, words[at + 4]!)
    } else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
      for (let i = 0; i < 4; i++) writeWord(table, record + ENDPOINT_LOCAL + 4 * i, words[at + 4 + i]!)
      writeWord(table, record + ENDPOINT_LOCAL_INDEX, words[at + 8]!)
    }
    at += ((length + 7) & ~7) >>> 2
  }
}

function putHeader(words: Uint32Array, at: number, length: number, level: number, type: number): void {
  words[at] = length
  words[at + 1] = 0
  words[at + 2] = level
  words[at + 3] = type
}

function readWord(table: Uint8Array, at: number): number {
  return table[at]! | (table[at + 1]! << 8) | (table[at + 2]! << 16) | (table[at + 3]! << 24)
}

function writeWord(table: Uint8Array, at: number, word: number): void {
  table[at] = word
  table[at + 1] = word >>> 8
  table[at + 2] = word >>> 16
  table[at + 3] = word >>> 24
}
