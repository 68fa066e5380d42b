/** An interface that exists only in memory: what a test puts in, the device receives; what the device sends, the test sees. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { InterfaceRef, Availability } from '@wireweave/tunnel/backend'
import { PACKET_TAILROOM } from '@wireweave/tunnel/packets'
import type { PacketAdapter, PacketBatch, PacketPort, PacketPortOptions } from '@wireweave/tunnel/packets'

const DEFAULT_MTU = 1420

export interface MemoryAdapterOptions {
  /** Makes `openPackets` fail this often before it works. */
  readonly failFirst?: number
  /** Packets of one `receive`; 16 when absent. */
  readonly batchSize?: number
}

/** Opens {@link MemoryPort}s, one for each name at a time. */
export class MemoryAdapter implements PacketAdapter {
  readonly name = 'memory'
  readonly dataPlane = 'userspace'
  readonly reach = 'host'
  /** Open now, by name. */
  readonly ports: Map<string, MemoryPort> = new Map()
  readonly #batchSize: number
  #failures: number
  #opened = 0

  constructor(options: MemoryAdapterOptions = {}) {
    this.#failures = options.failFirst ?? 0
    this.#batchSize = options.batchSize ?? 16
  }

  async probe(): Promise<Availability> {
    return { available: true }
  }

  regionBytes(mtu: number): number {
    return this.#batchSize * (Math.max(mtu, DEFAULT_MTU) + PACKET_TAILROOM)
  }

  async openPackets(options: PacketPortOptions): Promise<MemoryPort> {
    if (this.#failures > 0) {
      this.#failures--
      throw new WireGuardError('SYSTEM', 'the memory interface was told to fail; open it again')
    }
    if (this.ports.has(options.name)) {
      throw new WireGuardError('NAME_IN_USE', `there is an interface ${options.name} already; choose another name`)
    }
    const reference = { name: options.name, index: ++this.#opened }
    const port = new MemoryPort(options, reference, this.#batchSize)
    this.ports.set(options.name, port)
    void port.closed.then(() => this.ports.delete(options.name))
    return port
  }
}

export class MemoryPort implements PacketPort {
  readonly interfaceRef: InterfaceRef
  readonly batchSize: number
  readonly closed: Promise<void>
  /** Every packet the device handed over, oldest first. */
  readonly sent: Uint8Array[] = []
  /** How many more packets `send` takes; lower it to see the device wait. */
  room: number = Number.POSITIVE_INFINITY
  #mtu: number
  #isUp = true
  #isDead = false
  readonly #waiting: Uint8Array[] = []
  readonly #arena: Uint8Array
  readonly #region: { readonly offset: number; readonly length: number }
  readonly #wakers: (() => void)[] = []
  #listener: () => void = () => {}
  #settle: () => void = () => {}

  constructor(options: PacketPortOptions, reference: InterfaceRef, batchSize: number) {
    this.interfaceRef = reference
    this.batchSize = batchSize
    this.#mtu = options.mtu ?? DEFAULT_MTU
    this.#arena = options.arena.bytes
    this.#region = options.region
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  get mtu(): number {
    return this.#mtu
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** The host sends a packet out of the interface: the device will receive it. */
  put(...packets: readonly Uint8Array[]): void {
    this.#waiting.push(...packets)
    this.#wake()
  }

  /** Packets the device has not received yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  change(now: { readonly mtu?: number; readonly isUp?: boolean }): void {
    this.#mtu = now.mtu ?? this.#mtu
    this.#isUp = now.isUp ?? this.#isUp
    this.#listener()
  }

  /** Dies as if the interface had been deleted by somebody else. */
  die(): void {
    this.#isDead = true
    this.#wake()
    this.#settle()
  }

  /** Lets a `send` that found no room go on. */
  makeRoom(packets: number): void {
    this.room += packets
    this.#wake()
  }

  receive(batch: PacketBatch): number {
    this.#mustLive()
    const limit = Math.min(batch.offsets.length, this.batchSize)
    let at = this.#region.offset
    batch.count = 0
    while (batch.count < limit && this.#waiting.length > 0) {
      const packet = this.#waiting[0]!
      if (at + packet.length + PACKET_TAILROOM > this.#region.offset + this.#region.length) {
        if (batch.count === 0) throw new RangeError(`no room for a packet of ${packet.length} bytes in the region`)
        break
      }
      this.#waiting.shift()
      this.#arena.set(packet, at)
      batch.offsets[batch.count] = at
      batch.lengths[batch.count] = packet.length
      batch.count++
      at += packet.length + PACKET_TAILROOM
    }
    return batch.count
  }

  send(batch: PacketBatch, first: number): number {
    this.#mustLive()
    let taken = 0
    while (first + taken < batch.count && this.room > 0) {
      const offset = batch.offsets[first + taken]!
      this.sent.push(batch.arena.bytes.slice(offset, offset + batch.lengths[first + taken]!))
      this.room--
      taken++
    }
    this.#wake()
    return taken
  }

  readable(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.#waiting.length > 0, signal)
  }

  writable(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.room > 0, signal)
  }

  /** Resolves when the device has handed over at least `count` packets in all. */
  hasSent(count: number, signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.sent.length >= count, signal)
  }

  onChange(listener: () => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.die()
  }

  async #until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    for (;;) {
      if (signal?.aborted) throw new WireGuardError('ABORTED', 'waiting was given up')
      this.#mustLive()
      if (condition()) return
      await this.#woken(signal)
    }
  }

  #woken(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      signal?.addEventListener('abort', wake)
      this.#wakers.push(wake)
    })
  }

  #wake(): void {
    for (const waker of this.#wakers.splice(0)) waker()
  }

  #mustLive(): void {
    if (this.#isDead) throw new WireGuardError('CLOSED', `interface ${this.interfaceRef.name} is gone`)
  }
}
