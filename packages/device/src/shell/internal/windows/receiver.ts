/** Takes datagrams from a socket, one per call, or as many of one flow as UDP_RECV_MAX_COALESCED_SIZE put together. */
import { addressOf, NativeMemory, writePointer } from '@wireweave/ffi/memory'
import { SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import {
  IPPROTO_UDP,
  UDP_COALESCED_INFO,
  WSABUF,
  WSACMSGHDR,
  WSAEWOULDBLOCK,
  WSAMSG,
} from '@wireweave/ffi/win32/winsock'
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
import { MIN_RECEIVE_BYTES } from '../../bind.js'
import type { WinsockCalls } from './calls.js'
import { isAboutADatagram, isFatal, socketDied } from './fatal.js'
import { nameBytes } from './socket.js'
import type { UdpSocket } from './socket.js'

/** Room for the segment size, and for what else a Windows may say unasked. */
const CONTROL_BYTES = 128
/** Where the next message begins, so that the cipher finds it aligned. */
const ALIGNMENT = 16
/** Failed calls in a row after which the socket is given up: an error that stays would otherwise spin the loop. */
const MAX_ERRORS = 16
const NONE_READY = -1

/** One per socket; several may share a region when none receives before the datagrams of the others are done with. */
export class Receiver {
  readonly #calls: WinsockCalls
  readonly #socket: UdpSocket
  readonly #region: Region
  readonly #regionAddress: number
  readonly #name = new NativeMemory(SOCKADDR_INET.size)
  readonly #nameLength = new NativeMemory(4)
  readonly #message = new NativeMemory(WSAMSG.size)
  readonly #buffer = new NativeMemory(WSABUF.size)
  readonly #control = new NativeMemory(CONTROL_BYTES)
  readonly #received = new NativeMemory(4)
  /** The name of {@link #record}. */
  readonly #previous: Uint8Array
  /** Index of the record in the batch that is filled; -1 for none yet. */
  #record = -1
  /** The last message, by its place in the region: what lies before `#cut` was passed on. */
  #cut = 0
  #end = 0
  #segment = 0
  #errors = 0

  constructor(calls: WinsockCalls, socket: UdpSocket, arena: Arena, region: Region) {
    this.#calls = calls
    this.#socket = socket
    this.#region = region
    this.#regionAddress = addressOf(arena.bytes) + region.offset
    this.#previous = new Uint8Array(nameBytes(socket.family))
    const { view } = this.#message
    writePointer(view, WSAMSG.name, this.#name.address)
    writePointer(view, WSAMSG.lpBuffers, this.#buffer.address)
    view.setUint32(WSAMSG.dwBufferCount, 1, true)
    writePointer(view, WSAMSG.controlBuf, this.#control.address)
    this.#buffer.view.setUint32(WSABUF.len, MIN_RECEIVE_BYTES, true)
  }

  /** Whether datagrams of an earlier call wait for room in a batch: they come before any other socket's. */
  get hasLeft(): boolean {
    return this.#cut < this.#end
  }

  /** Appends to `batch` what is ready; returns how many datagrams. Throws when the socket is dead. */
  receive(batch: DatagramBatch): number {
    const before = batch.count
    this.#record = -1
    let at = 0
    if (this.hasLeft) {
      at = aligned(this.#end)
      this.#passOn(batch)
    }
    // Empty datagrams and errors take turns, too: no flood of them may keep us here.
    for (let turns = batch.capacity + MAX_ERRORS; turns > 0 && batch.count < batch.capacity; turns--) {
      if (at + MIN_RECEIVE_BYTES > this.#region.length) break
      const length = this.#take(at)
      if (length === NONE_READY) break
      if (length === 0) continue
      this.#cut = at
      this.#end = at + length
      at = aligned(this.#end)
      this.#passOn(batch)
    }
    return batch.count - before
  }

  /** Receives to place `at` of the region: bytes, 0 for nothing of use. */
  #take(at: number): number {
    const { receiveMessage } = this.#socket
    const length = receiveMessage === null ? this.#takeOne(at) : this.#takeMessage(receiveMessage, at)
    if (length >= 0) {
      this.#errors = 0
      return length
    }
    const code = this.#calls.lastError()
    if (code === WSAEWOULDBLOCK) return NONE_READY
    if (isAboutADatagram(code)) return 0
    if (isFatal(code) || ++this.#errors >= MAX_ERRORS) throw socketDied(code)
    return 0
  }

  #takeOne(at: number): number {
    this.#nameLength.view.setUint32(0, SOCKADDR_INET.size, true)
    const address = this.#regionAddress + at
    const length = this.#calls.recvfrom(
      this.#socket.handle,
      address,
      MIN_RECEIVE_BYTES,
      0,
      this.#name.address,
      this.#nameLength.address,
    )
    this.#segment = length
    return length
  }

  #takeMessage(receiveMessage: NonNullable<UdpSocket['receiveMessage']>, at: number): number {
    const { view } = this.#message
    view.setInt32(WSAMSG.namelen, SOCKADDR_INET.size, true)
    view.setUint32(WSAMSG.controlLen, CONTROL_BYTES, true)
    view.setUint32(WSAMSG.dwFlags, 0, true)
    writePointer(this.#buffer.view, WSABUF.buf, this.#regionAddress + at)
    if (receiveMessage(this.#socket.handle, this.#message.address, this.#received.address, 0, 0) !== 0) return -1
    const length = this.#received.view.getUint32(0, true)
    const segment = segmentOf(this.#control.view, Math.min(view.getUint32(WSAMSG.controlLen, true), CONTROL_BYTES))
    this.#segment = segment > 0 ? segment : length
    return length
  }

  /** Adds the message's datagrams to `batch`, as many as fit. */
  #passOn(batch: DatagramBatch): void {
    if (this.#record < 0 || !this.#isSameName()) this.#addRecord(batch)
    while (this.#cut < this.#end && batch.count < batch.capacity) {
      const i = batch.count++
      batch.offsets[i] = this.#region.offset + this.#cut
      batch.lengths[i] = Math.min(this.#segment, this.#end - this.#cut)
      batch.endpoints[i] = this.#record
      batch.trafficClasses[i] = 0
      this.#cut += batch.lengths[i]!
    }
  }

  #isSameName(): boolean {
    const { bytes } = this.#name
    for (let i = 0; i < this.#previous.length; i++) if (this.#previous[i] !== bytes[i]) return false
    return true
  }

  #addRecord(batch: DatagramBatch): void {
    const { bytes } = this.#name
    const { records: table } = batch
    this.#record = batch.recordCount++
    const record = this.#record * ENDPOINT_BYTES
    for (let i = 0; i < this.#previous.length; i++) this.#previous[i] = bytes[i]!
    table.fill(0, record, record + ENDPOINT_BYTES)
    table[record + ENDPOINT_FAMILY] = this.#socket.family
    table[record + ENDPOINT_PORT] = bytes[SOCKADDR_INET.port]!
    table[record + ENDPOINT_PORT + 1] = bytes[SOCKADDR_INET.port + 1]!
    const address = record + ENDPOINT_ADDRESS
    if (this.#socket.family === 4) {
      for (let i = 0; i < 4; i++) table[address + i] = bytes[SOCKADDR_INET.v4Address + i]!
      return
    }
    for (let i = 0; i < 16; i++) table[address + i] = bytes[SOCKADDR_INET.v6Address + i]!
    for (let i = 0; i < 4; i++) table[record + ENDPOINT_SCOPE + i] = bytes[SOCKADDR_INET.v6ScopeId + i]!
  }
}

function aligned(at: number): number {
  return (at + ALIGNMENT - 1) & ~(ALIGNMENT - 1)
}

/** Bytes of each datagram but the last, by the control messages; 0 when they do not say. */
function segmentOf(view: DataView, bytes: number): number {
  let at = 0
  while (at + WSACMSGHDR.size + 4 <= bytes) {
    const length = view.getUint32(at + WSACMSGHDR.cmsg_len, true)
    if (length < WSACMSGHDR.size || at + length > bytes) return 0
    const level = view.getInt32(at + WSACMSGHDR.cmsg_level, true)
    const type = view.getInt32(at + WSACMSGHDR.cmsg_type, true)
    if (level === IPPROTO_UDP && type === UDP_COALESCED_INFO && length >= WSACMSGHDR.size + 4)
      return view.getUint32(at + WSACMSGHDR.size, true)
    at += (length + 7) & ~7
  }
  return 0
}
