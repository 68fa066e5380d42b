/** What happens when the deadlines of a connection run out. */
import { finishConnection } from './closing.js'
import { type Connection, NEVER } from './connection.js'
import { IPV4_MIN_MTU, IPV6_MIN_MTU } from '../ip/protocol.js'
import { acknowledgeNow } from './receiving.js'
import { lossWindow } from './recovery.js'
import type { Tcp } from './tcp.js'

/** RFC 9293 §3.8.4: after the first probe one every 75 s at most, nine in all, as everyone does. */
const KEEP_ALIVE_INTERVAL_MS = 75_000
const KEEP_ALIVE_PROBES = 9
/** RFC 2923 §2.1: so many timeouts in a row of large segments look like a path that swallows them. */
const BLACK_HOLE_TIMEOUTS = 2
/** Headers and options, of the smallest packets that every path carries. */
const SMALLEST_SEGMENT_IPV4: number = IPV4_MIN_MTU - 52
const SMALLEST_SEGMENT_IPV6: number = IPV6_MIN_MTU - 72

/** Runs every deadline that is due. */
export function runDeadlines(tcp: Tcp): void {
  const { now } = tcp
  for (;;) {
    const connection = tcp.deadlines.earliest()
    if (connection === null || connection.heapAt > now) return
    expire(tcp, connection, now)
    tcp.deadlineMoved(connection)
  }
}

function expire(tcp: Tcp, connection: Connection, now: number): void {
  if (connection.ackAt <= now) {
    connection.ackAt = NEVER
    acknowledgeNow(tcp, connection)
  }
  if (connection.retransmitAt <= now) retransmit(tcp, connection)
  if (connection.persistAt <= now) probe(tcp, connection)
  if (connection.keepAliveAt <= now) keepAlive(tcp, connection, now)
  if (connection.waitAt <= now) {
    connection.waitAt = NEVER
    finishConnection(tcp, connection, null)
  }
}

/** RFC 6298 §5.4 to §5.7, RFC 5681 §3.1. */
function retransmit(tcp: Tcp, connection: Connection): void {
  connection.retransmitAt = NEVER
  tcp.stats.timeouts++
  const isSyn = connection.state === 'SYN_SENT' || connection.state === 'SYN_RECEIVED'
  if (++connection.retries > (isSyn ? tcp.options.synRetries : tcp.options.dataRetries)) {
    // RFC 9293 §3.8.3 (R2). An ICMP error tells more than that nothing came (RFC 5461 §4).
    finishConnection(tcp, connection, connection.softError ?? 'ETIMEDOUT')
    return
  }
  connection.rtt.backOff()
  if (isSyn) connection.synPending = true
  else goBack(tcp, connection)
  tcp.wantsOutput(connection)
}

/** Everything that is not acknowledged counts as lost. RFC 2018 §8: the peer may have dropped what it had reported. */
function goBack(tcp: Tcp, connection: Connection): void {
  // In recovery the threshold is that of the same loss already; what has been sent since would raise it.
  connection.congestion.onTimeout(lossWindow(connection), connection.retries === 1 && !connection.inRecovery)
  connection.scoreboard.clear()
  connection.duplicateAcks = 0
  connection.inRecovery = connection.retransmitFirst = false
  connection.recoveryPoint = connection.max
  connection.nxt = connection.una
  connection.timedAt = -1
  const smallest = connection.local.length === 4 ? SMALLEST_SEGMENT_IPV4 : SMALLEST_SEGMENT_IPV6
  if (connection.segmentBytes <= smallest || ++connection.blackHoleTimeouts <= BLACK_HOLE_TIMEOUTS) return
  connection.blackHoleTimeouts = 0
  setPathSegment(connection, Math.max(smallest, connection.segmentBytes >> 1))
  tcp.stats.blackHoles++
}

/** RFC 9293 §3.8.6.1: as long as the peer answers, for ever; the interval grows like the retransmission's. */
function probe(tcp: Tcp, connection: Connection): void {
  connection.persistAt = NEVER
  if (connection.probes++ >= tcp.options.dataRetries) {
    finishConnection(tcp, connection, connection.softError ?? 'ETIMEDOUT')
    return
  }
  connection.rtt.backOff()
  connection.probePending = true
  tcp.wantsOutput(connection)
}

function keepAlive(tcp: Tcp, connection: Connection, now: number): void {
  const interval = Math.min(connection.keepAliveMs, KEEP_ALIVE_INTERVAL_MS)
  const idleUntil = connection.lastHeardAt + connection.keepAliveMs
  if (connection.keepAliveProbes === 0 && idleUntil > now) {
    connection.keepAliveAt = idleUntil
    return
  }
  // Retransmissions and window probes ask the same question.
  if (connection.retransmitAt === NEVER && connection.persistAt === NEVER) {
    if (connection.keepAliveProbes++ >= KEEP_ALIVE_PROBES) {
      finishConnection(tcp, connection, connection.softError ?? 'ETIMEDOUT')
      return
    }
    connection.keepAlivePending = true
    tcp.wantsOutput(connection)
  }
  connection.keepAliveAt = now + interval
}

/** The path takes smaller segments: what is under way in larger ones is sent again, and no congestion is to blame. */
export function setPathSegment(connection: Connection, bytes: number): void {
  connection.segmentBytes = bytes
  connection.congestion.setSegment(bytes)
  connection.nxt = connection.una
  connection.inRecovery = connection.retransmitFirst = false
  connection.recoveryPoint = connection.max
}
