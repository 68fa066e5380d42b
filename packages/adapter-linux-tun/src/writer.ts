/** Hands packets to the interface, joined where the kernel takes that. */
import { EBADF, EBADFD, EINVAL } from '@wireweave/ffi/errno'
import type { PacketBatch } from '@wireweave/tunnel/packets'
import type { System } from './abi.js'
import { type Coalescer, PLAN_CAPACITY } from './coalesce.js'
import type { Gatherer } from './gather.js'
import type { LinuxTunStats } from './stats.js'

export class Writer {
  readonly #system: System
  readonly #fd: number
  readonly #coalescer: Coalescer
  readonly #gatherer: Gatherer
  readonly #stats: LinuxTunStats
  readonly #onRefusedKind: (kind: number) => void

  /** `onRefusedKind` hears which kind is joined no more. */
  constructor(
    system: System,
    fd: number,
    coalescer: Coalescer,
    gatherer: Gatherer,
    stats: LinuxTunStats,
    onRefusedKind: (kind: number) => void,
  ) {
    this.#system = system
    this.#fd = fd
    this.#coalescer = coalescer
    this.#gatherer = gatherer
    this.#stats = stats
    this.#onRefusedKind = onRefusedKind
  }

  /**
   * Writes all packets from `first` on. False when the interface is gone. A TUN has no send queue that fills up: what it
   * refuses is dropped and counted, and later packets go on.
   */
  write(batch: PacketBatch, first: number): boolean {
    const plan = this.#coalescer
    for (let start = first; start < batch.count; start += PLAN_CAPACITY) {
      plan.plan(batch, start, Math.min(batch.count, start + PLAN_CAPACITY))
      for (let group = 0; group < plan.groupCount; group++) {
        const errno =
          plan.counts[group] === 1 ? this.#single(batch, start + plan.leads[group]!) : this.#joined(batch, group)
        if (errno === EBADFD || errno === EBADF) return false
      }
    }
    return true
  }

  #single(batch: PacketBatch, index: number): number {
    const gatherer = this.#gatherer
    gatherer.plain(batch.offsets[index]!, batch.lengths[index]!)
    const errno = this.#call(gatherer.plainAddress, gatherer.plainCount)
    if (errno === 0) this.#stats.packetsSent++
    else this.#stats.refused++
    return errno
  }

  #joined(batch: PacketBatch, group: number): number {
    const plan = this.#coalescer
    const iovecs = this.#gatherer.joined(plan, group, batch)
    const errno = this.#call(this.#gatherer.joinedAddress, iovecs)
    const count = plan.counts[group]!
    if (errno === 0) this.#stats.packetsSent += count
    else if (errno === EINVAL) return this.#oneByOne(batch, group)
    else this.#stats.refused += count
    return errno
  }

  /** When the kernel takes the parts of what it refused as a whole, it is the joining that it does not know. */
  #oneByOne(batch: PacketBatch, group: number): number {
    const plan = this.#coalescer
    let refused = 0
    let errno = 0
    for (let i = plan.leads[group]!; i >= 0; i = plan.next[i]!) {
      errno = this.#single(batch, plan.first + i)
      if (errno !== 0) refused++
    }
    const kind = plan.kinds[group]!
    if (refused === 0 && (plan.enabled & kind) !== 0) {
      plan.enabled &= ~kind
      this.#onRefusedKind(kind)
    }
    return errno
  }

  /** 0, or the errno. */
  #call(address: number, iovecs: number): number {
    this.#stats.writes++
    return this.#system.writev(this.#fd, address, iovecs) < 0 ? this.#system.errno() : 0
  }
}
