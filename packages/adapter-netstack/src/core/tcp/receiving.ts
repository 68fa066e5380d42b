/** Data and FIN of a segment (RFC 9293 §3.10.7.4, seventh and eighth), when to acknowledge, and how the window grows. */
import type { IpPacket } from '../ip/packet.js'
import { enterTimeWait, finishConnection, finReceived } from './closing.js'
import { type Connection, ENDED, NEVER, READABLE } from './connection.js'
import { hasWindowToTell, timestampNow } from './header.js'
import { sendReset } from './reset.js'
import { FIN, type Segment } from './segment.js'
import { distance, isAfter, isBefore } from './sequence.js'
import type { Tcp } from './tcp.js'

/** RFC 9293 §3.8.6.3 allows 500 ms. */
const DELAYED_ACK_MS = 40
/** At most so many ACKs for segments out of order wait for a peer that counts them (RFC 5681 §4.2). */
const MAX_PENDING_ACKS = 16
/** What is longer was a sender that had nothing to send. */
const LONGEST_ROUND_MS = 2000

export function arriveData(tcp: Tcp, connection: Connection, packet: IpPacket, segment: Segment): void {
  if (connection.finReceived) {
    // All of it is old, or comes after the end: RFC 9293 says it should not occur.
    if (connection.state === 'TIME_WAIT' && segment.flags & FIN) enterTimeWait(tcp, connection)
    acknowledgeNow(tcp, connection)
    return
  }
  const { receiveBuffer, receiveEdge } = connection
  const { sequence } = segment
  const end = (sequence + segment.dataBytes) | 0
  if (connection.readClosed && isAfter(end, receiveBuffer.next)) {
    refuse(tcp, connection)
    return
  }
  const before = receiveBuffer.next
  const beyond = Math.max(0, distance(end, receiveEdge))
  const length = segment.dataBytes - beyond
  const hadIslands = receiveBuffer.hasIslands
  if (length > 0 && !receiveBuffer.insert(sequence, packet.bytes, segment.data, length)) {
    tcp.stats.noMemory++
    acknowledgeNow(tcp, connection)
    return
  }
  if (segment.flags & FIN && beyond === 0 && !connection.finSeen) {
    connection.finSeen = true
    connection.finSequence = end
  }
  const advanced = receiveBuffer.next !== before
  if (advanced) {
    measureRound(tcp, connection, segment)
    tcp.raise(connection, READABLE)
  }
  if (connection.finSeen && !isBefore(receiveBuffer.next, connection.finSequence)) takeFin(tcp, connection)
  else if (!advanced || hadIslands || beyond > 0 || receiveBuffer.hasIslands) repeatAck(tcp, connection)
  else acknowledgeLater(tcp, connection)
}

/**
 * Data echo the time of the ACK that let them out: how long ago that was is the round trip, and what the sender's
 * application waited. Without it a receiver would know that of the handshake alone, and its window would not grow when the
 * path, or a busy machine, becomes slower.
 */
function measureRound(tcp: Tcp, connection: Connection, segment: Segment): void {
  const { timestampEcho } = segment
  if (!connection.timestamps || timestampEcho === connection.receiveEcho) return
  connection.receiveEcho = timestampEcho
  const sample = distance(timestampNow(tcp, connection), timestampEcho)
  if (sample < 0 || sample > LONGEST_ROUND_MS) return
  const before = connection.receiveRoundTrip
  connection.receiveRoundTrip = before < 0 ? sample : before + (sample - before) / 8
}

function takeFin(tcp: Tcp, connection: Connection): void {
  connection.finReceived = true
  acknowledgeNow(tcp, connection)
  tcp.raise(connection, ENDED)
  finReceived(tcp, connection)
}

/** Data for an application that has gone (RFC 2525 §2.17). */
function refuse(tcp: Tcp, connection: Connection): void {
  sendReset(tcp, connection)
  finishConnection(tcp, connection, 'ECONNRESET')
}

export function acknowledgeNow(tcp: Tcp, connection: Connection): void {
  connection.acksPending = Math.max(1, connection.acksPending)
  tcp.wantsOutput(connection)
}

/** RFC 5681 §4.2: out of order, or filling a gap: at once. One ACK with blocks says it all, without them each one counts. */
function repeatAck(tcp: Tcp, connection: Connection): void {
  if (connection.sack) connection.acksPending = 1
  else connection.acksPending = Math.min(MAX_PENDING_ACKS, connection.acksPending + 1)
  tcp.wantsOutput(connection)
}

/** RFC 9293 §3.8.6.3: at least every second segment, and not late. At first all of them: the peer's window grows by them. */
function acknowledgeLater(tcp: Tcp, connection: Connection): void {
  connection.unackedSegments++
  if (connection.quickAcks > 0) connection.quickAcks--
  else if (connection.unackedSegments < 2) {
    if (connection.ackAt === NEVER) {
      connection.ackAt = tcp.now + DELAYED_ACK_MS
      tcp.deadlineMoved(connection)
    }
    return
  }
  acknowledgeNow(tcp, connection)
}

/** The application took bytes: the window may move, and grow when half of it is read in each round trip. */
export function hasRead(tcp: Tcp, connection: Connection, bytes: number): void {
  const { receiveBuffer } = connection
  connection.readBytes += bytes
  // Without timestamps there is the one of the handshake.
  const round = Math.max(1, connection.receiveRoundTrip < 0 ? connection.rtt.smoothed : connection.receiveRoundTrip)
  if (tcp.now - connection.readRoundAt >= round) {
    if (connection.readBytes * 2 >= receiveBuffer.limit) {
      receiveBuffer.limit = Math.min(tcp.options.maxBufferBytes, receiveBuffer.limit * 2)
    }
    connection.readRoundAt = tcp.now
    connection.readBytes = 0
  }
  if (!connection.isOpen || connection.finReceived || connection.state === 'TIME_WAIT') return
  if (hasWindowToTell(connection)) acknowledgeNow(tcp, connection)
}
