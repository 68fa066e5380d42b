/** The portable bind, on node:dgram: no batches of system calls, no sticky source, no traffic class, no mark. */
import { type Socket, createSocket } from 'node:dgram'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import type { Arena } from '@wireweave/tunnel/packets'
import type { Region } from '../core/arena.js'
import type { DatagramBatch } from '../core/datagrams.js'
import { ENDPOINT_BYTES, ENDPOINT_FAMILY, ENDPOINT_PORT } from '../core/endpoint.js'
import { RANDOM_PORT_ATTEMPTS, SOCKET_BUFFER_BYTES } from './bind.js'
import type { Bind, BindOptions } from './bind.js'
import { bindError, noMark } from './internal/bind-errors.js'
import { Gate } from './internal/gate.js'
import { addressText, writeAddressText } from './internal/address-text.js'

/** Datagrams that wait for {@link Bind.receive}; more are dropped, as a full socket buffer would. */
const MAX_QUEUED = 1024
/** Bytes that wait in libuv before `send` takes no more. */
const MAX_UNSENT_BYTES = 1 << 20
/** Failed receives in a row after which a socket is given up. */
const MAX_ERRORS = 16

export async function openDgramBind(options: BindOptions): Promise<Bind> {
  if (options.mark !== 0) throw noMark()
  for (let attempt = 1; ; attempt++) {
    try {
      return await openPair(options)
    } catch (error) {
      const again = options.port === 0 && isWireGuardError(error) && error.code === 'ADDRESS_IN_USE'
      if (!again || attempt === RANDOM_PORT_ATTEMPTS) throw error
    }
  }
}

/** A system without one of the families is served by the other. */
async function openPair(options: BindOptions): Promise<Bind> {
  const v4 = await openSocket('udp4', options.port)
  try {
    const v6 = await openSocket('udp6', v4?.address().port ?? options.port)
    if (v4 === null && v6 === null) throw new WireGuardError('NOT_SUPPORTED', 'this system has neither IPv4 nor IPv6')
    return new DgramBind(v4, v6, options)
  } catch (error) {
    v4?.close()
    throw error
  }
}

/** `null` when the system does not have the family. */
function openSocket(type: 'udp4' | 'udp6', port: number): Promise<Socket | null> {
  const family = type === 'udp4' ? 4 : 6
  // Endpoints are addresses, never names; answering at once keeps the bytes ours until `send` returns.
  const lookup = (
    host: string,
    _options: unknown,
    found: (error: null, address: string, family: number) => void,
  ): void => found(null, host, family)
  const socket = createSocket({
    type,
    lookup: lookup as never,
    ipv6Only: family === 6,
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
  })
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException): void => {
      socket.close()
      const missing =
        error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL' || error.code === 'EPROTONOSUPPORT'
      if (missing) resolve(null)
      else reject(bindError(error.code ?? 'EIO', port))
    }
    socket.once('error', refused)
    socket.bind({ port, address: family === 4 ? '0.0.0.0' : '::', exclusive: true }, () => {
      socket.off('error', refused)
      // Until the bind listens itself: an error that nobody hears ends the process.
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

interface Arrived {
  readonly bytes: Uint8Array
  readonly address: string
  readonly port: number
}

class DgramBind implements Bind {
  readonly port: number
  readonly #v4: Socket | null
  readonly #v6: Socket | null
  readonly #arena: Arena
  readonly #region: Region
  readonly #queue: Arrived[] = []
  readonly #arrival = new Gate()
  readonly #drained = new Gate()
  #announcing: NodeJS.Immediate | null = null
  #errors = 0
  #dead: WireGuardError | null = null
  #closing: Promise<void> | null = null

  constructor(v4: Socket | null, v6: Socket | null, options: BindOptions) {
    this.port = (v4 ?? v6)!.address().port
    this.#v4 = v4
    this.#v6 = v6
    this.#arena = options.arena
    this.#region = options.region
    for (const socket of [v4, v6]) {
      socket?.on('message', (bytes, from) => this.#arrived({ bytes, address: from.address, port: from.port }))
      socket?.on('error', (error) => this.#failed(error))
    }
  }

  receive(batch: DatagramBatch): number {
    this.#throwIfDead()
    batch.clear()
    let at = this.#region.offset
    const end = at + this.#region.length
    let previous: Arrived | null = null
    let head = 0
    while (batch.count < batch.capacity && head < this.#queue.length) {
      const next = this.#queue[head]!
      if (at + next.bytes.length > end) break
      head++
      if (previous === null || previous.address !== next.address || previous.port !== next.port)
        writeRecord(batch, next)
      previous = next
      const i = batch.count++
      this.#arena.bytes.set(next.bytes, at)
      batch.offsets[i] = at
      batch.lengths[i] = next.bytes.length
      batch.endpoints[i] = batch.recordCount - 1
      batch.trafficClasses[i] = 0
      at += next.bytes.length
    }
    this.#queue.splice(0, head)
    return batch.count
  }

  send(batch: DatagramBatch, first: number): number {
    this.#throwIfDead()
    let record = -1
    let address = ''
    let i = first
    for (; i < batch.count && this.#unsentBytes() < MAX_UNSENT_BYTES; i++) {
      if (batch.endpoints[i] !== record) {
        record = batch.endpoints[i]!
        address = addressText(batch.records, record * ENDPOINT_BYTES)
      }
      const at = record * ENDPOINT_BYTES
      const socket = batch.records[at + ENDPOINT_FAMILY] === 4 ? this.#v4 : this.#v6
      const port = (batch.records[at + ENDPOINT_PORT]! << 8) | batch.records[at + ENDPOINT_PORT + 1]!
      if (socket === null || address === '' || port === 0) continue
      // A copy: when the kernel's buffer is full libuv keeps the bytes, and the arena moves on.
      const offset = batch.offsets[i]!
      socket.send(this.#arena.bytes.slice(offset, offset + batch.lengths[i]!), port, address, this.#sent)
    }
    return i - first
  }

  readable(signal?: AbortSignal): Promise<void> {
    if (this.#dead === null && this.#queue.length > 0) return Promise.resolve()
    return this.#arrival.wait(signal)
  }

  writable(signal?: AbortSignal): Promise<void> {
    if (this.#dead === null && this.#unsentBytes() < MAX_UNSENT_BYTES) return Promise.resolve()
    return this.#drained.wait(signal)
  }

  setMark(mark: number): void {
    if (mark !== 0) throw noMark()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#die(new WireGuardError('CLOSED', 'the UDP sockets were closed'))
    const close = (socket: Socket | null): Promise<void> | null =>
      socket && new Promise((resolve) => socket.close(() => resolve()))
    await Promise.all([close(this.#v4), close(this.#v6)])
  }

  #arrived(datagram: Arrived): void {
    this.#errors = 0
    if (this.#queue.length >= MAX_QUEUED) return
    this.#queue.push(datagram)
    // libuv hands over up to 32 datagrams in a row, each with a turn of its own: wake the device once for all of them.
    if (this.#arrival.isAwaited) this.#announcing ??= setImmediate(this.#announce)
  }

  readonly #announce = (): void => {
    this.#announcing = null
    this.#arrival.open()
  }

  /** ICMP errors of other peers end up here too; a socket that does nothing but fail is dead. */
  #failed(error: NodeJS.ErrnoException): void {
    const code = error.code ?? 'EIO'
    if (code !== 'EBADF' && code !== 'ENOTSOCK' && ++this.#errors < MAX_ERRORS) return
    this.#die(new WireGuardError('CLOSED', `the UDP socket failed: ${code}`, { errno: code, recoverable: true }))
  }

  #die(error: WireGuardError): void {
    if (this.#dead !== null) return
    this.#dead = error
    if (this.#announcing !== null) clearImmediate(this.#announcing)
    this.#queue.length = 0
    this.#arrival.fail(error)
    this.#drained.fail(error)
  }

  readonly #sent = (): void => {
    if (this.#drained.isAwaited && this.#unsentBytes() < MAX_UNSENT_BYTES) this.#drained.open()
  }

  #unsentBytes(): number {
    return (this.#v4?.getSendQueueSize() ?? 0) + (this.#v6?.getSendQueueSize() ?? 0)
  }

  #throwIfDead(): void {
    if (this.#dead !== null) throw this.#dead
  }
}

function writeRecord(batch: DatagramBatch, from: Arrived): void {
  const at = batch.recordCount++ * ENDPOINT_BYTES
  batch.records.fill(0, at, at + ENDPOINT_BYTES)
  writeAddressText(batch.records, at, from.address)
  batch.records[at + ENDPOINT_PORT] = from.port >>> 8
  batch.records[at + ENDPOINT_PORT + 1] = from.port & 0xff
}
