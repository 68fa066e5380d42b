/** What a tunnel needs at its other end, in memory that does not grow: sockets without a network, and a host that sends everything back. */
import type { DatagramBatch } from '@wireweave/device/core/datagrams'
import { writeEndpoint } from '@wireweave/device/core/endpoint'
import type { Bind, BindOptions, OpenBind } from '@wireweave/device/shell/bind'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { parseEndpoint } from '@wireweave/tunnel/ip'
import { PACKET_TAILROOM } from '@wireweave/tunnel/packets'
import type { PacketAdapter, PacketBatch, PacketPort, PacketPortOptions } from '@wireweave/tunnel/packets'

const SLOTS = 4096
const SLOT_BYTES = 2048

/** A queue of byte strings in memory that is taken once, and somebody who waits for one. */
class Queue {
  count = 0
  readonly #bytes = new Uint8Array(SLOTS * SLOT_BYTES)
  readonly #lengths = new Uint32Array(SLOTS)
  #first = 0
  #wakers: (() => void)[] = []
  #end: WireGuardError | null = null

  /** False when there is no room. */
  put(from: Uint8Array, offset: number, length: number): boolean {
    if (this.count === SLOTS) return false
    const slot = (this.#first + this.count) % SLOTS
    this.#bytes.set(from.subarray(offset, offset + length), slot * SLOT_BYTES)
    this.#lengths[slot] = length
    this.count++
    this.#wake()
    return true
  }

  /** The length of the next one, which goes to `at` of `into`. */
  take(into: Uint8Array, at: number): number {
    const length = this.#lengths[this.#first]!
    const start = this.#first * SLOT_BYTES
    into.set(this.#bytes.subarray(start, start + length), at)
    this.#first = (this.#first + 1) % SLOTS
    this.count--
    this.#wake()
    return length
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#end !== null) throw this.#end
      await new Promise<void>((resolve) => this.#wakers.push(resolve))
    }
  }

  close(): void {
    this.#end = new WireGuardError('CLOSED', 'closed')
    this.#wake()
  }

  #wake(): void {
    if (this.#wakers.length === 0) return
    for (const waker of this.#wakers.splice(0)) waker()
  }
}

/** Two ends, each of which opens its sockets with one of {@link binds}. Nothing is lost on the way. */
export class Wire {
  readonly binds: readonly [OpenBind, OpenBind] = [this.#end(0, 1), this.#end(1, 0)]
  readonly #queues = [new Queue(), new Queue()]

  /** On their way now. */
  get count(): number {
    return this.#queues[0]!.count + this.#queues[1]!.count
  }

  #end(own: number, other: number): OpenBind {
    return async ({ arena, region, port }: BindOptions): Promise<Bind> => {
      this.#queues[own] = new Queue()
      const from = parseEndpoint(`192.0.2.${other + 1}:51820`)!
      const inbox = (): Queue => this.#queues[own]!
      const outbox = (): Queue => this.#queues[other]!
      return {
        port: port || 51820,
        receive(batch: DatagramBatch): number {
          batch.clear()
          writeEndpoint(batch.records, 0, from)
          batch.recordCount = 1
          let at = region.offset
          while (batch.count < batch.capacity && inbox().count > 0) {
            if (at + SLOT_BYTES > region.offset + region.length) break
            batch.offsets[batch.count] = at
            batch.lengths[batch.count] = inbox().take(arena.bytes, at)
            batch.trafficClasses[batch.count] = 0
            batch.endpoints[batch.count] = 0
            batch.count++
            at += SLOT_BYTES
          }
          return batch.count
        },
        send(batch: DatagramBatch, first: number): number {
          let taken = 0
          while (first + taken < batch.count) {
            const i = first + taken
            if (!outbox().put(batch.arena.bytes, batch.offsets[i]!, batch.lengths[i]!)) break
            taken++
          }
          return taken
        },
        readable: () => inbox().until(() => inbox().count > 0),
        writable: () => outbox().until(() => outbox().count < SLOTS),
        setMark: () => {},
        close: async () => inbox().close(),
      }
    }
  }
}

/** An interface whose host sends every packet back to where it came from. */
export const mirrorAdapter: PacketAdapter = {
  ...{ name: 'mirror', dataPlane: 'userspace', reach: 'host' },
  probe: async () => ({ available: true }),
  regionBytes: () => 256 * SLOT_BYTES,
  openPackets: async (options) => mirrorPort(options),
}

function mirrorPort({ name, arena, region }: PacketPortOptions): PacketPort {
  const queue = new Queue()
  const batchSize = Math.floor(region.length / SLOT_BYTES)
  let settle = (): void => {}
  const closed = new Promise<void>((resolve) => (settle = resolve))
  return {
    ...{ interfaceRef: { name, index: 1 }, mtu: 1420, isUp: true, batchSize, closed },
    receive(batch: PacketBatch): number {
      let at = region.offset
      batch.count = 0
      while (batch.count < Math.min(batchSize, batch.offsets.length) && queue.count > 0) {
        batch.offsets[batch.count] = at
        batch.lengths[batch.count] = queue.take(arena.bytes, at)
        // IPv4: source and destination change places.
        const source = arena.bytes.slice(at + 12, at + 16)
        arena.bytes.copyWithin(at + 12, at + 16, at + 20)
        arena.bytes.set(source, at + 16)
        batch.count++
        at += SLOT_BYTES
      }
      return batch.count
    },
    send(batch: PacketBatch, first: number): number {
      let taken = 0
      while (first + taken < batch.count) {
        const i = first + taken
        if (!queue.put(batch.arena.bytes, batch.offsets[i]!, batch.lengths[i]!)) break
        taken++
      }
      return taken
    },
    readable: () => queue.until(() => queue.count > 0),
    writable: () => queue.until(() => queue.count < SLOTS),
    onChange: () => {},
    async close() {
      queue.close()
      settle()
    },
  }
}

if (SLOT_BYTES < 1420 + 32 + 16 + PACKET_TAILROOM) throw new Error('a slot holds no full packet')
