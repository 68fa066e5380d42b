/** Bytes of the peer: those in order wait for the application, those out of order for the ones before them. */
import { type BufferPool, SMALLEST_BUFFER } from '../buffer-pool.js'
import { Ring } from './ring.js'
import { distance, isAfter, isBefore, later } from './sequence.js'

/** So many islands are kept; a segment that would make one more is dropped and comes again. */
const MAX_ISLANDS = 64

interface Island {
  start: number
  end: number
  /** When it last grew, by count: the latest is told first (RFC 2018 §4). */
  stamp: number
}

export class ReceiveBuffer {
  readonly #ring: Ring
  /** In order and not read yet. */
  #ready = 0
  /** Sequence number of the next byte in order (RCV.NXT, but for the FIN). */
  next = 0
  /** Sorted and apart from each other and from `next`. */
  readonly #islands: Island[] = []
  #stamps = 0
  /** How much may wait here; grows with how fast it is read. */
  limit: number

  constructor(pool: BufferPool, limit: number) {
    this.#ring = new Ring(pool)
    this.limit = limit
  }

  /** Bytes that can be read. */
  get length(): number {
    return this.#ready
  }

  get memoryBytes(): number {
    return this.#ring.memoryBytes
  }

  /** Room for bytes from `next` on: the window, before it is rounded. */
  get space(): number {
    return Math.max(0, this.limit - this.#ready)
  }

  get hasIslands(): boolean {
    return this.#islands.length > 0
  }

  /**
   * Takes `length` bytes that start at `sequence`, all of them inside the window. Bytes that are there already stay as
   * they are (RFC 9293 §3.10.7.4: only new data is kept). False when there was no room and they were dropped.
   */
  insert(sequence: number, source: Uint8Array, at: number, length: number): boolean {
    const skip = distance(this.next, sequence)
    if (skip > 0) {
      sequence = this.next
      at += skip
      length -= skip
    }
    if (length <= 0) return true
    const used = this.#ready + this.#islandReach()
    const need = this.#ready + distance(sequence, this.next) + length
    const isNext = sequence === this.next
    if (!this.#ring.reserve(need, used, !isNext)) return this.#insertScarce(sequence, source, at, length)
    if (isNext && this.#islands.length === 0) {
      this.#ring.put(this.#ready, source, at, length)
      this.#ready += length
      this.next = (this.next + length) | 0
      return true
    }
    return this.#insertAround(sequence, source, at, length)
  }

  /** Moves up to `target.length - at` bytes to the application; returns how many. */
  read(target: Uint8Array, at: number): number {
    const length = Math.min(target.length - at, this.#ready)
    if (length <= 0) return 0
    this.#ring.get(0, target, at, length)
    this.#ready -= length
    this.#ring.advance(length, this.#ready + this.#islandReach())
    return length
  }

  /** Writes up to `max` pairs of sequence numbers, the island that grew last first (RFC 2018 §4). Returns how many. */
  sackBlocks(pairs: Int32Array, max: number): number {
    let count = 0
    let before = Number.POSITIVE_INFINITY
    while (count < max) {
      let latest: Island | null = null
      for (const island of this.#islands) {
        if (island.stamp < before && (latest === null || island.stamp > latest.stamp)) latest = island
      }
      if (latest === null) break
      pairs[count * 2] = latest.start
      pairs[count * 2 + 1] = latest.end
      before = latest.stamp
      count++
    }
    return count
  }

  release(): void {
    this.#ring.release()
    this.#ready = 0
    this.#islands.length = 0
  }

  /**
   * The budget is spent. Bytes in order go into the memory that is there, at the cost of those out of order, which the
   * peer must then send again (RFC 2018 §8 allows it): otherwise nothing would ever become free.
   */
  #insertScarce(sequence: number, source: Uint8Array, at: number, length: number): boolean {
    if (sequence !== this.next) return false
    this.#islands.length = 0
    this.#ring.reserve(SMALLEST_BUFFER, this.#ready)
    const fits = Math.min(length, this.#ring.memoryBytes - this.#ready)
    if (fits <= 0) return false
    this.#ring.put(this.#ready, source, at, fits)
    this.#ready += fits
    this.next = (this.next + fits) | 0
    return true
  }

  /** From `next` to the end of the last island. */
  #islandReach(): number {
    const { length } = this.#islands
    // Looking up the element -1 of an array takes longer than a segment does otherwise.
    return length === 0 ? 0 : distance(this.#islands[length - 1]!.end, this.next)
  }

  /** Fills the gaps that [sequence, sequence + length) covers; what lies on islands is left alone. */
  #insertAround(sequence: number, source: Uint8Array, at: number, length: number): boolean {
    const islands = this.#islands
    const end = (sequence + length) | 0
    let first = 0
    while (first < islands.length && isBefore(islands[first]!.end, sequence)) first++
    let last = first
    while (last < islands.length && !isAfter(islands[last]!.start, end)) last++
    if (first === last && sequence !== this.next && islands.length >= MAX_ISLANDS) return false
    let cursor = sequence
    for (let i = first; i < last; i++) {
      const island = islands[i]!
      if (isBefore(cursor, island.start)) this.#put(cursor, sequence, source, at, distance(island.start, cursor))
      cursor = island.end
    }
    if (isBefore(cursor, end)) this.#put(cursor, sequence, source, at, distance(end, cursor))
    const start = first < last && isBefore(islands[first]!.start, sequence) ? islands[first]!.start : sequence
    const merged: Island = { start, end: later(cursor, end), stamp: ++this.#stamps }
    islands.splice(first, last - first, merged)
    if (merged.start === this.next) {
      islands.shift()
      this.#ready += distance(merged.end, this.next)
      this.next = merged.end
    }
    return true
  }

  #put(cursor: number, sequence: number, source: Uint8Array, at: number, length: number): void {
    this.#ring.put(this.#ready + distance(cursor, this.next), source, at + distance(cursor, sequence), length)
  }
}
