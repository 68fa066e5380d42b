/** What tests of a bind share: an arena, batches over it, waiting with an end. */
import { parseEndpoint } from '@wireweave/tunnel/ip'
import { PacketArena } from '../../../src/core/arena.js'
import type { Region } from '../../../src/core/arena.js'
import { DatagramBatch } from '../../../src/core/datagrams.js'
import { ENDPOINT_BYTES, ENDPOINT_LOCAL, readEndpoint, writeEndpoint } from '../../../src/core/endpoint.js'
import type { Bind, OpenBind } from '../../../src/shell/bind.js'

/** How long a busy machine may take for what takes a millisecond. */
const PATIENCE_MS = 60_000

export interface Received {
  readonly text: string
  readonly bytes: Uint8Array
  readonly from: string
  readonly local: Uint8Array
  readonly trafficClass: number
}

export class BindRig {
  readonly bind: Bind
  readonly arena: PacketArena
  readonly out: DatagramBatch
  readonly #in: DatagramBatch
  readonly #outbox: Region
  readonly #free: { at: number }
  readonly received: Received[] = []

  private constructor(bind: Bind, arena: PacketArena, outbox: Region, capacity: number) {
    this.bind = bind
    this.arena = arena
    this.#outbox = outbox
    this.#free = { at: outbox.offset }
    this.out = new DatagramBatch(arena, 1024)
    this.#in = new DatagramBatch(arena, capacity)
  }

  static async open(
    open: OpenBind,
    options: { port?: number; mark?: number; capacity?: number } = {},
  ): Promise<BindRig> {
    const arena = new PacketArena(8 << 20)
    const region = arena.take(16 * 65536)
    const outbox = arena.take(2 << 20)
    const bind = await open({ port: options.port ?? 0, mark: options.mark ?? 0, arena, region })
    return new BindRig(bind, arena, outbox, options.capacity ?? 256)
  }

  /** Adds a datagram to `out`, adjacent to the last. `record` names an endpoint record made by {@link endpoint}. */
  put(bytes: Uint8Array, record: number, trafficClass = 0): void {
    const i = this.out.count++
    this.arena.bytes.set(bytes, this.#free.at)
    this.out.offsets[i] = this.#free.at
    this.out.lengths[i] = bytes.length
    this.out.endpoints[i] = record
    this.out.trafficClasses[i] = trafficClass
    this.#free.at += bytes.length
  }

  /** Leaves a gap before the next datagram. */
  skip(bytes: number): void {
    this.#free.at += bytes
  }

  endpoint(text: string, local?: Uint8Array): number {
    const record = this.out.recordCount++
    writeEndpoint(this.out.records, record * ENDPOINT_BYTES, parseEndpoint(text)!)
    if (local !== undefined) this.out.records.set(local, record * ENDPOINT_BYTES + ENDPOINT_LOCAL)
    return record
  }

  /** Sends all of `out` and clears it. */
  async send(): Promise<void> {
    for (let first = 0; first < this.out.count;) {
      first += this.bind.send(this.out, first)
      if (first < this.out.count) await this.bind.writable(AbortSignal.timeout(PATIENCE_MS))
    }
    this.out.clear()
    this.#free.at = this.#outbox.offset
  }

  async sendTo(endpoint: string, ...texts: readonly string[]): Promise<void> {
    const record = this.endpoint(endpoint)
    for (const text of texts) this.put(new TextEncoder().encode(text), record)
    await this.send()
  }

  /** Receives until there are `count` in all. */
  async receive(count: number): Promise<Received[]> {
    const deadline = AbortSignal.timeout(PATIENCE_MS)
    while (this.received.length < count) {
      if (this.takeReady() === 0) await this.bind.readable(deadline)
    }
    return this.received
  }

  takeReady(): number {
    const batch = this.#in
    const count = this.bind.receive(batch)
    for (let i = 0; i < count; i++) {
      const record = batch.endpoints[i]! * ENDPOINT_BYTES
      const bytes = this.arena.bytes.slice(batch.offsets[i]!, batch.offsets[i]! + batch.lengths[i]!)
      const from = readEndpoint(batch.records, record)!
      this.received.push({
        bytes,
        text: new TextDecoder().decode(bytes),
        from: `${from.address.join('.')}:${from.port}`,
        local: batch.records.slice(record + ENDPOINT_LOCAL, record + ENDPOINT_BYTES),
        trafficClass: batch.trafficClasses[i]!,
      })
    }
    return count
  }

  close(): Promise<void> {
    return this.bind.close()
  }
}
