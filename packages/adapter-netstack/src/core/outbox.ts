/** Finished packets that wait to be taken: a bounded first-in first-out queue in one memory. */

/** Memory is doubled up to the limit, and given back when the queue is empty. */
const FIRST_BYTES = 4096

/**
 * Packets lie one after the other; each is preceded by four bytes with its length. One that would cross the end of the
 * memory starts at its beginning instead.
 */
export class Outbox {
  readonly #limit: number
  #bytes: Uint8Array = new Uint8Array(0)
  #head = 0
  #tail = 0
  #used = 0
  /** Where the memory ends for the packets that wait before the tail wrapped. */
  #wrap = 0
  count = 0

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  /** The memory to write into, after {@link reserve}. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** Where the next packet of up to `length` bytes is to be written, or -1 when the queue is full. */
  reserve(length: number): number {
    const need = length + 4
    let at = this.#place(need)
    while (at < 0 && this.#grow(need)) at = this.#place(need)
    if (at < 0) return -1
    if (at === 0 && this.#tail !== 0) {
      this.#wrap = this.#tail
      this.#tail = 0
    }
    return at + 4
  }

  /** Adds the packet of `length` bytes that was written where {@link reserve} said. */
  commit(length: number): void {
    const at = this.#tail
    new DataView(this.#bytes.buffer).setUint32(at, length)
    this.#tail = at + 4 + length
    this.#used += 4 + length
    this.count++
  }

  /** Moves the oldest packet to `target[at]`; returns its length, or 0 when there is none. */
  take(target: Uint8Array, at: number): number {
    if (this.count === 0) return 0
    if (this.#wrap > 0 && this.#head === this.#wrap) {
      this.#head = 0
      this.#wrap = 0
    }
    const length = new DataView(this.#bytes.buffer).getUint32(this.#head)
    target.set(this.#bytes.subarray(this.#head + 4, this.#head + 4 + length), at)
    this.#head += 4 + length
    this.#used -= 4 + length
    this.count--
    if (this.count === 0) this.clear()
    return length
  }

  clear(): void {
    this.#head = this.#tail = this.#wrap = this.#used = this.count = 0
    if (this.#bytes.length > FIRST_BYTES) this.#bytes = new Uint8Array(0)
  }

  #place(need: number): number {
    const size = this.#bytes.length
    if (this.#wrap > 0) return this.#tail + need <= this.#head ? this.#tail : -1
    if (this.#tail + need <= size) return this.#tail
    return need <= this.#head ? 0 : -1
  }

  /** Doubles the memory and puts the queue at its start. */
  #grow(need: number): boolean {
    const size = Math.min(this.#limit, Math.max(FIRST_BYTES, this.#bytes.length * 2, this.#used + need))
    if (size <= this.#bytes.length) return false
    const bytes = new Uint8Array(size)
    if (this.#wrap > 0) {
      bytes.set(this.#bytes.subarray(this.#head, this.#wrap))
      bytes.set(this.#bytes.subarray(0, this.#tail), this.#wrap - this.#head)
      this.#tail += this.#wrap - this.#head
    } else {
      bytes.set(this.#bytes.subarray(this.#head, this.#tail))
      this.#tail -= this.#head
    }
    this.#bytes = bytes
    this.#head = this.#wrap = 0
    return true
  }
}
