/** All connections and listeners of a stack. */
import { BufferPool } from '../buffer-pool.js'
import { sameBytes } from '../bytes.js'
import { pseudoHeaderSum } from '../ip/header.js'
import { TCP } from '../ip/protocol.js'
import type { RandomSource } from '../random-source.js'
import { TokenBucket } from '../token-bucket.js'
import { abortConnection, closeConnection, finishConnection } from './closing.js'
import { Connection, type NetworkErrorCode, type Owner } from './connection.js'
import { Deadlines } from './deadlines.js'
import type { Listener } from './listener.js'
import type { TcpOptions } from './options.js'
import { hasRead } from './receiving.js'
import { newSegment, type Segment } from './segment.js'
import { ConnectionTable, hashTuple } from './table.js'
import { Turns } from './turns.js'

/** What TCP needs of the layer below. */
export interface TcpNetwork {
  /** The largest packet to there, in bytes. */
  mtuTo(remote: Uint8Array): number
  /** The largest packet that this interface takes. */
  readonly interfaceMtu: number
  /** A finished packet without a connection: {@link Outbox}'s place for it, or -1. */
  reserve(bytes: number): number
  readonly memory: Uint8Array
  commit(bytes: number): void
  /** Something can be sent. */
  outputReady(): void
}

export interface TcpStats {
  segmentsReceived: number
  segmentsSent: number
  retransmits: number
  timeouts: number
  fastRecoveries: number
  resetsSent: number
  challengeAcks: number
  /** Dropped: bad checksums or headers, no memory, and too many half-open or waiting connections. */
  malformed: number
  noMemory: number
  recycled: number
  /** Paths that seemed to swallow large segments. */
  blackHoles: number
}

export class Tcp implements Owner {
  readonly options: TcpOptions
  readonly network: TcpNetwork
  readonly random: RandomSource
  readonly pool: BufferPool
  readonly table: ConnectionTable
  readonly deadlines: Deadlines = new Deadlines()
  readonly listeners: Map<number, Listener[]> = new Map()
  /** The oldest first. */
  readonly timeWait: Set<Connection> = new Set()
  /** Closed by their application, and not by the peer yet; the oldest first. */
  readonly orphans: Set<Connection> = new Set()
  readonly segment: Segment = newSegment()
  /** RFC 1122 §3.2.2 asks nothing of resets, but answering every stray segment would make us a reflector. */
  readonly resets: TokenBucket = new TokenBucket(1000, 500)
  readonly turns: Turns = new Turns()
  /** Connections whose handler has to hear something. */
  #told: Connection[] = []
  #telling: Connection[] = []
  readonly #isnKey: Int32Array
  readonly #timestampKey: Int32Array
  /** The latest time that anyone told; calls of the application come without one. */
  now = 0
  readonly stats: TcpStats = {
    segmentsReceived: 0,
    segmentsSent: 0,
    retransmits: 0,
    timeouts: 0,
    fastRecoveries: 0,
    resetsSent: 0,
    challengeAcks: 0,
    malformed: 0,
    noMemory: 0,
    recycled: 0,
    blackHoles: 0,
  }

  constructor(options: TcpOptions, network: TcpNetwork, random: RandomSource) {
    this.options = options
    this.network = network
    this.random = random
    this.pool = new BufferPool(options.memoryBytes)
    this.table = new ConnectionTable(random.key())
    this.#isnKey = random.key()
    this.#timestampKey = random.key()
  }

  /** A connection with its secrets: initial sequence number and timestamp offset. In the table, but silent. */
  create(local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number): Connection {
    const connection = new Connection(this, this.options, local, localPort, remote, remotePort)
    const { length } = local
    // RFC 6528 §3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey); M counts every 4 microseconds.
    const secret = hashTuple(this.#isnKey, local, 0, remote, 0, length, localPort, remotePort)
    connection.iss = (Math.floor(this.now * 250) + secret) | 0
    connection.una = connection.nxt = connection.max = connection.recoveryPoint = connection.iss
    connection.sendBuffer.begin((connection.iss + 1) | 0)
    // RFC 7323 §7.1: nobody learns from one connection how long we have been up, or about another.
    connection.timestampOffset = hashTuple(this.#timestampKey, local, 0, remote, 0, length, localPort, remotePort)
    connection.pseudoSum = pseudoHeaderSum(local, remote, TCP)
    connection.lastHeardAt = this.now
    this.table.add(connection)
    return connection
  }

  listenerFor(bytes: Uint8Array, addressAt: number, length: number, port: number): Listener | null {
    let any: Listener | null = null
    for (const listener of this.listeners.get(port) ?? []) {
      const { address } = listener
      if (address === null) any = listener
      else if (address.length === length && sameBytes(bytes, addressAt, address, 0, length)) return listener
    }
    return any
  }

  wantsOutput(connection: Connection): void {
    if (connection.queued) return
    this.turns.add(connection)
    this.network.outputReady()
  }

  deadlineMoved(connection: Connection): void {
    this.deadlines.moved(connection)
  }

  hasRead(connection: Connection, bytes: number): void {
    hasRead(this, connection, bytes)
  }

  closeCalled(connection: Connection): void {
    closeConnection(this, connection)
  }

  abortCalled(connection: Connection): void {
    abortConnection(this, connection)
  }

  /** The handler of `connection` will be told of `events`, in {@link tell}. */
  raise(connection: Connection, events: number): void {
    connection.events |= events
    if (connection.eventQueued) return
    connection.eventQueued = true
    this.#told.push(connection)
    this.network.outputReady()
  }

  get hasNews(): boolean {
    return this.#told.length > 0
  }

  /** The next connection with events, until there is none. */
  takeNews(): Connection | null {
    if (this.#telling.length === 0) {
      if (this.#told.length === 0) return null
      this.#telling = this.#told.reverse()
      this.#told = []
    }
    const connection = this.#telling.pop()!
    connection.eventQueued = false
    return connection
  }

  /** Ends everything at once, without a packet. */
  abandon(error: NetworkErrorCode): void {
    for (const connection of this.table.all()) finishConnection(this, connection, error)
    this.turns.clear()
  }
}
