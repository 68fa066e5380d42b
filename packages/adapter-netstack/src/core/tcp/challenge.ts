/** Challenge ACKs (RFC 5961). */
import type { Connection } from './connection.js'
import type { Tcp } from './tcp.js'

/** RFC 5961 §7: how often a connection says what it expects; by connection, since a common limit is an oracle (CVE-2016-5696). */
export const CHALLENGE_INTERVAL_MS = 100

/** A challenge ACK (RFC 5961): an honest peer that has forgotten us resets with the number that it tells. */
export function challenge(tcp: Tcp, connection: Connection): void {
  if (tcp.now - connection.lastChallengeAt < CHALLENGE_INTERVAL_MS) return
  connection.lastChallengeAt = tcp.now
  connection.acksPending = Math.max(1, connection.acksPending)
  tcp.stats.challengeAcks++
  tcp.wantsOutput(connection)
}
