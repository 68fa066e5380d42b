/** Which segment goes out while losses are repaired with SACK (RFC 6675). */
import type { Connection } from './connection.js'
import { DUPLICATE_THRESHOLD } from './scoreboard.js'
import { distance, isAfter, isBefore, later } from './sequence.js'
import type { Tcp } from './tcp.js'

/** The estimate of what is under way (RFC 6675 §4, SetPipe), in bytes. */
export function pipe(connection: Connection): number {
  const { una, max, scoreboard, highRetransmitted } = connection
  const lost = scoreboard.lostEdge(una, connection.segmentBytes)
  const notLost = distance(max, lost) - scoreboard.bytesBetween(lost, max)
  if (!isAfter(highRetransmitted, una)) return notLost
  return notLost + distance(highRetransmitted, una) - scoreboard.bytesBetween(una, highRetransmitted)
}

/** RFC 6675 §5: enough was reported as received above the first hole, or three ACKs said so without SACK (RFC 5681 §3.2). */
export function looksLost(connection: Connection): boolean {
  const { una, scoreboard, segmentBytes } = connection
  if (connection.duplicateAcks >= DUPLICATE_THRESHOLD) return true
  return connection.sack && scoreboard.lostEdge(una, segmentBytes) !== una
}

/** RFC 6675 §5 step 4, RFC 6582 §3.2 step 2. */
export function enterRecovery(tcp: Tcp, connection: Connection): void {
  tcp.stats.fastRecoveries++
  connection.inRecovery = true
  connection.recoveryPoint = connection.max
  connection.highRetransmitted = connection.una
  connection.rescued = false
  connection.retransmitFirst = true
  connection.timedAt = -1
  // After a timeout everything may be sent anew; what is repaired now is the whole of it.
  connection.nxt = connection.max
  connection.congestion.onLoss(lossWindow(connection))
}

/**
 * What the window is reduced from. RFC 5681 §3.1 says FlightSize, so that a window that was never filled does not count;
 * but ACKs come in batches, and between one and our answer little is under way. RFC 9438 §4.6 allows the window itself
 * where, as here, it only grows while it is filled.
 */
export function lossWindow(connection: Connection): number {
  const inFlight = distance(connection.max, connection.una)
  return connection.windowLimited ? Math.max(inFlight, connection.congestion.window) : inFlight
}

/**
 * The start of what to repair now (RFC 6675 §4, NextSeg rules 1, 3 and 4), or `null` when new data may go instead or
 * the window is full. `length` is set by the caller from {@link Scoreboard.gap}.
 */
export function nextRepair(connection: Connection, newDataBytes: number): number | null {
  const { una, max, scoreboard, segmentBytes } = connection
  if (connection.retransmitFirst) return scoreboard.skip(una)
  if (connection.congestion.window - pipe(connection) < Math.min(segmentBytes, distance(max, una))) return null
  const candidate = scoreboard.skip(later(connection.highRetransmitted, una))
  if (isBefore(candidate, scoreboard.lostEdge(una, segmentBytes))) return candidate
  if (newDataBytes > 0) return null
  if (isBefore(candidate, scoreboard.highest(una))) return candidate
  // Rule 4: once per recovery the last segment, whose loss no block can show.
  if (connection.rescued || !isBefore(candidate, max)) return null
  connection.rescued = true
  return isAfter((max - segmentBytes) | 0, candidate) ? scoreboard.skip((max - segmentBytes) | 0) : candidate
}
