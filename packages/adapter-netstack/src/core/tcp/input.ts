/** A segment arrives (RFC 9293 §3.10.7). */
import type { IpPacket } from '../ip/packet.js'
import { processAcknowledgment } from './acknowledgment.js'
import { challenge, CHALLENGE_INTERVAL_MS } from './challenge.js'
import { enterTimeWait, finishConnection } from './closing.js'
import { type Connection, CONNECTED } from './connection.js'
import { accept, arriveInListen, arriveInSynSent } from './handshake.js'
import { arriveData } from './receiving.js'
import { answerWithReset } from './reset.js'
import { ACK, FIN, readSegment, RST, type Segment, sequenceLength, SYN } from './segment.js'
import { distance, isAfter, isBefore } from './sequence.js'
import type { Tcp } from './tcp.js'

/** RFC 7323 §5.5: a timestamp this old says nothing. */
const PAWS_IDLE_MS = 24 * 24 * 60 * 60 * 1000

/** Takes a TCP packet to one of our addresses, whose checksum is right. */
export function arrive(tcp: Tcp, packet: IpPacket): void {
  const { segment } = tcp
  if (!readSegment(packet, segment) || segment.sourcePort === 0) {
    tcp.stats.malformed++
    return
  }
  tcp.stats.segmentsReceived++
  const { bytes, destination, source, addressBytes } = packet
  const { destinationPort, sourcePort } = segment
  let connection = tcp.table.find(bytes, destination, source, addressBytes, destinationPort, sourcePort)
  if (connection?.state === 'TIME_WAIT' && isNewIncarnation(connection, segment)) {
    finishConnection(tcp, connection, null)
    connection = null
  }
  if (connection !== null) arriveInConnection(tcp, connection, packet, segment)
  else {
    const listener = tcp.listenerFor(bytes, destination, addressBytes, destinationPort)
    if (listener === null) answerWithReset(tcp, packet, segment)
    else arriveInListen(tcp, listener, packet, segment)
  }
}

/** RFC 9293 §3.6.1 and RFC 6191: a SYN that no old segment can be opens the pair of ports anew. */
function isNewIncarnation(connection: Connection, segment: Segment): boolean {
  if ((segment.flags & (SYN | ACK | RST | FIN)) !== SYN) return false
  if (connection.timestamps && segment.hasTimestamps && segment.timestamp !== connection.tsRecent) {
    return isAfter(segment.timestamp, connection.tsRecent)
  }
  return isAfter(segment.sequence, connection.rcvNxt)
}

function arriveInConnection(tcp: Tcp, connection: Connection, packet: IpPacket, segment: Segment): void {
  if (connection.state === 'SYN_SENT') {
    arriveInSynSent(tcp, connection, packet, segment)
    return
  }
  if (isCrossedAnswer(connection, segment)) {
    connection.lastHeardAt = tcp.now
    accept(tcp, connection, segment)
    connection.acksPending = 1
    tcp.raise(connection, CONNECTED)
    tcp.wantsOutput(connection)
    return
  }
  if (!isAcceptable(tcp, connection, segment)) return
  connection.lastHeardAt = tcp.now
  connection.keepAliveProbes = 0
  if (segment.flags & RST) {
    arriveReset(tcp, connection, segment)
    return
  }
  // RFC 5961 §4: whatever its number, a SYN in a synchronized state is challenged.
  if (segment.flags & SYN) {
    challenge(tcp, connection)
    return
  }
  // RFC 9293 §3.10.7.4, fifth: without an ACK it is dropped.
  if ((segment.flags & ACK) === 0) return
  if (connection.state === 'SYN_RECEIVED') {
    const isOurs = isAfter(segment.acknowledgment, connection.una) && !isAfter(segment.acknowledgment, connection.max)
    if (!isOurs) {
      answerWithReset(tcp, packet, segment)
      return
    }
    accept(tcp, connection, segment)
    tcp.raise(connection, CONNECTED)
  }
  if (!processAcknowledgment(tcp, connection, segment)) return
  // Only now: a guess whose ACK cannot be (RFC 5961 §5) would make every honest segment look old.
  rememberTimestamp(tcp, connection, segment)
  if (segment.dataBytes > 0 || segment.flags & FIN) arriveData(tcp, connection, packet, segment)
}

/**
 * RFC 9293 §3.5 figure 7, line 6: both sides have called, and both have answered. By its number alone the answer would be
 * an old segment, which both would go on repeating.
 */
function isCrossedAnswer(connection: Connection, segment: Segment): boolean {
  if (connection.state !== 'SYN_RECEIVED' || connection.isPassive) return false
  const isAnswer = (segment.flags & (SYN | ACK | RST | FIN)) === (SYN | ACK)
  return isAnswer && segment.sequence === connection.irs && segment.acknowledgment === connection.max
}

/** RFC 9293 §3.10.7.4, first, with PAWS (RFC 7323 §5.3) before it. What is not acceptable is answered here. */
function isAcceptable(tcp: Tcp, connection: Connection, segment: Segment): boolean {
  const isReset = (segment.flags & RST) !== 0
  if (connection.timestamps && !isReset) {
    // RFC 7323 §3.2: once agreed on, timestamps are in every segment.
    if (!segment.hasTimestamps) return false
    const isOld = isBefore(segment.timestamp, connection.tsRecent)
    if (isOld && tcp.now - connection.tsRecentAt < PAWS_IDLE_MS) {
      answerUnacceptable(tcp, connection, segment)
      return false
    }
  }
  if (isInWindow(connection, segment)) return true
  if (connection.state === 'SYN_RECEIVED' && segment.flags & SYN && segment.sequence === connection.irs) {
    // Our answer was lost, or theirs was repeated.
    if (tcp.now - connection.lastSentAt >= CHALLENGE_INTERVAL_MS) {
      connection.synPending = true
      tcp.wantsOutput(connection)
    }
  } else if (!isReset) {
    if (connection.state === 'TIME_WAIT' && segment.flags & FIN) enterTimeWait(tcp, connection)
    answerUnacceptable(tcp, connection, segment)
  }
  return false
}

/** RFC 9293 §3.4 table 6. With a closed window the numbers of ACKs, and of a FIN that needs no room, are still good. */
function isInWindow(connection: Connection, segment: Segment): boolean {
  const next = connection.rcvNxt
  const { receiveEdge } = connection
  const length = sequenceLength(segment)
  const { sequence } = segment
  if (sequence === next) return true
  if (length === 0) return isAfter(sequence, next) && isBefore(sequence, receiveEdge)
  return isBefore(sequence, receiveEdge) && isAfter((sequence + length) | 0, next) && distance(receiveEdge, next) > 0
}

/** RFC 9293 §3.10.7.4: an ACK in return. One without data could be such an ACK itself: two sides must not shout forever. */
function answerUnacceptable(tcp: Tcp, connection: Connection, segment: Segment): void {
  if (segment.dataBytes === 0 && (segment.flags & (SYN | FIN)) === 0) {
    challenge(tcp, connection)
    return
  }
  connection.acksPending = 1
  tcp.wantsOutput(connection)
}

/** RFC 5961 §3.2: only the exact number resets. */
function arriveReset(tcp: Tcp, connection: Connection, segment: Segment): void {
  // RFC 1337: TIME-WAIT is not to be assassinated.
  if (connection.state === 'TIME_WAIT') return
  if (segment.sequence !== connection.rcvNxt) {
    challenge(tcp, connection)
    return
  }
  if (connection.state === 'SYN_RECEIVED') finishConnection(tcp, connection, 'ECONNREFUSED')
  // Both FINs have crossed: nothing is lost that anyone waited for.
  else if (connection.state === 'CLOSING' || connection.state === 'LAST_ACK') {
    finishConnection(tcp, connection, connection.sendBuffer.length > 0 ? 'ECONNRESET' : null)
  } else finishConnection(tcp, connection, 'ECONNRESET')
}

/** RFC 7323 §4.3: of the segment that holds the next expected number. */
function rememberTimestamp(tcp: Tcp, connection: Connection, segment: Segment): void {
  if (!connection.timestamps || isAfter(segment.sequence, connection.lastAckSent)) return
  connection.tsRecent = segment.timestamp
  connection.tsRecentAt = tcp.now
}
