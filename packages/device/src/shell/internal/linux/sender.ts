/** Hands batches to a socket with sendmmsg: each run of datagrams that UDP_SEGMENT can carry is one message. */
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EHOSTUNREACH,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENETUNREACH,
  ENOBUFS,
  ENODEV,
} from '@wireweave/ffi/errno'
import { AF_INET, AF_INET6, IOVEC, MMSGHDR, MSGHDR, SOCKADDR_IN, SOCKADDR_IN6 } from '@wireweave/ffi/linux'
import { addressOf, NativeMemory, writePointer } from '@wireweave/ffi/memory'
import type { Arena } from '@wireweave/tunnel/packets'
import type { DatagramBatch } from '../../../core/datagrams.js'
import {
  clearLocal,
  ENDPOINT_ADDRESS,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY,
  ENDPOINT_PORT,
  ENDPOINT_SCOPE,
} from '../../../core/endpoint.js'
import { runLength } from '../run-length.js'
import type { SocketCalls } from './calls.js'
import { hasSource, putSegment, putSource, putTrafficClass, SEND_CONTROL_BYTES } from './control.js'
import { isFatal, socketDied } from './fatal.js'
import type { UdpSocket } from './socket.js'

/** Messages in one call. */
const MAX_MESSAGES = 64
const NAME_BYTES = 32

const HEADER_WORDS = MMSGHDR.size / 4
const NAME_LENGTH_WORD = MSGHDR.namelen / 4
const CONTROL_LENGTH_WORD = MSGHDR.controllen / 4

export interface SendStats {
  /** Datagrams that the system refused: no route, a firewall, too long. */
  refused: number
}

/** Why {@link Sender.send} came back before the end. */
export type SendResult =
  /** Go on at `taken`: either all is sent, or what stood in the way was changed. */
  | 'again'
  /** The socket's buffer is full. */
  | 'full'
  /** The system is out of memory for packets: its readiness says nothing about that. */
  | 'noBuffers'

export class Sender {
  readonly #calls: SocketCalls
  readonly #socket: UdpSocket
  readonly #stats: SendStats
  readonly #arenaLow: number
  readonly #arenaHigh: number
  readonly #headers: NativeMemory = new NativeMemory(MAX_MESSAGES * MMSGHDR.size)
  readonly #vectors: NativeMemory = new NativeMemory(MAX_MESSAGES * IOVEC.size)
  readonly #names: NativeMemory = new NativeMemory(MAX_MESSAGES * NAME_BYTES)
  readonly #controls: NativeMemory = new NativeMemory(MAX_MESSAGES * SEND_CONTROL_BYTES)
  readonly #headerWords: Uint32Array = new Uint32Array(this.#headers.bytes.buffer)
  readonly #vectorWords: Uint32Array = new Uint32Array(this.#vectors.bytes.buffer)
  readonly #controlWords: Uint32Array = new Uint32Array(this.#controls.bytes.buffer)
  /** Datagrams in each message. */
  readonly #runs: Uint32Array = new Uint32Array(MAX_MESSAGES)
  #segmentation: boolean
  /** Datagrams of this batch before this index go one by one: the path takes no segmented message of their size. */
  #singlyUntil = 0
  /** Datagrams that the last {@link send} handed over or dropped. */
  taken = 0

  constructor(calls: SocketCalls, socket: UdpSocket, arena: Arena, stats: SendStats) {
    this.#calls = calls
    this.#socket = socket
    this.#stats = stats
    this.#segmentation = socket.features.segmentation
    const base = addressOf(arena.bytes)
    this.#arenaLow = base % 0x1_0000_0000
    this.#arenaHigh = Math.floor(base / 0x1_0000_0000)
    for (let i = 0; i < MAX_MESSAGES; i++) {
      const header = i * MMSGHDR.size
      writePointer(this.#headers.view, header + MSGHDR.name, this.#names.address + i * NAME_BYTES)
      writePointer(this.#headers.view, header + MSGHDR.iov, this.#vectors.address + i * IOVEC.size)
      writePointer(this.#headers.view, header + MSGHDR.iovlen, 1)
      writePointer(this.#headers.view, header + MSGHDR.control, this.#controls.address + i * SEND_CONTROL_BYTES)
    }
  }

  /** Whether runs still go out segmented: a device on the way may have refused once. */
  get segments(): boolean {
    return this.#segmentation
  }

  /**
   * Sends datagrams of this socket's family from `first` on, up to the first of the other family or {@link MAX_MESSAGES}
   * messages. Throws when the socket is dead.
   */
  send(batch: DatagramBatch, first: number): SendResult {
    this.taken = 0
    const messages = this.#build(batch, first)
    let message = 0
    while (message < messages) {
      const sent = this.#calls.sendmmsg(
        this.#socket.fd,
        this.#headers.address + message * MMSGHDR.size,
        messages - message,
        0,
      )
      if (sent <= 0) return this.#refused(batch, first + this.taken, this.#runs[message]!, this.#calls.errno())
      for (const end = message + sent; message < end; message++) this.taken += this.#runs[message]!
    }
    return 'again'
  }

  /** A new batch: whatever was found out about single datagrams of the last one is void. */
  begin(): void {
    this.#singlyUntil = 0
  }

  #build(batch: DatagramBatch, first: number): number {
    const family = this.#socket.family
    let at = first
    let messages = 0
    while (messages < MAX_MESSAGES && at < batch.count) {
      const record = batch.endpoints[at]! * ENDPOINT_BYTES
      if (batch.records[record + ENDPOINT_FAMILY] !== family) break
      const run = this.#segmentation && at >= this.#singlyUntil ? runLength(batch, at) : 1
      this.#buildMessage(batch, at, run, record, messages)
      this.#runs[messages++] = run
      at += run
    }
    return messages
  }

  #buildMessage(batch: DatagramBatch, at: number, run: number, record: number, message: number): void {
    this.#writeName(batch.records, record, message)
    const last = at + run - 1
    const start = batch.offsets[at]!
    const low = this.#arenaLow + start
    const vector = message * (IOVEC.size / 4)
    this.#vectorWords[vector] = low
    this.#vectorWords[vector + 1] = low > 0xffff_ffff ? this.#arenaHigh + 1 : this.#arenaHigh
    this.#vectorWords[vector + 2] = batch.offsets[last]! + batch.lengths[last]! - start

    const { family, features } = this.#socket
    const controlStart = message * (SEND_CONTROL_BYTES / 4)
    let control = controlStart
    if (run > 1) control = putSegment(this.#controlWords, control, batch.lengths[at]!)
    if (features.stickySource && hasSource(batch.records, record)) {
      control = putSource(this.#controlWords, control, family, batch.records, record)
    }
    const trafficClass = batch.trafficClasses[at]!
    if (trafficClass !== 0 && features.trafficClass) {
      control = putTrafficClass(this.#controlWords, control, family, trafficClass)
    }
    this.#headerWords[message * HEADER_WORDS + CONTROL_LENGTH_WORD] = (control - controlStart) * 4
  }

  #writeName(records: Uint8Array, record: number, message: number): void {
    const { bytes, view } = this.#names
    const name = message * NAME_BYTES
    const port = record + ENDPOINT_PORT
    const source = record + ENDPOINT_ADDRESS
    bytes[name + SOCKADDR_IN.port] = records[port]!
    bytes[name + SOCKADDR_IN.port + 1] = records[port + 1]!
    if (this.#socket.family === 4) {
      view.setUint16(name, AF_INET, true)
      for (let i = 0; i < 4; i++) bytes[name + SOCKADDR_IN.addr + i] = records[source + i]!
      this.#headerWords[message * HEADER_WORDS + NAME_LENGTH_WORD] = SOCKADDR_IN.size
      return
    }
    view.setUint16(name, AF_INET6, true)
    for (let i = 0; i < 16; i++) bytes[name + SOCKADDR_IN6.addr + i] = records[source + i]!
    for (let i = 0; i < 4; i++) bytes[name + SOCKADDR_IN6.scopeId + i] = records[record + ENDPOINT_SCOPE + i]!
    this.#headerWords[message * HEADER_WORDS + NAME_LENGTH_WORD] = SOCKADDR_IN6.size
  }

  /** The message of `run` datagrams from `at` on came back with `errno`: changes what can be changed, or drops it. */
  #refused(batch: DatagramBatch, at: number, run: number, errno: number): SendResult {
    if (errno === EAGAIN) return 'full'
    if (errno === ENOBUFS) return 'noBuffers'
    if (errno === EINTR) return 'again'
    if (isFatal(errno)) throw socketDied(errno)
    if (run > 1 && errno === EIO) {
      // The route's device cannot checksum: no segmented message will ever pass there.
      this.#segmentation = false
      return 'again'
    }
    if (run > 1 && (errno === EMSGSIZE || errno === EINVAL)) {
      // Longer than the path takes unfragmented; one by one the kernel fragments them.
      this.#singlyUntil = at + run
      return 'again'
    }
    const record = batch.endpoints[at]! * ENDPOINT_BYTES
    if (isAboutSource(errno) && hasSource(batch.records, record)) {
      clearLocal(batch.records, record)
      return 'again'
    }
    this.taken += run
    this.#stats.refused += run
    return 'again'
  }
}

/** The cached local address is gone, or its interface is. */
function isAboutSource(errno: number): boolean {
  return (
    errno === EINVAL || errno === EADDRNOTAVAIL || errno === ENODEV || errno === ENETUNREACH || errno === EHOSTUNREACH
  )
}
