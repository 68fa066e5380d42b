/**
 * When the timers of every peer run out (§6): a table of named deadlines, and a heap of peers to find the earliest.
 *
 * The heap is lazy. A peer stands in it at a time that is never later than its earliest deadline, so moving a deadline
 * further away, or cancelling it, leaves the heap alone: that is all a data packet does while traffic flows. Whoever
 * asks for the earliest puts the top right.
 */

export const RETRANSMIT_HANDSHAKE = 0
export const SEND_KEEPALIVE = 1
export const NEW_HANDSHAKE = 2
export const ZERO_KEY_MATERIAL = 3
export const PERSISTENT_KEEPALIVE = 4
const TIMERS = 5

/** One of the five timers above. */
export type Timer = 0 | 1 | 2 | 3 | 4

/** Deadlines of peers that are known by small non-negative integers, their slots. */
export class Deadlines {
  /** At `slot * TIMERS + timer`; Infinity when not pending. */
  #at = new Float64Array(0)
  /** Slots, the one with the smallest #due first. */
  #heap = new Int32Array(0)
  #heapSize = 0
  /** Place in the heap + 1; 0 when not in it. */
  #places = new Int32Array(0)
  #due = new Float64Array(0)

  isPending(slot: number, timer: Timer): boolean {
    return this.#at[slot * TIMERS + timer]! < Infinity
  }

  set(slot: number, timer: Timer, at: number): void {
    this.#at[slot * TIMERS + timer] = at
    const place = this.#places[slot]!
    if (place === 0) {
      this.#due[slot] = at
      this.#heapSize++
      this.#siftUp(this.#heapSize - 1, slot)
    } else if (at < this.#due[slot]!) {
      this.#due[slot] = at
      this.#siftUp(place - 1, slot)
    }
  }

  cancel(slot: number, timer: Timer): void {
    this.#at[slot * TIMERS + timer] = Infinity
  }

  cancelAll(slot: number): void {
    this.#at.fill(Infinity, slot * TIMERS, (slot + 1) * TIMERS)
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    const had = this.#places.length
    if (slots <= had) return
    const size = Math.max(slots, had * 2, 8)
    const at = new Float64Array(size * TIMERS).fill(Infinity)
    at.set(this.#at)
    this.#at = at
    const heap = new Int32Array(size)
    heap.set(this.#heap)
    this.#heap = heap
    const places = new Int32Array(size)
    places.set(this.#places)
    this.#places = places
    const due = new Float64Array(size)
    due.set(this.#due)
    this.#due = due
  }

  /** The slot with the earliest deadline, or -1 when no timer of anyone is pending. */
  earliestSlot(): number {
    while (this.#heapSize > 0) {
      const slot = this.#heap[0]!
      const at = this.at(slot, this.earliestTimer(slot))
      if (at === this.#due[slot]!) return slot
      if (at === Infinity) {
        this.#places[slot] = 0
        this.#heapSize--
        if (this.#heapSize > 0) this.#siftDown(0, this.#heap[this.#heapSize]!)
      } else {
        this.#due[slot] = at
        this.#siftDown(0, slot)
      }
    }
    return -1
  }

  /** Of a slot's timers the one that runs out first. */
  earliestTimer(slot: number): Timer {
    const base = slot * TIMERS
    let earliest: Timer = 0
    for (let timer = 1 as Timer; timer < TIMERS; timer++) {
      if (this.#at[base + timer]! < this.#at[base + earliest]!) earliest = timer
    }
    return earliest
  }

  at(slot: number, timer: Timer): number {
    return this.#at[slot * TIMERS + timer]!
  }

  #siftUp(place: number, slot: number): void {
    const due = this.#due[slot]!
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.#heap[above]!
      if (this.#due[other]! <= due) break
      this.#put(place, other)
      place = above
    }
    this.#put(place, slot)
  }

  #siftDown(place: number, slot: number): void {
    const due = this.#due[slot]!
    for (;;) {
      let below = place * 2 + 1
      if (below >= this.#heapSize) break
      const right = below + 1
      if (right < this.#heapSize && this.#due[this.#heap[right]!]! < this.#due[this.#heap[below]!]!) below = right
      const other = this.#heap[below]!
      if (this.#due[other]! >= due) break
      this.#put(place, other)
      place = below
    }
    this.#put(place, slot)
  }

  #put(place: number, slot: number): void {
    this.#heap[place] = slot
    this.#places[slot] = place + 1
  }
}
