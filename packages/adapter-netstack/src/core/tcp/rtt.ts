/** Retransmission timeout (RFC 6298), in milliseconds. */

/** RFC 6298 §2.1. */
const INITIAL_RTO_MS = 1000
/** RFC 6298 §2.4 says 1 s; every stack in use has 200 ms (RFC 8961 §4 allows it), and so have we. */
const MIN_RTO_MS = 200
/** RFC 6298 §2.5 wants at least 60 s. */
const MAX_RTO_MS = 120_000

/** An echo from the future, or from before the connection, is made up. */
export function isPlausible(roundTripMs: number): boolean {
  return roundTripMs >= 0 && roundTripMs <= 600_000
}

export class RoundTripTime {
  /** Smoothed; -1 before the first measurement. */
  smoothed = -1
  #variance = 0
  /** Before backing off. */
  #base = INITIAL_RTO_MS
  #backoff = 0
  /** The least that was seen. */
  least: number = Number.POSITIVE_INFINITY

  /** What the timer is set to now. */
  get timeout(): number {
    return Math.min(MAX_RTO_MS, this.#base * 2 ** this.#backoff)
  }

  /** RFC 6298 §2.2 and §2.3. With timestamps more than one sample comes per round trip; `perRoundTrip` says how many. */
  measure(ms: number, perRoundTrip = 1): void {
    if (ms < 0) return
    this.least = Math.min(this.least, ms)
    if (this.smoothed < 0) {
      this.smoothed = ms
      this.#variance = ms / 2
    } else {
      // RFC 7323 appendix G.
      const beta = 1 / (4 * perRoundTrip)
      const alpha = 1 / (8 * perRoundTrip)
      this.#variance += beta * (Math.abs(this.smoothed - ms) - this.#variance)
      this.smoothed += alpha * (ms - this.smoothed)
    }
    this.#base = Math.max(MIN_RTO_MS, this.smoothed + Math.max(1, 4 * this.#variance))
    this.#backoff = 0
  }

  /** RFC 6298 §5.5. */
  backOff(): void {
    if (this.timeout < MAX_RTO_MS) this.#backoff++
  }

  /** An acknowledgment of new data ends the backing off, also where it gave no measurement. */
  resume(): void {
    this.#backoff = 0
  }

  /** RFC 6298 §5.7: after a lost SYN the first data wait three seconds, until there is a measurement. */
  synWasLost(): void {
    if (this.smoothed < 0) this.#base = 3000
    this.#backoff = 0
  }
}
