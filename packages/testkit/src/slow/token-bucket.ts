/** The rate limit on handshakes of one source: 20 a second, five at once. Every take is kept, and the level replayed. */

export const TOKENS_PER_SECOND = 20
export const BURST = 5

/** Unbounded, and slower with each call. */
export class SlowTokenBucket {
  readonly #allowedAt = new Map<string, number[]>()

  /** May `source` do one more handshake at `now` (milliseconds, never falling)? */
  allow(source: string, now: number): boolean {
    const times = this.#allowedAt.get(source) ?? []
    if (levelAt(times, now) < 1) return false
    this.#allowedAt.set(source, [...times, now])
    return true
  }
}

/** A bucket is full when it is first seen, and again whenever nothing was taken for long enough. */
function levelAt(times: readonly number[], now: number): number {
  // Twentieths of a token per millisecond keep the sums exact: 1 token is 1000, 1 ms gives 20.
  let level = BURST * 1000
  let last = times[0] ?? now
  for (const at of times) {
    level = Math.min(BURST * 1000, level + (at - last) * TOKENS_PER_SECOND) - 1000
    last = at
  }
  return Math.min(BURST * 1000, level + (now - last) * TOKENS_PER_SECOND) / 1000
}
