/**
 * Sliding window over received counters (RFC 6479): a ring of words, so that moving the window clears whole words and
 * shifts nothing. Counters are 64-bit, as two unsigned 32-bit halves.
 */
import { REJECT_AFTER_MESSAGES_HIGH, REJECT_AFTER_MESSAGES_LOW } from './constants.js'
import { DROP_COUNTER_LIMIT, DROP_REPLAYED, DROP_TOO_OLD, type DropCode } from './drop.js'

const RING_BITS = 8192
const RING_WORDS = RING_BITS / 32
/** A counter this far behind the greatest is still accepted: as in Linux and wireguard-go, whose words have 64 bits. */
export const REPLAY_WINDOW: number = RING_BITS - 64

/** What a keypair starts with; most keypairs of a quiet peer never need more. */
const FIRST_WORDS = 8
const NO_WORDS = new Uint32Array(0)

export class ReplayFilter {
  #greatestLow = 0
  #greatestHigh = 0
  /** Empty, FIRST_WORDS or RING_WORDS long. While it is short, every counter so far has its own bit in it. */
  #words: Uint32Array = NO_WORDS

  /** 0 when the counter may be accepted, otherwise a drop code. Changes nothing. */
  check(low: number, high: number): DropCode | 0 {
    if (high === REJECT_AFTER_MESSAGES_HIGH && low >= REJECT_AFTER_MESSAGES_LOW) return DROP_COUNTER_LIMIT
    const behind = this.#behind(low, high)
    if (behind < 0) return 0
    if (behind > REPLAY_WINDOW) return DROP_TOO_OLD
    const index = ringIndex(low)
    if (index >= this.#words.length) return 0
    return (this.#words[index]! & bitOf(low)) === 0 ? 0 : DROP_REPLAYED
  }

  /** Records a counter that {@link check} let pass. Call only after its packet has proven authentic. */
  accept(low: number, high: number): void {
    const ahead = -this.#behind(low, high)
    if (ahead > 0) this.#advance(low, high)
    else this.#reserve(this.#greatestLow, this.#greatestHigh)
    this.#words[ringIndex(low)]! |= bitOf(low)
  }

  reset(): void {
    this.#greatestLow = 0
    this.#greatestHigh = 0
    this.#words = NO_WORDS
  }

  /** Exact where it matters: a difference too large for a double to hold is far outside the window on either side. */
  #behind(low: number, high: number): number {
    return (this.#greatestHigh - high) * 2 ** 32 + (this.#greatestLow - low)
  }

  #advance(low: number, high: number): void {
    this.#reserve(low, high)
    const from = this.#greatestLow >>> 5
    const steps = Math.min((high - this.#greatestHigh) * 2 ** 27 + ((low >>> 5) - from), RING_WORDS)
    for (let i = 1; i <= steps; i++) this.#words[(from + i) & (RING_WORDS - 1)] = 0
    this.#greatestLow = low
    this.#greatestHigh = high
  }

  /** Makes room for all counters up to this one. Two allocations in the life of a keypair, both for authentic packets. */
  #reserve(low: number, high: number): void {
    const words = this.#words
    if (words.length === RING_WORDS) return
    const needed = high === 0 && low < FIRST_WORDS * 32 ? FIRST_WORDS : RING_WORDS
    if (words.length === needed) return
    this.#words = new Uint32Array(needed)
    this.#words.set(words)
  }
}

function ringIndex(low: number): number {
  return (low >>> 5) & (RING_WORDS - 1)
}

function bitOf(low: number): number {
  return 1 << (low & 31)
}
