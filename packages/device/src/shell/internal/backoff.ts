/** How long to wait before sockets are opened again. */
import type { Clock } from '../clock.js'

const FIRST_MS = 100
const MOST_MS = 5000
/** What worked for this long was no failure of the same kind. */
const FORGOTTEN_AFTER_MS = 30_000

/** At once the first time, then doubling up to {@link MOST_MS}, for ever. */
export class Backoff {
  readonly #clock: Clock
  #last = Number.NEGATIVE_INFINITY
  #delay = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds to wait now. */
  next(): number {
    const now = this.#clock.now()
    if (now - this.#last > FORGOTTEN_AFTER_MS) this.#delay = 0
    const delay = this.#delay
    this.#last = now + delay
    this.#delay = Math.min(Math.max(FIRST_MS, delay * 2), MOST_MS)
    return delay
  }
}
