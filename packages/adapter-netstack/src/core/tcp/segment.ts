/** The header of one arriving segment (RFC 9293 §3.1), and its options. One object is read into again and again. */
import { get16, get32 } from '../bytes.js'
import type { IpPacket } from '../ip/packet.js'

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16

export const TCP_HEADER_BYTES = 20

/** Kinds of options. */
const END = 0
const NO_OPERATION = 1
export const MAXIMUM_SEGMENT_SIZE = 2
export const WINDOW_SCALE = 3
export const SACK_PERMITTED = 4
export const SACK = 5
export const TIMESTAMPS = 8

export interface Segment {
  sourcePort: number
  destinationPort: number
  sequence: number
  acknowledgment: number
  flags: number
  /** As it stands in the header. */
  window: number
  data: number
  dataBytes: number
  /** Options; -1 when absent. */
  maximumSegmentSize: number
  windowScale: number
  sackPermitted: boolean
  hasTimestamps: boolean
  timestamp: number
  timestampEcho: number
  /** How many pairs of `sack` are valid. */
  sackCount: number
  readonly sack: Int32Array
}

export function newSegment(): Segment {
  return {
    sourcePort: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgment: 0,
    flags: 0,
    window: 0,
    data: 0,
    dataBytes: 0,
    maximumSegmentSize: -1,
    windowScale: -1,
    sackPermitted: false,
    hasTimestamps: false,
    timestamp: 0,
    timestampEcho: 0,
    sackCount: 0,
    sack: new Int32Array(8),
  }
}

/** False when the header does not fit its packet. The urgent pointer is ignored, which RFC 6093 §4 leaves open. */
export function readSegment(packet: IpPacket, segment: Segment): boolean {
  const { bytes, payload: at, payloadBytes } = packet
  if (payloadBytes < TCP_HEADER_BYTES) return false
  const headerBytes = (bytes[at + 12]! >>> 4) * 4
  if (headerBytes < TCP_HEADER_BYTES || headerBytes > payloadBytes) return false
  segment.sourcePort = get16(bytes, at)
  segment.destinationPort = get16(bytes, at + 2)
  segment.sequence = get32(bytes, at + 4)
  segment.acknowledgment = get32(bytes, at + 8)
  segment.flags = bytes[at + 13]! & 0x3f
  segment.window = get16(bytes, at + 14)
  segment.data = at + headerBytes
  segment.dataBytes = payloadBytes - headerBytes
  segment.maximumSegmentSize = segment.windowScale = -1
  segment.sackPermitted = segment.hasTimestamps = false
  segment.sackCount = 0
  if (headerBytes > TCP_HEADER_BYTES) readOptions(bytes, at + TCP_HEADER_BYTES, segment.data, segment)
  return true
}

/** What the segment takes up of the sequence (RFC 9293 §3.4). */
export function sequenceLength(segment: Segment): number {
  return segment.dataBytes + (segment.flags & SYN ? 1 : 0) + (segment.flags & FIN ? 1 : 0)
}

/** An option of impossible length ends the list (RFC 9293 §3.1); what was read before it counts. */
function readOptions(bytes: Uint8Array, at: number, end: number, segment: Segment): void {
  // Nearly every segment: two NOPs and timestamps (RFC 7323 appendix A).
  if (end - at === 12 && get32(bytes, at) === 0x0101080a) {
    readTimestamps(bytes, at + 4, segment)
    return
  }
  while (at < end) {
    const kind = bytes[at]!
    if (kind === END) return
    if (kind === NO_OPERATION) {
      at++
      continue
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0
    if (length < 2 || at + length > end) return
    readOption(bytes, at, kind, length, segment)
    at += length
  }
}

function readOption(bytes: Uint8Array, at: number, kind: number, length: number, segment: Segment): void {
  const isSyn = (segment.flags & SYN) !== 0
  if (kind === TIMESTAMPS && length === 10) readTimestamps(bytes, at + 2, segment)
  else if (kind === SACK && length % 8 === 2) readSack(bytes, at + 2, length >> 3, segment)
  else if (!isSyn) return
  else if (kind === MAXIMUM_SEGMENT_SIZE && length === 4) segment.maximumSegmentSize = get16(bytes, at + 2)
  // RFC 7323 §2.3: more than 14 means 14.
  else if (kind === WINDOW_SCALE && length === 3) segment.windowScale = Math.min(14, bytes[at + 2]!)
  else if (kind === SACK_PERMITTED && length === 2) segment.sackPermitted = true
}

function readTimestamps(bytes: Uint8Array, at: number, segment: Segment): void {
  segment.hasTimestamps = true
  segment.timestamp = get32(bytes, at)
  segment.timestampEcho = get32(bytes, at + 4)
}

function readSack(bytes: Uint8Array, at: number, count: number, segment: Segment): void {
  segment.sackCount = count
  for (let i = 0; i < count * 2; i++) segment.sack[i] = get32(bytes, at + i * 4)
}
