/** Cutting and joining packets without an interface: what a port does between two system calls, for benchmarks. */
import { createBatch } from '@wireweave/tunnel/packets'
import type { Arena, PacketBatch } from '@wireweave/tunnel/packets'
import { Coalescer, TCP4, TCP6, UDP4, UDP6 } from './coalesce.js'
import { Gatherer } from './gather.js'
import { BATCH_SIZE, layOut, regionBytes } from './layout.js'
import type { Layout } from './layout.js'
import { javascriptRoutines } from './routines-js.js'
import { wasmRoutines } from './routines-wasm.js'
import type { Routines } from './routines.js'
import { Segmenter } from './segment.js'

export { regionBytes as offloadBytes }

export class Offload {
  /** What {@link cut} made last. */
  readonly batch: PacketBatch
  readonly #routines: Routines
  readonly #layout: Layout
  readonly #segmenter: Segmenter
  readonly #coalescer: Coalescer
  readonly #gatherer: Gatherer

  /** Works in `region` of the arena; without `isJoining` every packet is written as it is. Throws where `wasm` cannot run. */
  constructor(
    arena: Arena,
    region: { readonly offset: number; readonly length: number },
    routines: 'wasm' | 'js',
    isJoining = true,
  ) {
    const wasm = routines === 'js' || arena.memory === null ? null : wasmRoutines(arena.memory)
    if (routines === 'wasm' && wasm === null) throw new Error('this runtime has no WebAssembly SIMD')
    this.#routines = wasm ?? javascriptRoutines(arena.bytes)
    this.#layout = layOut(region)
    this.batch = createBatch(arena, BATCH_SIZE)
    this.#segmenter = new Segmenter(this.#routines, arena.bytes, this.#layout.staging)
    this.#coalescer = new Coalescer(this.#routines, arena.bytes, isJoining ? TCP4 | TCP6 | UDP4 | UDP6 : 0)
    // Addresses are made but never followed.
    this.#gatherer = new Gatherer(this.#routines, arena.bytes, 4096, this.#layout, true)
  }

  /** Where a read would put its virtio header and its packet. */
  get read(): { readonly header: number; readonly packet: number } {
    return { header: this.#layout.stagingHeader, packet: this.#layout.staging }
  }

  /** Cuts the packet of `length` bytes that was read. Returns how many there are of it. */
  cut(length: number): number {
    this.batch.count = 0
    this.#segmenter.begin(this.#layout.stagingHeader, length)
    this.#segmenter.take(this.batch, BATCH_SIZE, this.#layout.packets, this.#layout.end)
    return this.batch.count
  }

  /** Prepares the writes for the batch. Returns how many they are. */
  join(): number {
    const { batch } = this
    const plan = this.#coalescer
    plan.plan(batch, 0, batch.count)
    for (let group = 0; group < plan.groupCount; group++) {
      const lead = plan.leads[group]!
      if (plan.counts[group] === 1) this.#gatherer.plain(batch.offsets[lead]!, batch.lengths[lead]!)
      else this.#gatherer.joined(plan, group, batch)
    }
    return plan.groupCount
  }

  /** The internet checksum's sum of bytes of the arena. */
  sum(at: number, length: number): number {
    return this.#routines.sum(at, length)
  }
}
