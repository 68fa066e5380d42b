/** What ICMP errors may do to a connection: little, since anyone can write them (RFC 5927). */
import type { PathMtuCache } from '../ip/path-mtu.js'
import type { Quoted } from '../icmp.js'
import { finishConnection } from './closing.js'
import type { Connection, NetworkErrorCode } from './connection.js'
import { setSegmentBytes } from './handshake.js'
import { isBefore } from './sequence.js'
import type { Tcp } from './tcp.js'
import { setPathSegment } from './timers.js'

/** RFC 5927 §4.1: the error must quote a number that is under way. */
function isUnderWay(connection: Connection, sequence: number): boolean {
  return connection.isOpen && !isBefore(sequence, connection.una) && isBefore(sequence, connection.max)
}

/**
 * RFC 1122 §4.2.3.9 and RFC 5461: it ends an attempt to connect, so that the next address can be tried. An established
 * connection outlives it and tells of it only when it times out.
 */
export function arriveUnreachable(tcp: Tcp, connection: Connection, quoted: Quoted, code: NetworkErrorCode): void {
  if (!isUnderWay(connection, quoted.sequence)) return
  if (connection.state === 'SYN_SENT') finishConnection(tcp, connection, code)
  else connection.softError = code === 'ECONNREFUSED' ? 'EHOSTUNREACH' : code
}

/** RFC 1191 §6, RFC 8201 §5.4: smaller segments from now on, beginning with what did not fit. */
export function arriveTooBig(tcp: Tcp, connection: Connection, quoted: Quoted, paths: PathMtuCache): void {
  if (!isUnderWay(connection, quoted.sequence)) return
  // A router that says less than it must, or nothing (RFC 1191 §5), leaves it to us: the next plateau will do.
  if (quoted.mtu >= quoted.totalBytes) return
  const mtu = quoted.mtu === 0 ? Math.floor(quoted.totalBytes * 0.75) : quoted.mtu
  paths.learn(connection.remote, mtu, tcp.network.interfaceMtu, tcp.now)
  refit(tcp, connection)
}

/** The MTU of the interface or a path became smaller. */
export function refit(tcp: Tcp, connection: Connection): void {
  const before = connection.segmentBytes
  setSegmentBytes(tcp, connection)
  if (connection.segmentBytes >= before) {
    connection.segmentBytes = before
    return
  }
  setPathSegment(connection, connection.segmentBytes)
  tcp.wantsOutput(connection)
}
