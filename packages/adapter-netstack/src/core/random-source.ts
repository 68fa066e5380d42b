/** Random numbers from the host's source, fetched in pieces. */
export class RandomSource {
  readonly #fill: (bytes: Uint8Array) => void
  readonly #bytes = new Uint8Array(256)
  readonly #words: Uint32Array = new Uint32Array(this.#bytes.buffer)
  #next = 64

  constructor(fill: (bytes: Uint8Array) => void) {
    this.#fill = fill
  }

  u32(): number {
    if (this.#next === 64) {
      this.#fill(this.#bytes)
      this.#next = 0
    }
    const value = this.#words[this.#next]!
    this.#words[this.#next++] = 0
    return value
  }

  /** 0 <= x < `limit`, where a bias of `limit` / 2^32 does no harm. */
  below(limit: number): number {
    return this.u32() % limit
  }

  /** A key of {@link sipHash}. */
  key(): Int32Array {
    return Int32Array.of(this.u32(), this.u32(), this.u32(), this.u32())
  }
}
