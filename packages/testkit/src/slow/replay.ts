/** The replay rule without a ring: what packages/noise/src/replay.ts is held against. Remembers every counter. */

const REJECT_AFTER_MESSAGES = 2n ** 64n - 2n ** 13n - 1n
const WINDOW = 8128n

export class SlowReplayFilter {
  readonly #accepted = new Set<bigint>()
  #greatest = 0n

  /** Whether a packet with this counter may be accepted. Changes nothing. */
  check(counter: bigint): boolean {
    return counter < REJECT_AFTER_MESSAGES && counter >= this.#greatest - WINDOW && !this.#accepted.has(counter)
  }

  accept(counter: bigint): void {
    this.#accepted.add(counter)
    if (counter > this.#greatest) this.#greatest = counter
  }
}
