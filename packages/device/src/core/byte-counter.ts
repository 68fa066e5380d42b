/** A count of bytes that stays exact beyond 2^53, without a BigInt per packet. */

const CARRY = 2 ** 48

export class ByteCounter {
  #low = 0
  #high = 0

  add(bytes: number): void {
    this.#low += bytes
    if (this.#low < CARRY) return
    this.#low -= CARRY
    this.#high++
  }

  get isZero(): boolean {
    return this.#low === 0 && this.#high === 0
  }

  get value(): bigint {
    return BigInt(this.#high) * BigInt(CARRY) + BigInt(this.#low)
  }
}
