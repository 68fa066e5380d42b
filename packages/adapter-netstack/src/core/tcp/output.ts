/** What a connection sends next: one packet a call, made when there is room for it. */
import { type Connection, NEVER } from './connection.js'
import { writeData, writeSyn } from './header.js'
import { nextRepair, pipe } from './recovery.js'
import { FIN, PSH } from './segment.js'
import { distance, isAfter, isBefore } from './sequence.js'
import type { Tcp } from './tcp.js'

/** Writes the next packet of `connection` at `bytes[at]`; returns its length, 0 when it has nothing to send now. */
export function nextPacket(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  const { state } = connection
  if (state === 'CLOSED') return 0
  if (state === 'SYN_SENT' || state === 'SYN_RECEIVED') {
    return connection.synPending ? sendSyn(tcp, connection, bytes, at) : 0
  }
  if (state === 'TIME_WAIT') return connection.acksPending > 0 ? sendAck(tcp, connection, bytes, at) : 0
  return nextSynchronized(tcp, connection, bytes, at)
}

function nextSynchronized(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  // Blocks fit beside data only at its cost: they go first, by themselves.
  if (connection.acksPending > 0 && connection.receiveBuffer.hasIslands) return sendAck(tcp, connection, bytes, at)
  if (connection.probePending) {
    connection.probePending = false
    const length = sendProbe(tcp, connection, bytes, at)
    if (length > 0) return length
  }
  const length = sendData(tcp, connection, bytes, at)
  if (length > 0) return length
  if (connection.acksPending > 0) return sendAck(tcp, connection, bytes, at)
  if (connection.keepAlivePending) {
    connection.keepAlivePending = false
    // RFC 9293 §3.8.4: a number that is out of the window calls for an ACK.
    return writeData(tcp, connection, bytes, at, (connection.una - 1) | 0, 0, 0)
  }
  return 0
}

function sendSyn(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  connection.synPending = false
  const length = writeSyn(tcp, connection, bytes, at)
  connection.nxt = connection.max = (connection.iss + 1) | 0
  // Karn: a SYN that was repeated measures nothing.
  connection.timedAt = connection.retries === 0 ? tcp.now : -1
  connection.timedSequence = connection.max
  // Whoever repeats its SYN does not make us wait any longer: a half-open connection has its time.
  if (connection.retransmitAt === NEVER) startRetransmitTimer(tcp, connection)
  return length
}

function sendAck(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  connection.acksPending--
  return writeData(tcp, connection, bytes, at, connection.nxt, 0, 0)
}

/**
 * New data, or data again, as windows allow. Sender side of silly window avoidance: RFC 9293 §3.8.6.2.1; Nagle: §3.7.4.
 */
function sendData(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  const { sendBuffer, segmentBytes, scoreboard } = connection
  const end = sendBuffer.end
  if (isAfter(connection.nxt, end)) {
    // Everything is out, and the FIN with it.
    return connection.inRecovery || connection.retransmitFirst ? repair(tcp, connection, bytes, at, 0) : 0
  }
  if (isBefore(connection.nxt, connection.max)) connection.nxt = scoreboard.skip(connection.nxt)
  const inWindow = distance((connection.una + connection.sendWindow) | 0, connection.nxt)
  const available = Math.max(0, distance(end, connection.nxt))
  if (connection.inRecovery || connection.retransmitFirst) {
    const length = repair(tcp, connection, bytes, at, Math.min(available, inWindow))
    if (length > 0) return length
  }
  if (available === 0 && !connection.finQueued) return idle(connection)
  restartAfterIdle(tcp, connection)
  const wanted = Math.min(segmentBytes, available)
  const length = Math.min(scoreboard.gap(connection.nxt, wanted), inWindow)
  const isFin = connection.finQueued && length === available && inWindow > length
  if (length <= 0 && !isFin) return blockedByPeer(tcp, connection)
  const isAgain = isBefore(connection.nxt, connection.max)
  const flight = inFlight(connection)
  if (flight > 0 && connection.congestion.window - flight < length) {
    connection.windowLimited = true
    return 0
  }
  const nothingOut = connection.una === connection.max
  const isSilly = length < segmentBytes && !isAgain && length < connection.maxSendWindow / 2
  if (isSilly && length < available) return blockedByPeer(tcp, connection)
  if (length < segmentBytes && !isAgain && !isFin && !connection.noDelay && !nothingOut && length === available)
    return 0
  const flags = (isFin ? FIN : 0) | (length > 0 && length === available ? PSH : 0)
  return transmit(tcp, connection, bytes, at, connection.nxt, length, flags)
}

/** In recovery: with SACK what {@link nextRepair} says, without it the first segment after each partial ACK (RFC 6582). */
function repair(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number, newDataBytes: number): number {
  const sequence = connection.sack
    ? nextRepair(connection, newDataBytes)
    : connection.retransmitFirst
      ? connection.una
      : null
  connection.retransmitFirst = false
  if (sequence === null || !isBefore(sequence, connection.max)) return 0
  const { sendBuffer, scoreboard, segmentBytes, max } = connection
  const toEnd = distance(sendBuffer.end, sequence)
  const length = scoreboard.gap(sequence, Math.min(segmentBytes, toEnd, distance(max, sequence)))
  const isFin = connection.finQueued && length === toEnd && isAfter(max, sendBuffer.end)
  const next = (sequence + length + (isFin ? 1 : 0)) | 0
  if (isAfter(next, connection.highRetransmitted)) connection.highRetransmitted = next
  return transmit(tcp, connection, bytes, at, sequence, length, isFin ? FIN : 0)
}

function transmit(
  tcp: Tcp,
  connection: Connection,
  bytes: Uint8Array,
  at: number,
  sequence: number,
  length: number,
  flags: number,
): number {
  const next = (sequence + length + (flags & FIN)) | 0
  if (isBefore(sequence, connection.max)) {
    tcp.stats.retransmits++
    connection.timedAt = -1
  } else if (connection.timedAt < 0) {
    connection.timedAt = tcp.now
    connection.timedSequence = next
  }
  if (flags & FIN) finSent(connection)
  if (sequence === connection.nxt) connection.nxt = next
  if (isAfter(next, connection.max)) connection.max = next
  connection.acksPending = 0
  connection.persistAt = NEVER
  if (connection.retransmitAt === NEVER) startRetransmitTimer(tcp, connection)
  return writeData(tcp, connection, bytes, at, sequence, length, flags)
}

/** A window that is closed, or too small to be worth a segment, is probed (RFC 9293 §3.8.6.1). */
function sendProbe(tcp: Tcp, connection: Connection, bytes: Uint8Array, at: number): number {
  const { sendBuffer, una } = connection
  if (connection.retransmitAt !== NEVER) return 0
  const available = distance(sendBuffer.end, una)
  if (available < 0 || (available === 0 && !connection.finQueued)) return 0
  connection.nxt = una
  const open = Math.min(connection.sendWindow, available, connection.segmentBytes)
  if (open > 0)
    return transmit(
      tcp,
      connection,
      bytes,
      at,
      una,
      open,
      open === available && connection.finQueued && connection.sendWindow > open ? FIN : 0,
    )
  const isFin = available === 0
  if (isFin) finSent(connection)
  connection.nxt = (una + 1) | 0
  if (isAfter(connection.nxt, connection.max)) connection.max = connection.nxt
  connection.persistAt = tcp.now + connection.rtt.timeout
  tcp.deadlineMoved(connection)
  return writeData(tcp, connection, bytes, at, una, isFin ? 0 : 1, isFin ? FIN : 0)
}

/** RFC 9293 §3.10.4: entered when the FIN goes out. */
function finSent(connection: Connection): void {
  if (connection.state === 'ESTABLISHED') connection.state = 'FIN_WAIT_1'
  else if (connection.state === 'CLOSE_WAIT') connection.state = 'LAST_ACK'
}

/** Nothing waits to be sent. A window that was not filled does not grow (RFC 7661 §4.3), but for slow start's sake half is. */
function idle(connection: Connection): number {
  const { congestion } = connection
  const flight = inFlight(connection)
  connection.windowLimited = congestion.isSlowStart && flight * 2 >= congestion.window
  return 0
}

/** The peer's window is the limit: when nothing is under way that would bring news of it, a timer must. */
function blockedByPeer(tcp: Tcp, connection: Connection): number {
  connection.windowLimited = false
  if (connection.retransmitAt === NEVER && connection.persistAt === NEVER) {
    connection.persistAt = tcp.now + connection.rtt.timeout
    tcp.deadlineMoved(connection)
  }
  return 0
}

/** RFC 5681 §4.1. */
function restartAfterIdle(tcp: Tcp, connection: Connection): void {
  if (connection.una !== connection.max) return
  if (tcp.now - connection.lastSentAt > connection.rtt.timeout) connection.congestion.onIdle()
}

/** Bytes under way that are not known to have arrived; a duplicate ACK without SACK stands for one segment (RFC 6582). */
function inFlight(connection: Connection): number {
  if (connection.inRecovery && connection.sack) return pipe(connection)
  const { una, nxt, scoreboard, segmentBytes } = connection
  const sent = distance(nxt, una)
  const arrived = connection.sack ? scoreboard.bytesBetween(una, nxt) : connection.duplicateAcks * segmentBytes
  return Math.max(0, sent - arrived)
}

export function startRetransmitTimer(tcp: Tcp, connection: Connection): void {
  connection.retransmitAt = tcp.now + connection.rtt.timeout
  tcp.deadlineMoved(connection)
}
