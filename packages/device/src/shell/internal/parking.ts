/** When a driver's thread parks: while packets pass, and for a while after the last one. */
import type { Clock } from '../clock.js'
import { OTHERS } from '../parker.js'
import type { Parker } from '../parker.js'

export interface Parkable {
  /** What packets come by; `null` when there is more to wait for than packets. The same array until that changes. */
  readonly descriptors: readonly number[] | null
  /** Takes what has come, and what follows from it. Bit `i` stands for descriptor `i`. */
  arrived(ready: number): void
}

/** Timers of this thread other than a device's, none of which is in a hurry, wait this long at most. */
const PARK_MS = 100
/** An echo request each second keeps a tunnel in use. One that is not wakes nobody. */
const IN_USE_MS = 2000

/**
 * A thread that was asleep in its event loop takes 40 µs and more to get from there to us, through code that has left the
 * caches; from poll(2) it takes one return. An idle tunnel is left to the event loop, where it costs nothing.
 */
export class Parking {
  readonly #parker: Parker
  readonly #clock: Clock
  readonly #parkable: Parkable
  #immediate: NodeJS.Immediate | null = null
  #isParked = false
  #usedAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(parker: Parker, clock: Clock, parkable: Parkable) {
    this.#parker = parker
    this.#clock = clock
    this.#parkable = parkable
  }

  /** Packets came or went at `now`: more will follow. */
  use(now: number): void {
    this.#usedAt = now
    if (!this.#isParked) this.#parkSoon()
  }

  close(): void {
    this.#isClosed = true
    if (this.#immediate !== null) clearImmediate(this.#immediate)
  }

  /** After whatever else waits in the event loop. */
  #parkSoon(): void {
    if (!this.#isClosed) this.#immediate ??= setImmediate(this.#park)
  }

  readonly #park = (): void => {
    this.#immediate = null
    const { descriptors } = this.#parkable
    // Whatever is under way ends with another turn, or the next packet does.
    if (descriptors === null || !this.#parker.isFree) return
    this.#parker.begin(descriptors)
    const end = this.#clock.now() + PARK_MS
    this.#isParked = true
    let now: number
    do {
      const ready = this.#parker.park(PARK_MS)
      if ((ready & ~OTHERS) !== 0) this.#parkable.arrived(ready & ~OTHERS)
      now = this.#clock.now()
      if ((ready & OTHERS) !== 0) break
    } while (now < end && !this.#isClosed && this.#parkable.descriptors === descriptors)
    this.#isParked = false
    if (now - this.#usedAt < IN_USE_MS) this.#parkSoon()
  }
}
