/**
 * A TCP/IP host without I/O, clock or random source of its own: packets in, packets out, and what applications see.
 *
 * Every `now` is monotonic milliseconds. Handlers are called at the end of {@link Stack.receive} and
 * {@link Stack.advance}, never from inside a call of the application.
 */
import { type Arena, PACKET_TAILROOM, type PacketBatch } from '@wireweave/tunnel/packets'
import { Arrivals, type EchoHandler, type StackStats } from './arrivals.js'
import { loadFastSum } from './fast-sum.js'
import { ICMP_HEADER_BYTES, writeEchoRequest } from './icmp.js'
import { LocalAddresses } from './ip/local-addresses.js'
import { PathMtuCache } from './ip/path-mtu.js'
import { ipHeaderBytes } from './ip/protocol.js'
import { Reassembly } from './ip/reassembly.js'
import { Outbox } from './outbox.js'
import { RandomSource } from './random-source.js'
import {
  closeListener,
  connect,
  type ConnectOptions,
  EPHEMERAL_PORTS,
  FIRST_EPHEMERAL_PORT,
  listen,
} from './tcp/application.js'
import type { Connection, ConnectionHandler, NetworkErrorCode } from './tcp/connection.js'
import { refit } from './tcp/icmp-errors.js'
import type { Listener, ListenerHandler } from './tcp/listener.js'
import { defaultTcpOptions, type TcpOptions } from './tcp/options.js'
import { nextPacket } from './tcp/output.js'
import { Tcp, type TcpNetwork, type TcpStats } from './tcp/tcp.js'
import { tellHandlers } from './tcp/telling.js'
import { runDeadlines } from './tcp/timers.js'
import { UDP_HEADER_BYTES, type UdpHandler, type UdpRemote, UdpSocket, UdpTable, writeUdp } from './udp.js'

export type { Connection, ConnectionHandler, ConnectOptions, Listener, ListenerHandler, NetworkErrorCode }
export type { EchoHandler, StackStats, TcpOptions, TcpStats, UdpHandler, UdpRemote, UdpSocket }
export { defaultTcpOptions } from './tcp/options.js'

/** Packets that wait without belonging to a connection. */
const OUTBOX_BYTES = 1024 * 1024

export interface StackOptions {
  /** Our addresses, 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[]
  /** Bytes, of the interface. */
  readonly mtu: number
  /** Fills with secure random bytes. */
  random(bytes: Uint8Array): void
  /** Called when there may be something to send, or to tell, and there was not before: {@link Stack.advance} is due. */
  onOutput(): void
  /** What a handler threw. */
  onHandlerError(error: unknown): void
  readonly tcp?: Partial<TcpOptions>
}

export interface StackLoad {
  readonly connections: number
  readonly timeWait: number
  readonly bufferBytes: number
  readonly fragmentBytes: number
}

export class Stack implements TcpNetwork {
  readonly stats: StackStats = { packetsReceived: 0, packetsSent: 0, notOurs: 0, malformed: 0, unanswered: 0 }
  readonly #options: StackOptions
  readonly #random: RandomSource
  readonly #tcp: Tcp
  readonly #udp = new UdpTable()
  readonly #outbox = new Outbox(OUTBOX_BYTES)
  readonly #reassembly = new Reassembly()
  readonly #paths = new PathMtuCache()
  readonly #echoes = new Map<number, EchoHandler>()
  readonly #arrivals: Arrivals
  readonly #addresses: LocalAddresses
  #mtu: number
  /** Where packets were last. */
  #arena: Arena | null = null
  #isTelling = false

  constructor(options: StackOptions) {
    this.#options = options
    this.#random = new RandomSource(options.random)
    this.#addresses = new LocalAddresses(options.addresses)
    this.#mtu = options.mtu
    this.#tcp = new Tcp({ ...defaultTcpOptions, ...options.tcp }, this, this.#random)
    this.#arrivals = new Arrivals({
      network: this,
      stats: this.stats,
      tcp: this.#tcp,
      udp: this.#udp,
      echoes: this.#echoes,
      paths: this.#paths,
      reassembly: this.#reassembly,
      addresses: this.#addresses,
      tell: (call) => this.#call(call),
    })
  }

  get addresses(): readonly Uint8Array[] {
    return this.#addresses.list
  }

  get interfaceMtu(): number {
    return this.#mtu
  }

  get tcpStats(): Readonly<TcpStats> {
    return this.#tcp.stats
  }

  /** Connections of every state, and the memory of all their buffers. */
  get load(): StackLoad {
    const { table, pool, timeWait } = this.#tcp
    return {
      connections: table.size,
      timeWait: timeWait.size,
      bufferBytes: pool.usedBytes,
      fragmentBytes: this.#reassembly.heldBytes,
    }
  }

  /** Connections of an address that is gone are not told: they time out, as on any host. */
  setAddresses(addresses: readonly Uint8Array[]): void {
    this.#addresses.list = addresses
  }

  setMtu(mtu: number, now: number): void {
    this.#tcp.now = now
    this.#mtu = mtu
    for (const connection of this.#tcp.table.all()) refit(this.#tcp, connection)
  }

  /** Packets from the network: of `batch` those from `first` on. */
  receive(batch: PacketBatch, first: number, now: number): void {
    this.#tcp.now = now
    const { offsets, lengths, count, arena } = batch
    this.#meet(arena)
    for (let i = first; i < count; i++) this.#arrivals.take(arena.bytes, offsets[i]!, lengths[i]!)
    this.#tell()
  }

  /**
   * Fills `batch` with packets to send, placed one after the other in the arena from `start` to `end`; returns how many.
   * Each is followed by {@link PACKET_TAILROOM} bytes.
   */
  transmit(batch: PacketBatch, start: number, end: number, now: number): number {
    this.#tcp.now = now
    this.#meet(batch.arena)
    const { bytes } = batch.arena
    const capacity = batch.offsets.length
    const last = end - this.#mtu - PACKET_TAILROOM
    let at = start
    let count = 0
    while (count < capacity && at <= last) {
      const length = this.#outbox.isEmpty ? this.#nextSegment(bytes, at) : this.#outbox.take(bytes, at)
      if (length === 0) break
      batch.offsets[count] = at
      batch.lengths[count] = length
      count++
      at = (at + length + PACKET_TAILROOM + 15) & ~15
    }
    batch.count = count
    this.stats.packetsSent += count
    return count
  }

  get hasOutput(): boolean {
    return !this.#outbox.isEmpty || !this.#tcp.turns.isEmpty
  }

  /** The earliest moment at which {@link advance} has something to do; Infinity when there is none. */
  nextDeadline(): number {
    if (this.#tcp.hasNews) return this.#tcp.now
    return Math.min(this.#tcp.deadlines.earliest()?.heapAt ?? Number.POSITIVE_INFINITY, this.#reassembly.deadline)
  }

  /** Runs every deadline that is due and tells handlers what is new. Harmless when called early. */
  advance(now: number): void {
    this.#tcp.now = now
    runDeadlines(this.#tcp)
    this.#reassembly.expire(now)
    this.#tell()
  }

  connect(options: ConnectOptions, now: number): Connection | NetworkErrorCode {
    this.#tcp.now = now
    const local = this.#addresses.sourceFor(options.remote, options.local ?? null)
    return typeof local === 'string' ? local : connect(this.#tcp, options, local)
  }

  /** `address` null listens on all of them, `port` 0 on a free one. */
  listen(address: Uint8Array | null, port: number, handler: ListenerHandler): Listener | NetworkErrorCode {
    if (address !== null && !this.#addresses.has(address, 0, address.length)) return 'EADDRNOTAVAIL'
    return listen(this.#tcp, address, port, handler)
  }

  closeListener(listener: Listener): void {
    closeListener(this.#tcp, listener)
  }

  /** With a `remote` the port takes from there alone. */
  bindUdp(
    address: Uint8Array | null,
    port: number,
    handler: UdpHandler,
    remote: UdpRemote | null = null,
  ): UdpSocket | NetworkErrorCode {
    if (address !== null && !this.#addresses.has(address, 0, address.length)) return 'EADDRNOTAVAIL'
    const first = this.#random.below(EPHEMERAL_PORTS)
    for (let i = 0; i < EPHEMERAL_PORTS; i++) {
      const chosen = port === 0 ? FIRST_EPHEMERAL_PORT + ((first + i) % EPHEMERAL_PORTS) : port
      if (!this.#udp.isTaken(address, chosen)) {
        const socket = new UdpSocket(address, chosen, remote, handler)
        this.#udp.add(socket)
        return socket
      }
      if (port !== 0) break
    }
    return 'EADDRINUSE'
  }

  /** `null` when the datagram waits to be sent; `ENOBUFS` when too many do. Nothing is fragmented here. */
  sendUdp(socket: UdpSocket, data: Uint8Array, remote: Uint8Array, remotePort: number): NetworkErrorCode | null {
    const local = this.#addresses.sourceFor(remote, socket.address)
    if (typeof local === 'string') return local
    const total = ipHeaderBytes(local.length === 4 ? 4 : 6) + UDP_HEADER_BYTES + data.length
    if (total > this.#mtu) return 'EMSGSIZE'
    const start = this.reserve(total)
    if (start < 0) return 'ENOBUFS'
    this.commit(writeUdp(this.memory, start, local, socket.port, remote, remotePort, data, this.#random.u32()))
    return null
  }

  closeUdp(socket: UdpSocket): void {
    socket.isClosed = true
    this.#udp.remove(socket)
  }

  /**
   * Sends an echo request with `dataBytes` of data; `handler` hears of the answer until {@link endEcho} with the number
   * that is returned.
   */
  sendEcho(remote: Uint8Array, dataBytes: number, handler: EchoHandler): number | NetworkErrorCode {
    const local = this.#addresses.sourceFor(remote, null)
    if (typeof local === 'string') return local
    const total = ipHeaderBytes(local.length === 4 ? 4 : 6) + ICMP_HEADER_BYTES + dataBytes
    if (total > this.#mtu) return 'EMSGSIZE'
    const start = this.reserve(total)
    if (start < 0) return 'ENOBUFS'
    // Identifier and sequence in one: nobody who cannot see it guesses it.
    let id = this.#random.u32()
    while (this.#echoes.has(id)) id = this.#random.u32()
    this.commit(writeEchoRequest(this.memory, start, local, remote, id >>> 16, id & 0xffff, dataBytes))
    this.#echoes.set(id, handler)
    return id
  }

  endEcho(id: number): void {
    this.#echoes.delete(id)
  }

  /** Ends every connection without a packet, and forgets what waits to be sent. */
  abandon(error: NetworkErrorCode): void {
    this.#tcp.abandon(error)
    this.#outbox.clear()
    this.#reassembly.clear()
    this.#tell()
  }

  // What follows is for TCP.

  mtuTo(remote: Uint8Array): number {
    return this.#paths.get(remote, this.#mtu, this.#tcp.now)
  }

  reserve(bytes: number): number {
    const at = this.#outbox.reserve(bytes)
    if (at < 0) this.stats.unanswered++
    return at
  }

  get memory(): Uint8Array {
    return this.#outbox.bytes
  }

  commit(bytes: number): void {
    this.#outbox.commit(bytes)
    this.outputReady()
  }

  outputReady(): void {
    if (!this.#isTelling) this.#options.onOutput()
  }

  #meet(arena: Arena): void {
    if (arena === this.#arena) return
    this.#arena = arena
    loadFastSum(arena)
  }

  #tell(): void {
    if (this.#isTelling || !this.#tcp.hasNews) return
    this.#isTelling = true
    tellHandlers(this.#tcp, this.#options.onHandlerError)
    this.#isTelling = false
    if (this.hasOutput) this.#options.onOutput()
  }

  #call(handler: () => void): void {
    try {
      handler()
    } catch (error) {
      this.#options.onHandlerError(error)
    }
  }

  #nextSegment(bytes: Uint8Array, at: number): number {
    const { turns } = this.#tcp
    for (let connection = turns.current(); connection !== null; connection = turns.current()) {
      const length = nextPacket(this.#tcp, connection, bytes, at)
      if (length > 0) {
        turns.hasSent()
        return length
      }
      turns.isDone()
    }
    return 0
  }
}
