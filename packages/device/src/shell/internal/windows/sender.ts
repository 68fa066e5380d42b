/** Hands batches to a socket: one by one, or each run of datagrams that UDP_SEND_MSG_SIZE can carry as one message. */
import { addressOf, NativeMemory, writePointer } from '@wireweave/ffi/memory'
import { AF_INET, AF_INET6, SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import {
  IPPROTO_UDP,
  UDP_SEND_MSG_SIZE,
  WSABUF,
  WSACMSGHDR,
  WSAEINTR,
  WSAEMSGSIZE,
  WSAENOBUFS,
  WSAEWOULDBLOCK,
  WSAMSG,
} from '@wireweave/ffi/win32/winsock'
import type { Arena } from '@wireweave/tunnel/packets'
import type { DatagramBatch } from '../../../core/datagrams.js'
import {
  ENDPOINT_ADDRESS,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY,
  ENDPOINT_PORT,
  ENDPOINT_SCOPE,
} from '../../../core/endpoint.js'
import { runLength } from '../run-length.js'
import type { WinsockCalls } from './calls.js'
import { isAboutTheWay, isFatal, socketDied } from './fatal.js'
import { nameBytes } from './socket.js'
import type { UdpSocket } from './socket.js'

export interface SendStats {
  /** Datagrams that the system refused: no route, a firewall, too long. */
  refused: number
}

const SEGMENT_CONTROL_BYTES = 24

export class Sender {
  readonly #calls: WinsockCalls
  readonly #socket: UdpSocket
  readonly #stats: SendStats
  readonly #arenaAddress: number
  readonly #name = new NativeMemory(SOCKADDR_INET.size)
  readonly #nameLength: number
  readonly #message = new NativeMemory(WSAMSG.size)
  readonly #buffer = new NativeMemory(WSABUF.size)
  readonly #control = new NativeMemory(SEGMENT_CONTROL_BYTES)
  readonly #sent = new NativeMemory(4)
  /** The record that the name says. */
  #named = -1
  #segmentation: boolean
  /** Datagrams of this batch before this index go one by one: as one message they were refused. */
  #singlyUntil = 0
  /** Datagrams that the last {@link send} handed over or dropped. */
  taken = 0

  constructor(calls: WinsockCalls, socket: UdpSocket, arena: Arena, stats: SendStats) {
    this.#calls = calls
    this.#socket = socket
    this.#stats = stats
    this.#arenaAddress = addressOf(arena.bytes)
    this.#segmentation = socket.segmentation
    this.#nameLength = nameBytes(socket.family)
    this.#name.view.setUint16(SOCKADDR_INET.family, socket.family === 4 ? AF_INET : AF_INET6, true)
    const { view } = this.#message
    writePointer(view, WSAMSG.name, this.#name.address)
    view.setInt32(WSAMSG.namelen, this.#nameLength, true)
    writePointer(view, WSAMSG.lpBuffers, this.#buffer.address)
    view.setUint32(WSAMSG.dwBufferCount, 1, true)
    view.setUint32(WSAMSG.controlLen, SEGMENT_CONTROL_BYTES, true)
    writePointer(view, WSAMSG.controlBuf, this.#control.address)
    this.#control.view.setUint32(WSACMSGHDR.cmsg_len, WSACMSGHDR.size + 4, true)
    this.#control.view.setInt32(WSACMSGHDR.cmsg_level, IPPROTO_UDP, true)
    this.#control.view.setInt32(WSACMSGHDR.cmsg_type, UDP_SEND_MSG_SIZE, true)
  }

  /** Whether runs still go out segmented: Windows may have refused once. */
  get segments(): boolean {
    return this.#segmentation
  }

  /** A new batch: whatever was found out about the last one is void. */
  begin(): void {
    this.#singlyUntil = 0
    this.#named = -1
  }

  /**
   * Sends datagrams of this socket's family from `first` on, up to the first of the other family. False when the socket
   * takes no more for now. Throws when it is dead.
   */
  send(batch: DatagramBatch, first: number): boolean {
    this.taken = 0
    let at = first
    while (at < batch.count) {
      const record = batch.endpoints[at]!
      if (batch.records[record * ENDPOINT_BYTES + ENDPOINT_FAMILY] !== this.#socket.family) break
      if (record !== this.#named) this.#writeName(batch.records, record)
      const run = this.#segmentation && at >= this.#singlyUntil ? runLength(batch, at) : 1
      if (!(run === 1 ? this.#sendOne(batch, at) : this.#sendRun(batch, at, run))) {
        const code = this.#calls.lastError()
        if (code === WSAEWOULDBLOCK || code === WSAENOBUFS) return false
        if (code === WSAEINTR || this.#changes(code, at, run)) continue
        this.#stats.refused += run
      }
      at += run
      this.taken += run
    }
    return true
  }

  #sendOne(batch: DatagramBatch, at: number): boolean {
    const address = this.#arenaAddress + batch.offsets[at]!
    const { handle } = this.#socket
    return this.#calls.sendto(handle, address, batch.lengths[at]!, 0, this.#name.address, this.#nameLength) >= 0
  }

  #sendRun(batch: DatagramBatch, at: number, run: number): boolean {
    const start = batch.offsets[at]!
    const last = at + run - 1
    const { view } = this.#buffer
    view.setUint32(WSABUF.len, batch.offsets[last]! + batch.lengths[last]! - start, true)
    writePointer(view, WSABUF.buf, this.#arenaAddress + start)
    this.#control.view.setUint32(WSACMSGHDR.size, batch.lengths[at]!, true)
    return this.#calls.sendMessage(this.#socket.handle, this.#message.address, 0, this.#sent.address, 0, 0) === 0
  }

  /** What was refused came back with `code`: whether something can be done about it but to drop it. */
  #changes(code: number, at: number, run: number): boolean {
    if (isFatal(code)) throw socketDied(code)
    if (run === 1) return false
    // Longer than the path takes unfragmented: one by one Windows fragments them. Without a way there each fails by itself.
    // Anything else is about the option.
    if (code === WSAEMSGSIZE || isAboutTheWay(code)) this.#singlyUntil = at + run
    else this.#segmentation = false
    return true
  }

  #writeName(records: Uint8Array, record: number): void {
    const { bytes } = this.#name
    const at = record * ENDPOINT_BYTES
    bytes[SOCKADDR_INET.port] = records[at + ENDPOINT_PORT]!
    bytes[SOCKADDR_INET.port + 1] = records[at + ENDPOINT_PORT + 1]!
    if (this.#socket.family === 4) {
      for (let i = 0; i < 4; i++) bytes[SOCKADDR_INET.v4Address + i] = records[at + ENDPOINT_ADDRESS + i]!
    } else {
      for (let i = 0; i < 16; i++) bytes[SOCKADDR_INET.v6Address + i] = records[at + ENDPOINT_ADDRESS + i]!
      for (let i = 0; i < 4; i++) bytes[SOCKADDR_INET.v6ScopeId + i] = records[at + ENDPOINT_SCOPE + i]!
    }
    this.#named = record
  }
}
