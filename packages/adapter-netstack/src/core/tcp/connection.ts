/** One TCP connection: its variables, by the names of RFC 9293 §3.3.1, and what the application may ask of it. */
import type { BufferPool } from '../buffer-pool.js'
import { Congestion } from './congestion.js'
import { ReceiveBuffer } from './receive-buffer.js'
import { RoundTripTime } from './rtt.js'
import { Scoreboard } from './scoreboard.js'
import { SendBuffer } from './send-buffer.js'
import type { TcpOptions } from './options.js'

/** RFC 9293 §3.3.2. LISTEN is a {@link Listener}. */
export type State =
  | 'SYN_SENT'
  | 'SYN_RECEIVED'
  | 'ESTABLISHED'
  | 'FIN_WAIT_1'
  | 'FIN_WAIT_2'
  | 'CLOSE_WAIT'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'TIME_WAIT'
  | 'CLOSED'

/** Why a connection ended, or a packet could not be sent: the names of `errno`. */
export type NetworkErrorCode =
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'ECONNABORTED'
  | 'ETIMEDOUT'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'ENETDOWN'
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'EMSGSIZE'
  | 'ENOBUFS'
  | 'EMFILE'
  | 'EPIPE'

/** Told in the order of events, never from inside a call into the stack by the application itself. */
export interface ConnectionHandler {
  onConnect(): void
  /** There is something to read. */
  onReadable(): void
  /** The send buffer has room again, after a write was not taken whole. */
  onWritable(): void
  /** The peer sends no more; what arrived before can still be read. */
  onEnd(): void
  /** The last call. `null` when both sides had closed. */
  onClose(error: NetworkErrorCode | null): void
}

export const NEVER: number = Number.POSITIVE_INFINITY

/** What to tell the handler; a set. */
export const CONNECTED = 1
export const READABLE = 2
export const WRITABLE = 4
export const ENDED = 8
export const GONE = 16

/** What a connection needs of the stack it belongs to. */
export interface Owner {
  readonly pool: BufferPool
  /** It may have something to send now. */
  wantsOutput(connection: Connection): void
  /** A deadline of it moved closer. */
  deadlineMoved(connection: Connection): void
  /** The application has read: perhaps the peer must hear of a larger window. */
  hasRead(connection: Connection, bytes: number): void
  closeCalled(connection: Connection): void
  abortCalled(connection: Connection): void
}

export class Connection {
  readonly owner: Owner
  readonly local: Uint8Array
  readonly remote: Uint8Array
  readonly localPort: number
  readonly remotePort: number
  /** Folded sum of the part of the pseudo header that stays. */
  pseudoSum = 0
  /** Hash of the four above, and the next connection in the same bucket of the table. */
  hash = 0
  bucketNext: Connection | null = null
  handler: ConnectionHandler | null = null
  state: State = 'CLOSED'
  isPassive = false

  /** ISS, SND.UNA, SND.NXT (pulled back by a timeout), and the highest that SND.NXT was. */
  iss = 0
  una = 0
  nxt = 0
  max = 0
  /** SND.WND in bytes, SND.WL1, SND.WL2, and the largest window seen (RFC 9293 §3.8.6.2.1). */
  sendWindow = 0
  wl1 = 0
  wl2 = 0
  maxSendWindow = 0
  sendShift = 0
  readonly sendBuffer: SendBuffer
  /** No more data will be written: a FIN follows the last byte. */
  finQueued = false
  /** Largest data of a segment now, options deducted; and as the peer announced, nothing deducted. */
  segmentBytes = 536
  peerMss = 536
  noDelay = false
  wantsWritable = false

  irs = 0
  readonly receiveBuffer: ReceiveBuffer
  /** The sequence after the last byte that the peer may send: what was advertised. */
  receiveEdge = 0
  receiveShift = 0
  finReceived = false
  /** Sequence of a FIN that came before all data did. */
  finSequence = 0
  finSeen = false
  /** The application reads no more: data that arrive are answered with a reset (RFC 2525 §2.17). */
  readClosed = false

  /** RFC 7323. */
  timestamps = false
  timestampOffset = 0
  tsRecent = 0
  tsRecentAt = 0
  lastAckSent = 0
  sack = false
  windowScaling = false

  readonly rtt: RoundTripTime = new RoundTripTime()
  readonly congestion: Congestion
  readonly scoreboard: Scoreboard = new Scoreboard()
  duplicateAcks = 0
  inRecovery = false
  /** RFC 6675: RecoveryPoint, HighRxt; also "recover" of RFC 6582. */
  recoveryPoint = 0
  highRetransmitted = 0
  rescued = false
  /** Of recovery without SACK (RFC 6582): send the first segment again. */
  retransmitFirst = false
  /** The window was full when the last segment went out: only then may it grow (RFC 7661 §4.1). */
  windowLimited = false
  /** One segment is timed when there are no timestamps (Karn): its end, and when it was sent; -1 for none. */
  timedSequence = 0
  timedAt = -1

  /** Deadlines; NEVER when not set. */
  retransmitAt: number = NEVER
  persistAt: number = NEVER
  ackAt: number = NEVER
  keepAliveAt: number = NEVER
  /** End of TIME-WAIT, of an abandoned FIN-WAIT-2. */
  waitAt: number = NEVER
  /** Place in the heap of deadlines, -1 when not in it, and the time it stands there with. */
  heapPlace = -1
  heapAt: number = NEVER
  retries = 0
  probes = 0
  keepAliveProbes = 0
  /** Idle time before the first probe; 0 turns keep-alive off (RFC 9293 §3.8.4: off by default). */
  keepAliveMs = 0
  lastSentAt = 0
  lastHeardAt = 0
  /** Consecutive timeouts of full-sized segments, for paths that swallow them (RFC 2923 §2.1). */
  blackHoleTimeouts = 0

  synPending = false
  /** ACKs to send now; without SACK each duplicate counts for the peer (RFC 5681 §4.2). */
  acksPending = 0
  /** Full-sized segments since the last ACK. */
  unackedSegments = 0
  quickAcks = 16
  probePending = false
  keepAlivePending = false
  queued = false

  /** Receive window growth: bytes read by the application since the start of this round trip. */
  readBytes = 0
  readRoundAt = 0
  /** Round trip as a receiver sees it, smoothed, in milliseconds; -1 before the first. Who only receives has no other. */
  receiveRoundTrip = -1
  /** Of the segment that it was taken from last. */
  receiveEcho = 0

  /** When the last challenge ACK was asked for (RFC 5961 §7). */
  lastChallengeAt: number = -NEVER
  /** What ICMP said last: named when the connection then times out (RFC 5461 §4). */
  softError: NetworkErrorCode | null = null
  error: NetworkErrorCode | null = null
  events = 0
  eventQueued = false

  constructor(
    owner: Owner,
    options: TcpOptions,
    local: Uint8Array,
    localPort: number,
    remote: Uint8Array,
    remotePort: number,
  ) {
    this.owner = owner
    this.local = local
    this.localPort = localPort
    this.remote = remote
    this.remotePort = remotePort
    this.sendBuffer = new SendBuffer(owner.pool, options.initialBufferBytes)
    this.receiveBuffer = new ReceiveBuffer(owner.pool, options.initialBufferBytes)
    this.congestion = new Congestion(options.congestion)
  }

  /** Bytes that {@link read} would give. */
  get readableBytes(): number {
    return this.receiveBuffer.length
  }

  /** Everything that the peer sent has been read, and it sends no more. */
  get hasEnded(): boolean {
    return this.finReceived && this.receiveBuffer.length === 0
  }

  get isOpen(): boolean {
    return this.state !== 'CLOSED'
  }

  /** Bytes written that the peer has not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.sendBuffer.length
  }

  get memoryBytes(): number {
    return this.sendBuffer.memoryBytes + this.receiveBuffer.memoryBytes
  }

  /** Moves bytes to `target` from `at` on; returns how many. */
  read(target: Uint8Array, at = 0): number {
    const length = this.receiveBuffer.read(target, at)
    if (length > 0) this.owner.hasRead(this, length)
    return length
  }

  /**
   * Takes bytes of `source` from `at` on, copied; returns how many. When that was not all of them, `onWritable` tells
   * when to go on. 0 also after {@link shutdown} or the end.
   */
  write(source: Uint8Array, at = 0): number {
    if (this.finQueued || !this.isOpen) return 0
    const length = this.sendBuffer.write(source, at)
    if (length < source.length - at) this.wantsWritable = true
    if (length > 0) this.owner.wantsOutput(this)
    return length
  }

  /** Sends a FIN after what was written (RFC 9293 §3.10.4). The peer may still send. */
  shutdown(): void {
    if (this.finQueued || !this.isOpen) return
    this.finQueued = true
    this.owner.wantsOutput(this)
  }

  /** The application is done with both directions: what it wrote is still sent; what the peer sends is refused. */
  close(): void {
    if (this.isOpen) this.owner.closeCalled(this)
    else this.receiveBuffer.release()
  }

  /** Ends the connection with a reset (RFC 9293 §3.10.5). `onClose(null)` is told unless the handler was removed. */
  abort(): void {
    if (this.isOpen) this.owner.abortCalled(this)
    else this.receiveBuffer.release()
  }

  /** `idleMs` 0 turns it off (RFC 9293 §3.8.4). */
  setKeepAlive(idleMs: number): void {
    this.keepAliveMs = idleMs
    this.keepAliveAt = idleMs > 0 && this.state !== 'SYN_SENT' ? this.lastHeardAt + idleMs : NEVER
    this.keepAliveProbes = 0
    this.owner.deadlineMoved(this)
  }

  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay
    if (noDelay) this.owner.wantsOutput(this)
  }

  /** The earliest of its deadlines. */
  deadline(): number {
    return Math.min(this.retransmitAt, this.persistAt, this.ackAt, this.keepAliveAt, this.waitAt)
  }

  /** RFC 9293 §3.3.2: both sides know each other's numbers. */
  get isSynchronized(): boolean {
    return this.state !== 'SYN_SENT' && this.state !== 'SYN_RECEIVED' && this.state !== 'CLOSED'
  }

  /** RCV.NXT: the next byte, or what follows the FIN. */
  get rcvNxt(): number {
    return this.finReceived ? (this.receiveBuffer.next + 1) | 0 : this.receiveBuffer.next
  }
}
