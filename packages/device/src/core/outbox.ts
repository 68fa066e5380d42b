/** Where outgoing datagrams are put together: one behind the other, so that a run to one peer is one system call. */
import type { PacketArena, Region } from './arena.js'
import type { DatagramBatch } from './datagrams.js'
import { ENDPOINT_BYTES } from './endpoint.js'
import type { EndpointTable } from './endpoint-table.js'
import type { Peer } from './peer.js'
import type { DeviceStats } from './stats.js'

/** The largest UDP payload over IPv4. */
export const MAX_DATAGRAM_BYTES = 65507

/** Arena bytes for a batch: full-sized packets of an Ethernet path, and never less than one of the largest. */
export function outboxBytes(capacity: number): number {
  return Math.max(capacity * 2048, 2 * 65536)
}

export class Outbox {
  readonly #batch: DatagramBatch
  readonly #endpoints: EndpointTable
  readonly #region: Region
  readonly #stats: DeviceStats
  readonly #flush: () => void
  #next: number
  /** Whose endpoint the last record is; `null` when it must not be used again. */
  #lastPeer: Peer | null = null

  constructor(
    arena: PacketArena,
    batch: DatagramBatch,
    endpoints: EndpointTable,
    stats: DeviceStats,
    flush: () => void,
  ) {
    this.#batch = batch
    this.#endpoints = endpoints
    this.#region = arena.take(outboxBytes(batch.capacity))
    this.#stats = stats
    this.#flush = flush
    this.#next = this.#region.offset
  }

  /** Where the next datagram of up to `length` bytes, at most {@link MAX_DATAGRAM_BYTES}, is to be written. */
  reserve(length: number): number {
    const batch = this.#batch
    if (batch.count === 0) this.#next = this.#region.offset
    else if (batch.count === batch.capacity || this.#next + length > this.#region.offset + this.#region.length) {
      this.#flush()
      batch.clear()
      this.#next = this.#region.offset
    }
    return this.#next
  }

  /** Adds the datagram of `length` bytes that was written where {@link Outbox.reserve} said. */
  sendToPeer(peer: Peer, length: number, trafficClass: number): void {
    // Nobody else adds records, so the last one is the peer's unless the shell has taken the batch.
    if (peer !== this.#lastPeer || this.#batch.recordCount === 0) {
      const batch = this.#batch
      this.#endpoints.copyTo(peer.slot, batch.recordWords, batch.recordCount++)
      this.#lastPeer = peer
    }
    this.#add(length, trafficClass)
  }

  /** The same to the endpoint record at `at` of `table`. */
  sendTo(table: Uint8Array, at: number, length: number, trafficClass: number): void {
    const { records, recordCount } = this.#batch
    const to = recordCount * ENDPOINT_BYTES
    for (let i = 0; i < ENDPOINT_BYTES; i++) records[to + i] = table[at + i]!
    this.#batch.recordCount++
    this.#lastPeer = null
    this.#add(length, trafficClass)
  }

  /** The endpoint of some peer changed. */
  forgetRecord(): void {
    this.#lastPeer = null
  }

  #add(length: number, trafficClass: number): void {
    const batch = this.#batch
    batch.offsets[batch.count] = this.#next
    batch.lengths[batch.count] = length
    batch.endpoints[batch.count] = batch.recordCount - 1
    batch.trafficClasses[batch.count] = trafficClass
    batch.count++
    this.#next += length
    this.#stats.sentDatagrams++
  }
}
