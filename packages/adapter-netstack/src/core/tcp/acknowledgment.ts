/** What an ACK says (RFC 9293 §3.10.7.4, fifth): arrived bytes, the peer's window, losses. */
import { challenge } from './challenge.js'
import { finAcknowledged } from './closing.js'
import { type Connection, NEVER, WRITABLE } from './connection.js'
import { timestampNow } from './header.js'
import { startRetransmitTimer } from './output.js'
import { enterRecovery, looksLost } from './recovery.js'
import { isPlausible } from './rtt.js'
import { FIN, type Segment, SYN } from './segment.js'
import { distance, isAfter, isBefore } from './sequence.js'
import type { Tcp } from './tcp.js'

/** False when the segment goes no further. */
export function processAcknowledgment(tcp: Tcp, connection: Connection, segment: Segment): boolean {
  if (connection.state === 'TIME_WAIT') return true
  const { acknowledgment } = segment
  // RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, or it is a guess.
  const isTooOld = isBefore(acknowledgment, (connection.una - connection.maxSendWindow) | 0)
  if (isAfter(acknowledgment, connection.max) || isTooOld) {
    challenge(tcp, connection)
    return false
  }
  if (isBefore(acknowledgment, connection.una)) return true
  const window = segment.window << connection.sendShift
  if (acknowledgment === connection.una) noteDuplicate(connection, segment, window)
  else acknowledge(tcp, connection, segment)
  if (!connection.isOpen) return false
  const isNewer = isBefore(connection.wl1, segment.sequence)
  if (isNewer || (connection.wl1 === segment.sequence && !isAfter(connection.wl2, acknowledgment))) {
    takeWindow(connection, segment, window)
  }
  const mayRecover = !connection.inRecovery && !isBefore(connection.una, connection.recoveryPoint)
  if (mayRecover && isUnderWay(connection) && looksLost(connection)) enterRecovery(tcp, connection)
  tcp.wantsOutput(connection)
  return true
}

/** RFC 9293 §3.10.7.4: SND.WND, SND.WL1, SND.WL2. A window that opens ends the probing. */
function takeWindow(connection: Connection, segment: Segment, window: number): void {
  if (connection.persistAt !== NEVER) {
    // The peer is there: it may keep its window closed as long as it likes (RFC 9293 §3.8.6.1), but not hold memory of
    // an application that is gone.
    if (!connection.readClosed) connection.probes = 0
    if (window > connection.sendWindow) {
      connection.persistAt = NEVER
      connection.nxt = connection.una
    }
  }
  connection.sendWindow = window
  connection.maxSendWindow = Math.max(connection.maxSendWindow, window)
  connection.wl1 = segment.sequence
  connection.wl2 = segment.acknowledgment
}

/** RFC 5681 §2: same number, same window, no data, something under way; with SACK, that it tells something new (RFC 6675 §2). */
function noteDuplicate(connection: Connection, segment: Segment, window: number): void {
  if (connection.sack) {
    if (takeBlocks(connection, segment)) connection.duplicateAcks++
    return
  }
  const isPlain = segment.dataBytes === 0 && (segment.flags & (SYN | FIN)) === 0
  if (isPlain && window === connection.sendWindow && isUnderWay(connection)) connection.duplicateAcks++
}

/** Data, not a window probe, whose refusal repeats the same ACK. */
function isUnderWay(connection: Connection): boolean {
  return connection.una !== connection.max && connection.retransmitAt !== NEVER
}

/** Blocks that lie in what was sent and not acknowledged; others are old, duplicates (RFC 2883) or invented. */
function takeBlocks(connection: Connection, segment: Segment): boolean {
  let isNews = false
  for (let i = 0; i < segment.sackCount; i++) {
    const start = segment.sack[i * 2]!
    const end = segment.sack[i * 2 + 1]!
    const isSound = isBefore(start, end) && isAfter(start, connection.una) && !isAfter(end, connection.max)
    if (isSound && connection.scoreboard.add(start, end)) isNews = true
  }
  return isNews
}

/** SND.UNA moves. */
function acknowledge(tcp: Tcp, connection: Connection, segment: Segment): void {
  const { scoreboard, congestion, sendBuffer } = connection
  const bytes = distance(segment.acknowledgment, connection.una)
  const roundTrip = measureRoundTrip(tcp, connection, segment)
  connection.una = segment.acknowledgment
  sendBuffer.acknowledge(connection.una)
  scoreboard.acknowledge(connection.una)
  if (connection.sack) takeBlocks(connection, segment)
  if (isBefore(connection.nxt, connection.una)) connection.nxt = connection.una
  connection.retries = connection.blackHoleTimeouts = connection.probes = 0
  connection.softError = null
  connection.rtt.resume()
  congestion.onRoundTrip(bytes, roundTrip)
  if (connection.inRecovery) recover(connection, bytes)
  else {
    connection.duplicateAcks = 0
    if (connection.windowLimited) congestion.onAcknowledged(bytes, connection.rtt.smoothed, tcp.now)
  }
  // RFC 6298 §5.2 and §5.3.
  connection.retransmitAt = connection.persistAt = NEVER
  if (connection.una !== connection.max) startRetransmitTimer(tcp, connection)
  growSendBuffer(tcp, connection)
  if (isAfter(connection.una, sendBuffer.end) && connection.finQueued) finAcknowledged(tcp, connection)
}

/** RFC 6675 §5 step B, RFC 6582 §3.2 step 3. */
function recover(connection: Connection, bytes: number): void {
  const { congestion, segmentBytes } = connection
  if (!isBefore(connection.una, connection.recoveryPoint)) {
    connection.inRecovery = false
    connection.duplicateAcks = 0
    congestion.window = Math.max(segmentBytes, Math.min(congestion.window, congestion.threshold))
    return
  }
  if (connection.sack) return
  // A partial ACK shows the next loss, and that so many segments have left the network.
  connection.duplicateAcks = Math.max(0, connection.duplicateAcks - Math.floor(bytes / segmentBytes) + 1)
  connection.retransmitFirst = true
}

/** By timestamps (RFC 7323 §4.1), else by the one segment that is timed. -1 when there is no measurement. */
function measureRoundTrip(tcp: Tcp, connection: Connection, segment: Segment): number {
  let ms = -1
  if (connection.timestamps) {
    ms = distance(timestampNow(tcp, connection), segment.timestampEcho)
    if (!isPlausible(ms)) return -1
    const segments = Math.max(1, distance(connection.max, connection.una) / connection.segmentBytes / 2)
    connection.rtt.measure(ms, segments)
  } else if (connection.timedAt >= 0 && !isBefore(segment.acknowledgment, connection.timedSequence)) {
    ms = tcp.now - connection.timedAt
    connection.timedAt = -1
    connection.rtt.measure(ms)
  }
  return ms
}

/** Room for twice what the path holds: one window under way, one being written. */
function growSendBuffer(tcp: Tcp, connection: Connection): void {
  const { sendBuffer, congestion } = connection
  // CUBIC's window has a fraction.
  const wanted = Math.floor(congestion.window) * 2
  if (wanted > sendBuffer.limit && connection.windowLimited) {
    sendBuffer.limit = Math.min(tcp.options.maxBufferBytes, Math.max(wanted, sendBuffer.limit))
  }
  if (connection.wantsWritable && sendBuffer.space >= sendBuffer.limit >> 2) {
    connection.wantsWritable = false
    tcp.raise(connection, WRITABLE)
  }
}
