/** Pseudo-random numbers that are the same on every machine. For tests only: anyone can predict them. */

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes PractRand, one line per step. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 15; i++) this.u32()
  }

  /** 0 .. 2^32-1. */
  u32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result
    this.#c |= 0
    return result >>> 0
  }

  /** 0 <= x < 1. */
  unit(): number {
    return this.u32() / 2 ** 32
  }

  /** An integer, 0 <= x < `limit`. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit)
  }

  /** An integer, `low` <= x <= `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.below(items.length)]!
  }

  /** Overwrites all of `bytes`. */
  draw(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.u32() >>> 24
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.draw(bytes)
    return bytes
  }

  /** A stream of its own, so that what one part draws does not shift what another gets. */
  fork(): Random {
    return new Random(this.u32() * 2 ** 21 + (this.u32() >>> 11))
  }
}
