/** Writes segments of a connection: headers, options, data, checksum. */
import { put16, put32 } from '../bytes.js'
import { transportChecksum, writeIp } from '../ip/header.js'
import { ipHeaderBytes, TCP } from '../ip/protocol.js'
import { type Connection, NEVER } from './connection.js'
import {
  ACK,
  MAXIMUM_SEGMENT_SIZE,
  SACK,
  SACK_PERMITTED,
  SYN,
  TCP_HEADER_BYTES,
  TIMESTAMPS,
  WINDOW_SCALE,
} from './segment.js'
import { distance, isAfter } from './sequence.js'
import type { Tcp } from './tcp.js'

const MAX_WINDOW = 65535
export const TIMESTAMP_OPTION_BYTES = 12
/** Three blocks beside timestamps, four without (RFC 2018 §3). */
const blocks = new Int32Array(8)

/** A segment with `length` bytes of data from `sequence` on, and always an ACK. Returns the length of the packet. */
export function writeData(
  tcp: Tcp,
  connection: Connection,
  bytes: Uint8Array,
  start: number,
  sequence: number,
  length: number,
  flags: number,
): number {
  const ipBytes = ipHeaderBytes(connection.local.length === 4 ? 4 : 6)
  const at = start + ipBytes
  let next = at + TCP_HEADER_BYTES
  if (connection.timestamps) next = putTimestamps(tcp, connection, bytes, next)
  if (length === 0 && connection.receiveBuffer.hasIslands && connection.sack) next = putSack(connection, bytes, next)
  const headerBytes = next - at
  if (length > 0) connection.sendBuffer.read(sequence, bytes, next, length)
  const acknowledgment = connection.rcvNxt
  const window = advertise(connection, acknowledgment)
  connection.lastAckSent = acknowledgment
  connection.unackedSegments = 0
  connection.ackAt = NEVER
  return finish(tcp, connection, bytes, start, headerBytes, length, sequence, acknowledgment, flags | ACK, window)
}

/** A SYN, or SYN with ACK, with everything we offer (RFC 9293 §3.7.1, RFC 7323 §1.3, RFC 2018 §2). */
export function writeSyn(tcp: Tcp, connection: Connection, bytes: Uint8Array, start: number): number {
  const isAnswer = connection.state === 'SYN_RECEIVED'
  const ipBytes = ipHeaderBytes(connection.local.length === 4 ? 4 : 6)
  const at = start + ipBytes
  let next = at + TCP_HEADER_BYTES
  // RFC 6691: of the interface, without options. A path's own limit is found by its routers.
  put32(bytes, next, (MAXIMUM_SEGMENT_SIZE << 24) | (4 << 16) | (tcp.network.interfaceMtu - ipBytes - TCP_HEADER_BYTES))
  next += 4
  if (!isAnswer || connection.timestamps) {
    next = putTimestamps(tcp, connection, bytes, next)
    if (!isAnswer || connection.sack) put16(bytes, next - TIMESTAMP_OPTION_BYTES, (SACK_PERMITTED << 8) | 2)
  } else if (connection.sack) {
    put32(bytes, next, 0x01010000 | (SACK_PERMITTED << 8) | 2)
    next += 4
  }
  if (!isAnswer || connection.windowScaling) {
    put32(bytes, next, 0x01000000 | (WINDOW_SCALE << 16) | (3 << 8) | connection.receiveShift)
    next += 4
  }
  // RFC 7323 §2.2: the window of a SYN is not scaled.
  const window = Math.min(MAX_WINDOW, connection.receiveBuffer.space)
  const acknowledgment = isAnswer ? connection.rcvNxt : 0
  if (isAnswer) connection.receiveEdge = (acknowledgment + window) | 0
  connection.lastAckSent = acknowledgment
  const flags = isAnswer ? SYN | ACK : SYN
  return finish(tcp, connection, bytes, start, next - at, 0, connection.iss, acknowledgment, flags, window)
}

/**
 * The window for the header. It moves in steps worth telling (RFC 9293 §3.8.6.2.2) and never backwards (§3.8.6): what
 * was once advertised is accepted.
 */
function advertise(connection: Connection, next: number): number {
  const { receiveBuffer, receiveShift } = connection
  let edge = possibleEdge(connection)
  const step = Math.min(receiveBuffer.limit >> 1, connection.segmentBytes)
  if (distance(edge, connection.receiveEdge) < step) edge = connection.receiveEdge
  const field = Math.min(MAX_WINDOW, Math.max(0, distance(edge, next)) >>> receiveShift)
  const advertised = (next + (field << receiveShift)) | 0
  if (isAfter(advertised, connection.receiveEdge)) connection.receiveEdge = advertised
  return field
}

/** Would an ACK tell of room that the peer may be waiting for? */
export function hasWindowToTell(connection: Connection): boolean {
  const { receiveBuffer, receiveShift } = connection
  const known = distance(connection.receiveEdge, receiveBuffer.next)
  const most = Math.min(receiveBuffer.limit, MAX_WINDOW << receiveShift)
  // Data that flow carry the news by themselves while the window is open.
  if (known > most >> 1) return false
  return distance(possibleEdge(connection), connection.receiveEdge) >= Math.min(most >> 1, 2 * connection.segmentBytes)
}

/** As far as there is room, and the header can tell. */
function possibleEdge({ receiveBuffer, receiveShift }: Connection): number {
  return (receiveBuffer.next + Math.min(receiveBuffer.space, MAX_WINDOW << receiveShift)) | 0
}

function putTimestamps(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  put32(bytes, at, 0x01010000 | (TIMESTAMPS << 8) | 10)
  put32(bytes, at + 4, timestampNow(tcp, connection))
  put32(bytes, at + 8, connection.tsRecent)
  return at + TIMESTAMP_OPTION_BYTES
}

/** RFC 7323 §5.4: a tick of one millisecond. */
export function timestampNow(tcp: Tcp, connection: Connection): number {
  return (Math.floor(tcp.now) + connection.timestampOffset) | 0
}

function putSack(connection: Connection, bytes: Uint8Array, at: number): number {
  const count = connection.receiveBuffer.sackBlocks(blocks, connection.timestamps ? 3 : 4)
  put32(bytes, at, 0x01010000 | (SACK << 8) | (2 + count * 8))
  for (let i = 0; i < count * 2; i++) put32(bytes, at + 4 + i * 4, blocks[i]!)
  return at + 4 + count * 8
}

function finish(
  tcp: Tcp,
  connection: Connection,
  bytes: Uint8Array,
  start: number,
  headerBytes: number,
  dataBytes: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
): number {
  const length = headerBytes + dataBytes
  const ipBytes = writeIp(bytes, start, TCP, length, connection.local, connection.remote, null)
  const at = start + ipBytes
  put16(bytes, at, connection.localPort)
  put16(bytes, at + 2, connection.remotePort)
  put32(bytes, at + 4, sequence)
  put32(bytes, at + 8, acknowledgment)
  put16(bytes, at + 12, (headerBytes << 10) | flags)
  put16(bytes, at + 14, window)
  put32(bytes, at + 16, 0)
  put16(bytes, at + 16, transportChecksum(bytes, at, length, connection.pseudoSum))
  tcp.stats.segmentsSent++
  connection.lastSentAt = tcp.now
  return ipBytes + length
}
