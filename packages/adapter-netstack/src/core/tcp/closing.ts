/** The ways out: orderly (RFC 9293 §3.6), with a reset (§3.10.5), and TIME-WAIT. */
import { type Connection, GONE, type NetworkErrorCode, NEVER, type State } from './connection.js'
import { sendReset } from './reset.js'
import type { Tcp } from './tcp.js'

/** Long enough for a peer that has half-closed and still answers; then the state is given up, as other stacks do. */
const ABANDONED_FIN_WAIT_MS = 60_000

/** The application is done. With data it never read there is nothing orderly left to do (RFC 2525 §2.17). */
export function closeConnection(tcp: Tcp, connection: Connection): void {
  connection.handler = null
  const unread = connection.receiveBuffer.length > 0
  if (connection.state === 'SYN_SENT' || unread) {
    abortConnection(tcp, connection)
    return
  }
  connection.readClosed = true
  if (connection.state !== 'TIME_WAIT') addOrphan(tcp, connection)
  connection.shutdown()
  if (connection.state === 'FIN_WAIT_2') abandonFinWait(tcp, connection)
}

/** RFC 9293 §3.10.5. The application reads no more. */
export function abortConnection(tcp: Tcp, connection: Connection): void {
  const { state } = connection
  if (state === 'CLOSED') return
  if (state !== 'SYN_SENT' && state !== 'TIME_WAIT') sendReset(tcp, connection)
  connection.readClosed = true
  finishConnection(tcp, connection, null)
}

/** Who never acknowledges our last bytes must not keep connections, and their memory, that no application counts any more. */
function addOrphan(tcp: Tcp, connection: Connection): void {
  tcp.orphans.add(connection)
  if (tcp.orphans.size <= tcp.options.maxOrphans) return
  tcp.stats.recycled++
  abortConnection(tcp, tcp.orphans.values().next().value!)
}

/** The end of a connection: it is in no table, has no timer, and its handler hears of it. */
export function finishConnection(tcp: Tcp, connection: Connection, error: NetworkErrorCode | null): void {
  if (connection.state === 'CLOSED') return
  const wasTold = connection.state === 'TIME_WAIT'
  forgetHalfOpen(tcp, connection)
  tcp.timeWait.delete(connection)
  tcp.orphans.delete(connection)
  connection.state = 'CLOSED'
  tcp.table.remove(connection)
  stopTimers(connection)
  tcp.deadlines.remove(connection)
  connection.sendBuffer.release()
  connection.scoreboard.clear()
  // What arrived before an orderly end can be read after it, however slowly.
  if (error !== null || connection.readClosed) connection.receiveBuffer.release()
  if (wasTold) return
  connection.error = error
  tcp.raise(connection, GONE)
}

/** RFC 9293 §3.6.1: for two maximum segment lifetimes old segments must find someone who knows them. */
export function enterTimeWait(tcp: Tcp, connection: Connection): void {
  connection.state = 'TIME_WAIT'
  stopTimers(connection)
  connection.sendBuffer.release()
  connection.scoreboard.clear()
  connection.waitAt = tcp.now + 2 * tcp.options.maximumSegmentLifetimeMs
  tcp.deadlineMoved(connection)
  tcp.orphans.delete(connection)
  tcp.timeWait.delete(connection)
  tcp.timeWait.add(connection)
  tcp.raise(connection, GONE)
  if (tcp.timeWait.size > tcp.options.maxTimeWait) {
    tcp.stats.recycled++
    finishConnection(tcp, tcp.timeWait.values().next().value!, null)
  }
}

/** Our FIN was acknowledged (RFC 9293 §3.10.7.4, fifth). */
export function finAcknowledged(tcp: Tcp, connection: Connection): void {
  if (connection.state === 'FIN_WAIT_1') {
    connection.state = 'FIN_WAIT_2'
    if (connection.readClosed) abandonFinWait(tcp, connection)
  } else if (connection.state === 'CLOSING') enterTimeWait(tcp, connection)
  else if (connection.state === 'LAST_ACK') finishConnection(tcp, connection, null)
}

const AFTER_FIN: Partial<Record<State, State>> = {
  SYN_RECEIVED: 'CLOSE_WAIT',
  ESTABLISHED: 'CLOSE_WAIT',
  FIN_WAIT_1: 'CLOSING',
}

/** The peer's FIN came, with everything before it (RFC 9293 §3.10.7.4, eighth). */
export function finReceived(tcp: Tcp, connection: Connection): void {
  if (connection.state === 'FIN_WAIT_2') enterTimeWait(tcp, connection)
  else connection.state = AFTER_FIN[connection.state] ?? connection.state
}

function forgetHalfOpen(tcp: Tcp, connection: Connection): void {
  if (connection.state !== 'SYN_RECEIVED' || !connection.isPassive) return
  for (const listener of tcp.listeners.get(connection.localPort) ?? []) listener.halfOpen.delete(connection)
}

function abandonFinWait(tcp: Tcp, connection: Connection): void {
  connection.waitAt = tcp.now + ABANDONED_FIN_WAIT_MS
  tcp.deadlineMoved(connection)
}

function stopTimers(connection: Connection): void {
  connection.retransmitAt = connection.persistAt = connection.ackAt = NEVER
  connection.keepAliveAt = connection.waitAt = NEVER
}
