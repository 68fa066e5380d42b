/** Sockets that exist only in memory: every {@link MemoryWire} is an Internet of its own, without delay. */
import type { DatagramBatch } from '@wireweave/device/core/datagrams'
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from '@wireweave/device/core/endpoint'
import type { Bind, BindOptions, OpenBind } from '@wireweave/device/shell/bind'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatEndpoint, parseEndpoint } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'

export interface WireDatagram {
  readonly from: string
  readonly to: string
  readonly bytes: Uint8Array
}

export class MemoryWire {
  /** Everything that was ever sent, oldest first. */
  readonly sent: WireDatagram[] = []
  /** Loses the datagrams for which it says true. */
  drop: (datagram: WireDatagram) => boolean = () => false
  readonly #binds = new Map<string, MemoryBind>()
  #nextPort = 50_000

  /** What a device at `host` (`192.0.2.1`, or `[2001:db8::1]`) opens its sockets with. */
  openBindAt(host: string): OpenBind {
    return async (options) => {
      const port = options.port === 0 ? this.#nextPort++ : options.port
      const address = `${host}:${port}`
      if (this.#binds.has(address))
        throw new WireGuardError('ADDRESS_IN_USE', `${address} is taken; choose another port`)
      const bind = new MemoryBind(this, address, port, options)
      this.#binds.set(address, bind)
      return bind
    }
  }

  /** The open bind at `address`, to see or to break it. */
  at(address: string): MemoryBind | undefined {
    return this.#binds.get(address)
  }

  send(from: string, to: string, bytes: Uint8Array): void {
    const datagram = { from, to, bytes }
    this.sent.push(datagram)
    if (!this.drop(datagram)) this.#binds.get(to)?.arrive(datagram)
  }

  remove(address: string): void {
    this.#binds.delete(address)
  }
}

export class MemoryBind implements Bind {
  readonly port: number
  mark: number
  /** How many more datagrams `send` takes; lower it to see the device wait. */
  room: number = Number.POSITIVE_INFINITY
  readonly #wire: MemoryWire
  readonly #address: string
  readonly #options: BindOptions
  readonly #waiting: WireDatagram[] = []
  readonly #wakers: (() => void)[] = []
  #isDead = false

  constructor(wire: MemoryWire, address: string, port: number, options: BindOptions) {
    this.#wire = wire
    this.#address = address
    this.#options = options
    this.port = port
    this.mark = options.mark
  }

  arrive(datagram: WireDatagram): void {
    this.#waiting.push(datagram)
    this.#wake()
  }

  /** Fails as sockets fail that are of no more use. */
  die(): void {
    this.#isDead = true
    this.#wire.remove(this.#address)
    this.#wake()
  }

  /** Lets a `send` that found no room go on. */
  makeRoom(datagrams: number): void {
    this.room += datagrams
    this.#wake()
  }

  receive(batch: DatagramBatch): number {
    this.#mustLive()
    batch.clear()
    let at = this.#options.region.offset
    const end = at + this.#options.region.length
    while (batch.count < batch.capacity && this.#waiting.length > 0) {
      const { from, bytes } = this.#waiting[0]!
      if (at + bytes.length > end) break
      this.#waiting.shift()
      this.#options.arena.bytes.set(bytes, at)
      batch.offsets[batch.count] = at
      batch.lengths[batch.count] = bytes.length
      batch.trafficClasses[batch.count] = 0
      batch.endpoints[batch.count] = batch.recordCount
      writeEndpoint(batch.records, batch.recordCount * ENDPOINT_BYTES, endpointOf(from))
      batch.recordCount++
      batch.count++
      at += bytes.length
    }
    return batch.count
  }

  send(batch: DatagramBatch, first: number): number {
    this.#mustLive()
    let taken = 0
    while (first + taken < batch.count && this.room > 0) {
      const offset = batch.offsets[first + taken]!
      const bytes = batch.arena.bytes.slice(offset, offset + batch.lengths[first + taken]!)
      const to = readEndpoint(batch.records, batch.endpoints[first + taken]! * ENDPOINT_BYTES)
      if (to !== null) this.#wire.send(this.#address, formatEndpoint(to), bytes)
      this.room--
      taken++
    }
    return taken
  }

  readable(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.#waiting.length > 0, signal)
  }

  writable(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.room > 0, signal)
  }

  setMark(mark: number): void {
    this.mark = mark
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
    if (this.#isDead) throw new WireGuardError('CLOSED', `the sockets at ${this.#address} are closed`)
  }
}

function endpointOf(text: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (endpoint === null) throw new RangeError(`${text} is no endpoint`)
  return endpoint
}
