/** Datagrams between the device and its sockets, in batches over the arena. */
import type { Arena } from '@wireweave/tunnel/packets'
import { ENDPOINT_BYTES } from './endpoint.js'

/**
 * Up to `capacity` datagrams, each `lengths[i]` bytes at `arena.bytes[offsets[i]]`. Many share one endpoint record:
 * `endpoints[i]` is the index of a record in `records`, at `index * ENDPOINT_BYTES`.
 *
 * Outgoing: datagrams with the same record index, the same traffic class and adjacent bytes form a run that a socket
 * may hand over in one call (UDP_SEGMENT), as long as all but the last are equally long.
 * Incoming: the bytes of each datagram are the device's to overwrite (it decrypts in place), nothing around them.
 */
export class DatagramBatch {
  readonly arena: Arena
  readonly capacity: number
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly endpoints: Uint32Array
  /** Whole traffic class byte: DSCP and ECN. */
  readonly trafficClasses: Uint8Array
  readonly records: Uint8Array
  /** The same bytes. */
  readonly recordWords: Int32Array
  count = 0
  recordCount = 0

  constructor(arena: Arena, capacity: number) {
    this.arena = arena
    this.capacity = capacity
    this.offsets = new Uint32Array(capacity)
    this.lengths = new Uint32Array(capacity)
    this.endpoints = new Uint32Array(capacity)
    this.trafficClasses = new Uint8Array(capacity)
    this.recordWords = new Int32Array((capacity * ENDPOINT_BYTES) / 4)
    this.records = new Uint8Array(this.recordWords.buffer)
  }

  clear(): void {
    this.count = 0
    this.recordCount = 0
  }
}
