/** Takes datagrams from a socket with recvmmsg. With UDP_GRO one message holds up to 64 KiB of one flow. */
import { EAGAIN, EINTR } from '@wireweave/ffi/errno'
import { IOVEC, MMSGHDR, MSGHDR, SOCKADDR_IN, SOCKADDR_IN6 } from '@wireweave/ffi/linux'
import { addressOf, NativeMemory, writePointer } from '@wireweave/ffi/memory'
import type { Arena } from '@wireweave/tunnel/packets'
import type { Region } from '../../../core/arena.js'
import type { DatagramBatch } from '../../../core/datagrams.js'
import {
  ENDPOINT_ADDRESS,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY,
  ENDPOINT_PORT,
  ENDPOINT_SCOPE,
} from '../../../core/endpoint.js'
import type { SocketCalls } from './calls.js'
import { readControl, RECEIVE_CONTROL_BYTES } from './control.js'
import type { ReceivedControl } from './control.js'
import { isFatal, socketDied } from './fatal.js'
import type { UdpSocket } from './socket.js'

/** Any UDP datagram, and any message that UDP_GRO makes, fits. */
const SLOT_BYTES = 65536
/** Messages in one call. */
const MAX_MESSAGES = 64
const NAME_BYTES = 32
/** Failed calls in a row after which the socket is given up: an error that stays would otherwise spin the loop. */
const MAX_ERRORS = 16

const HEADER_WORDS = MMSGHDR.size / 4
const NAME_LENGTH_WORD = MSGHDR.namelen / 4
const CONTROL_LENGTH_WORD = MSGHDR.controllen / 4
const LENGTH_WORD = MMSGHDR.len / 4

/** One per socket; several may share a region when none receives before the datagrams of the others are done with. */
export class Receiver {
  readonly #calls: SocketCalls
  readonly #socket: UdpSocket
  readonly #region: Region
  readonly #slots: number
  readonly #headers: NativeMemory
  readonly #vectors: NativeMemory
  readonly #names: NativeMemory
  readonly #controls: NativeMemory
  readonly #headerWords: Uint32Array
  readonly #controlWords: Uint32Array
  readonly #control: ReceivedControl = { segment: 0, trafficClass: 0 }
  /** Messages received and not yet passed on: from `#next` to `#ready`; of the first, the bytes before `#cut` are. */
  #next = 0
  #ready = 0
  #cut = 0
  #errors = 0

  constructor(calls: SocketCalls, socket: UdpSocket, arena: Arena, region: Region) {
    this.#calls = calls
    this.#socket = socket
    this.#region = region
    this.#slots = Math.min(MAX_MESSAGES, Math.floor(region.length / SLOT_BYTES))
    this.#headers = new NativeMemory(this.#slots * MMSGHDR.size)
    this.#vectors = new NativeMemory(this.#slots * IOVEC.size)
    this.#names = new NativeMemory(this.#slots * NAME_BYTES)
    this.#controls = new NativeMemory(this.#slots * RECEIVE_CONTROL_BYTES)
    this.#headerWords = new Uint32Array(this.#headers.bytes.buffer)
    this.#controlWords = new Uint32Array(this.#controls.bytes.buffer)
    const base = addressOf(arena.bytes) + region.offset
    for (let i = 0; i < this.#slots; i++) {
      const header = i * MMSGHDR.size
      writePointer(this.#headers.view, header + MSGHDR.name, this.#names.address + i * NAME_BYTES)
      writePointer(this.#headers.view, header + MSGHDR.iov, this.#vectors.address + i * IOVEC.size)
      writePointer(this.#headers.view, header + MSGHDR.iovlen, 1)
      writePointer(this.#headers.view, header + MSGHDR.control, this.#controls.address + i * RECEIVE_CONTROL_BYTES)
      writePointer(this.#vectors.view, i * IOVEC.size, base + i * SLOT_BYTES)
      writePointer(this.#vectors.view, i * IOVEC.size + IOVEC.len, SLOT_BYTES)
    }
    this.#resetHeaders(this.#slots)
  }

  /** Whether datagrams of an earlier call wait for room in a batch: they come before any other socket's. */
  get hasLeft(): boolean {
    return this.#next < this.#ready
  }

  /** Appends to `batch` what is ready; returns how many datagrams. Throws when the socket is dead. */
  receive(batch: DatagramBatch): number {
    if (!this.hasLeft && !this.#call()) return 0
    const before = batch.count
    while (this.#next < this.#ready && batch.count < batch.capacity) this.#passOn(batch)
    return batch.count - before
  }

  #call(): boolean {
    this.#resetHeaders(this.#ready)
    this.#next = this.#ready = this.#cut = 0
    const received = this.#calls.recvmmsg(this.#socket.fd, this.#headers.address, this.#slots, 0, 0)
    if (received > 0) {
      this.#ready = received
      this.#errors = 0
      return true
    }
    const errno = this.#calls.errno()
    if (errno === EAGAIN || errno === EINTR) return false
    if (isFatal(errno) || ++this.#errors >= MAX_ERRORS) throw socketDied(errno)
    return false
  }

  /** The kernel overwrites these in the messages that it fills. */
  #resetHeaders(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#headerWords[i * HEADER_WORDS + NAME_LENGTH_WORD] = NAME_BYTES
      this.#headerWords[i * HEADER_WORDS + CONTROL_LENGTH_WORD] = RECEIVE_CONTROL_BYTES
    }
  }

  /** Adds the next message's datagrams to `batch`, as many as fit. */
  #passOn(batch: DatagramBatch): void {
    const message = this.#next
    const header = message * HEADER_WORDS
    const length = this.#headerWords[header + LENGTH_WORD]!
    if (length === 0) {
      this.#next++
      return
    }
    const index = batch.recordCount++
    const record = index * ENDPOINT_BYTES
    // Not `fill`: for so few bytes the call costs more than the writing, above all after a pause.
    for (let i = record >> 2; i < (record + ENDPOINT_BYTES) >> 2; i++) batch.recordWords[i] = 0
    this.#readName(message, batch.records, record)
    const controlBytes = this.#headerWords[header + CONTROL_LENGTH_WORD]!
    const controlAt = message * (RECEIVE_CONTROL_BYTES / 4)
    readControl(this.#controlWords, controlAt, controlBytes, batch.records, record, this.#control)
    const segment = this.#control.segment > 0 ? this.#control.segment : length
    const start = this.#region.offset + message * SLOT_BYTES
    let at = this.#cut
    while (at < length && batch.count < batch.capacity) {
      const i = batch.count++
      batch.offsets[i] = start + at
      batch.lengths[i] = Math.min(segment, length - at)
      batch.endpoints[i] = index
      batch.trafficClasses[i] = this.#control.trafficClass
      at += segment
    }
    this.#cut = at
    if (at >= length) {
      this.#next++
      this.#cut = 0
    }
  }

  #readName(message: number, table: Uint8Array, record: number): void {
    const bytes = this.#names.bytes
    const name = message * NAME_BYTES
    table[record + ENDPOINT_FAMILY] = this.#socket.family
    table[record + ENDPOINT_PORT] = bytes[name + SOCKADDR_IN.port]!
    table[record + ENDPOINT_PORT + 1] = bytes[name + SOCKADDR_IN.port + 1]!
    const address = record + ENDPOINT_ADDRESS
    if (this.#socket.family === 4) {
      for (let i = 0; i < 4; i++) table[address + i] = bytes[name + SOCKADDR_IN.addr + i]!
      return
    }
    for (let i = 0; i < 16; i++) table[address + i] = bytes[name + SOCKADDR_IN6.addr + i]!
    for (let i = 0; i < 4; i++) table[record + ENDPOINT_SCOPE + i] = bytes[name + SOCKADDR_IN6.scopeId + i]!
  }
}
