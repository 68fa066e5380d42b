/**
 * Finds the packets of a batch that one write can carry: consecutive TCP segments, or equal UDP datagrams, of one flow.
 * The order of the packets of a flow stays; flows may overtake each other.
 */
import type { PacketBatch } from '@wireweave/tunnel/packets'
import { MAX_SEGMENTS } from './layout.js'
import { ALONE, BARRIER, type Routines } from './routines.js'

/** Packets of one {@link Coalescer.plan}. */
export const PLAN_CAPACITY = 256

/** The kernel's own limit when it joins datagrams, which programs that receive them rely on. */
const MAX_DATAGRAMS = 64

const MAX_TOTAL_BYTES = 65535
const FLOWS = 256
const NONE = -1
const TCP = 6
const PSH = 0x08

/** Kinds of joined packets, as bits. */
export const TCP4 = 1
export const TCP6 = 2
export const UDP4 = 4
export const UDP6 = 8

/**
 * Groups of packets, each for one write. Group `g` has `counts[g]` packets: `leads[g]`, then along `next` to -1, all
 * indices into the batch. A group of one is written as it is.
 */
export class Coalescer {
  /** Kinds that may be joined; the owner takes away what the kernel refuses. */
  enabled: number
  groupCount = 0
  readonly leads: Int32Array = new Int32Array(PLAN_CAPACITY)
  readonly counts: Int32Array = new Int32Array(PLAN_CAPACITY)
  /** Length of the headers, 0 for a packet that cannot be joined. */
  readonly headers: Int32Array = new Int32Array(PLAN_CAPACITY)
  readonly kinds: Int32Array = new Int32Array(PLAN_CAPACITY)
  /** Payload of the first packet, which all but the last have. */
  readonly sizes: Int32Array = new Int32Array(PLAN_CAPACITY)
  /** Payload of all packets. */
  readonly payloads: Int32Array = new Int32Array(PLAN_CAPACITY)
  /** 1 when the last packet carries PSH. */
  readonly pushes: Uint8Array = new Uint8Array(PLAN_CAPACITY)
  /** Index of the following packet, relative to {@link first}. */
  readonly next: Int32Array = new Int32Array(PLAN_CAPACITY)
  /** The packet of the batch that the indices count from. */
  first = 0

  readonly #routines: Routines
  readonly #bytes: Uint8Array
  readonly #tails: Int32Array = new Int32Array(PLAN_CAPACITY)
  readonly #isOpen: Uint8Array = new Uint8Array(PLAN_CAPACITY)
  /** The group that a flow may still join, by hash: of two flows with one hash the later one wins. */
  readonly #flows: Int32Array = new Int32Array(FLOWS)

  constructor(routines: Routines, bytes: Uint8Array, enabled: number) {
    this.#routines = routines
    this.#bytes = bytes
    this.enabled = enabled
  }

  /** Groups the packets from `first` up to `end`, at most {@link PLAN_CAPACITY} of them. */
  plan(batch: PacketBatch, first: number, end: number): void {
    this.first = first
    this.groupCount = 0
    if (this.enabled === 0 || end - first === 1) {
      for (let i = first; i < end; i++) this.#begin(i - first, 0, 0)
      return
    }
    this.#flows.fill(NONE)
    for (let i = first; i < end; i++) this.#place(batch.offsets, batch.offsets[i]!, batch.lengths[i]!, i - first)
  }

  #place(offsets: Uint32Array, offset: number, length: number, index: number): void {
    const found = this.#routines.inspect(offset, length)
    const code = found & 0xff
    const flow = found >>> 8
    if (code <= ALONE) {
      this.#begin(index, 0, 0)
      if (code === ALONE) this.#flows[flow] = NONE
      else if (code === BARRIER) this.#flows.fill(NONE)
      return
    }
    const payload = length - code
    const group = this.#flows[flow]!
    if (group !== NONE && this.#mayJoin(group, offsets, offset, code, payload))
      this.#join(group, offset, payload, index)
    else this.#flows[flow] = this.#open(offset, code, payload, index)
  }

  #mayJoin(group: number, offsets: Uint32Array, offset: number, headers: number, payload: number): boolean {
    if (this.#isOpen[group] === 0 || this.headers[group] !== headers || payload > this.sizes[group]!) return false
    const before = this.payloads[group]!
    const count = this.counts[group]!
    if (headers + before + payload > MAX_TOTAL_BYTES || count === this.#limit(group)) return false
    const lead = offsets[this.first + this.leads[group]!]!
    return this.#routines.follows(lead, offset, headers, before, count) === 1
  }

  #limit(group: number): number {
    return (this.kinds[group]! & (TCP4 | TCP6)) === 0 ? MAX_DATAGRAMS : MAX_SEGMENTS
  }

  #join(group: number, offset: number, payload: number, index: number): void {
    this.next[this.#tails[group]!] = index
    this.next[index] = NONE
    this.#tails[group] = index
    this.counts[group]!++
    this.payloads[group]! += payload
    const push = this.#hasPush(group, offset)
    this.pushes[group] = push
    // A shorter one, or the end of what the sender pushed, ends the run.
    if (push === 1 || payload < this.sizes[group]!) this.#isOpen[group] = 0
  }

  #open(offset: number, headers: number, payload: number, index: number): number {
    const group = this.#begin(index, headers, payload)
    const isV4 = this.#bytes[offset]! >> 4 === 4
    const isTcp = this.#bytes[offset + (isV4 ? 9 : 6)] === TCP
    const kind = isTcp ? (isV4 ? TCP4 : TCP6) : isV4 ? UDP4 : UDP6
    this.kinds[group] = kind
    this.pushes[group] = isTcp ? this.#hasPush(group, offset) : 0
    this.#isOpen[group] = (this.enabled & kind) !== 0 && this.pushes[group] === 0 ? 1 : 0
    return group
  }

  #begin(index: number, headers: number, payload: number): number {
    const group = this.groupCount++
    this.leads[group] = index
    this.#tails[group] = index
    this.next[index] = NONE
    this.counts[group] = 1
    this.headers[group] = headers
    this.sizes[group] = payload
    this.payloads[group] = payload
    this.#isOpen[group] = 0
    this.kinds[group] = 0
    return group
  }

  #hasPush(group: number, offset: number): number {
    const kind = this.kinds[group]!
    if ((kind & (TCP4 | TCP6)) === 0) return 0
    return (this.#bytes[offset + (kind === TCP4 ? 20 : 40) + 13]! & PSH) === 0 ? 0 : 1
  }
}
