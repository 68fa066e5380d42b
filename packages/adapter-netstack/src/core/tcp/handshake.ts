/** How connections begin (RFC 9293 §3.5): LISTEN, SYN-SENT, and what a SYN agrees on. */
import type { IpPacket } from '../ip/packet.js'
import { ipHeaderBytes } from '../ip/protocol.js'
import { finishConnection } from './closing.js'
import { type Connection, CONNECTED, type ConnectionHandler, NEVER } from './connection.js'
import { TIMESTAMP_OPTION_BYTES, timestampNow } from './header.js'
import type { Listener } from './listener.js'
import { answerWithReset } from './reset.js'
import { isPlausible } from './rtt.js'
import { ACK, RST, type Segment, SYN, TCP_HEADER_BYTES } from './segment.js'
import { distance, isAfter } from './sequence.js'
import type { Tcp } from './tcp.js'

/** RFC 9293 §3.7.1: what a peer takes that announced nothing. */
const DEFAULT_MSS_IPV4 = 536
const DEFAULT_MSS_IPV6 = 1220
/** Less than this would make us send headers only, for ever (compare CVE-2019-11479). */
const MIN_MSS = 48

/** Of all connections, until no more are accepted. */
const PASSIVE_SHARE = 7 / 8

/** RFC 9293 §3.10.1, active OPEN. */
export function open(
  tcp: Tcp,
  local: Uint8Array,
  localPort: number,
  remote: Uint8Array,
  remotePort: number,
  handler: ConnectionHandler,
): Connection {
  const connection = tcp.create(local, localPort, remote, remotePort)
  connection.handler = handler
  connection.state = 'SYN_SENT'
  connection.receiveShift = shiftFor(tcp.options.maxBufferBytes)
  connection.synPending = true
  setSegmentBytes(tcp, connection)
  tcp.wantsOutput(connection)
  return connection
}

/** RFC 9293 §3.10.7.2. */
export function arriveInListen(tcp: Tcp, listener: Listener, packet: IpPacket, segment: Segment): void {
  const { flags } = segment
  if (flags & RST) return
  if (flags & ACK) {
    answerWithReset(tcp, packet, segment)
    return
  }
  if ((flags & SYN) === 0) return
  // What others open leaves room for what we open.
  if (tcp.table.size >= tcp.options.maxConnections * PASSIVE_SHARE) {
    tcp.stats.recycled++
    return
  }
  const { bytes, source, destination, addressBytes } = packet
  const remote = bytes.slice(source, source + addressBytes)
  if (listener.halfOpen.size >= tcp.options.synBacklog && !recycle(tcp, listener, remote)) return
  const local = bytes.slice(destination, destination + addressBytes)
  const connection = tcp.create(local, segment.destinationPort, remote, segment.sourcePort)
  connection.isPassive = true
  connection.state = 'SYN_RECEIVED'
  takeSyn(tcp, connection, segment, true)
  connection.synPending = true
  listener.halfOpen.add(connection, tcp.now)
  tcp.wantsOutput(connection)
}

/** Longer than a round trip usually is: the caller of a half-open connection of this age has probably not meant it. */
const DOUBTFUL_AGE_MS = 300

/**
 * RFC 4987 §3.4: in a flood the oldest half-open connection gives way, silently, but not before its answer had to be
 * repeated: in a burst of honest calls it is the new SYN that is dropped, and comes again. Sooner it gives way to a
 * source that has fewer: behind WireGuard a flood comes from addresses that the peer was given, and those are few.
 */
function recycle(tcp: Tcp, { halfOpen }: Listener, remote: Uint8Array): boolean {
  tcp.stats.recycled++
  const oldest = halfOpen.oldest!
  const isDoubtful =
    halfOpen.ageOf(oldest, tcp.now) >= DOUBTFUL_AGE_MS && halfOpen.countOf(oldest.remote) > 1 + halfOpen.countOf(remote)
  if (oldest.retries === 0 && !isDoubtful) return false
  finishConnection(tcp, oldest, null)
  return true
}

/** RFC 9293 §3.10.7.3. */
export function arriveInSynSent(tcp: Tcp, connection: Connection, packet: IpPacket, segment: Segment): void {
  const { flags, acknowledgment } = segment
  const hasAck = (flags & ACK) !== 0
  if (hasAck && (!isAfter(acknowledgment, connection.iss) || isAfter(acknowledgment, connection.max))) {
    answerWithReset(tcp, packet, segment)
    return
  }
  if (flags & RST) {
    if (hasAck) finishConnection(tcp, connection, 'ECONNREFUSED')
    return
  }
  if ((flags & SYN) === 0) return
  takeSyn(tcp, connection, segment, false)
  connection.lastHeardAt = tcp.now
  if (!hasAck) {
    // Both sides have called (RFC 9293 §3.5 figure 7).
    connection.state = 'SYN_RECEIVED'
    connection.synPending = true
    tcp.wantsOutput(connection)
    return
  }
  connection.state = 'SYN_RECEIVED'
  accept(tcp, connection, segment)
  connection.acksPending = 1
  tcp.raise(connection, CONNECTED)
  tcp.wantsOutput(connection)
}

/** The last segment of the handshake is here: both sides are ESTABLISHED (RFC 9293 §3.10.7.4, fifth). */
export function accept(tcp: Tcp, connection: Connection, segment: Segment): void {
  const { isPassive, localPort } = connection
  if (isPassive) for (const listener of tcp.listeners.get(localPort) ?? []) listener.halfOpen.delete(connection)
  const synWasLost = connection.retries > 0
  connection.state = 'ESTABLISHED'
  connection.una = segment.acknowledgment
  connection.nxt = connection.max = segment.acknowledgment
  connection.recoveryPoint = connection.una
  connection.retransmitAt = NEVER
  connection.retries = 0
  // RFC 7323 §2.2: the window of a SYN is not scaled, that of an ACK is.
  connection.sendWindow = segment.window << (segment.flags & SYN ? 0 : connection.sendShift)
  connection.maxSendWindow = connection.sendWindow
  connection.wl1 = segment.sequence
  connection.wl2 = segment.acknowledgment
  setSegmentBytes(tcp, connection)
  connection.congestion.begin(connection.segmentBytes, synWasLost)
  if (synWasLost) connection.rtt.synWasLost()
  const echoed =
    connection.timestamps && segment.hasTimestamps ? distance(timestampNow(tcp, connection), segment.timestampEcho) : -1
  if (isPlausible(echoed)) connection.rtt.measure(echoed)
  else if (connection.timedAt >= 0) connection.rtt.measure(tcp.now - connection.timedAt)
  connection.timedAt = -1
  connection.readRoundAt = tcp.now
  if (connection.keepAliveMs > 0) connection.setKeepAlive(connection.keepAliveMs)
}

/** Numbers and options of the peer's SYN. An option counts when both have sent it (RFC 7323 §2.2, §3.2, RFC 2018 §2). */
function takeSyn(tcp: Tcp, connection: Connection, segment: Segment, isAnswering: boolean): void {
  connection.irs = segment.sequence
  connection.receiveBuffer.next = (segment.sequence + 1) | 0
  connection.receiveEdge = (connection.receiveBuffer.next + Math.min(65535, connection.receiveBuffer.space)) | 0
  connection.timestamps = segment.hasTimestamps
  connection.tsRecent = segment.timestamp
  connection.tsRecentAt = tcp.now
  connection.sack = segment.sackPermitted
  connection.windowScaling = segment.windowScale >= 0
  if (connection.windowScaling) {
    connection.sendShift = segment.windowScale
    if (isAnswering) connection.receiveShift = shiftFor(tcp.options.maxBufferBytes)
  } else connection.receiveShift = 0
  const standard = connection.local.length === 4 ? DEFAULT_MSS_IPV4 : DEFAULT_MSS_IPV6
  connection.peerMss = segment.maximumSegmentSize < 0 ? standard : segment.maximumSegmentSize
  connection.wl1 = segment.sequence
  setSegmentBytes(tcp, connection)
}

/** RFC 6691: options are taken from what the MSS leaves. */
export function setSegmentBytes(tcp: Tcp, connection: Connection): void {
  const headers = ipHeaderBytes(connection.local.length === 4 ? 4 : 6) + TCP_HEADER_BYTES
  const path = tcp.network.mtuTo(connection.remote) - headers
  const options = connection.timestamps ? TIMESTAMP_OPTION_BYTES : 0
  connection.segmentBytes = Math.max(MIN_MSS - TIMESTAMP_OPTION_BYTES, Math.min(connection.peerMss, path) - options)
}

/** The least scale that can tell of a window of `bytes` (RFC 7323 §2.3). */
function shiftFor(bytes: number): number {
  let shift = 0
  while (shift < 14 && 65535 * 2 ** shift < bytes) shift++
  return shift
}
