/** Bytes of the application that are not acknowledged yet. */
import { type BufferPool, SMALLEST_BUFFER } from '../buffer-pool.js'
import { Ring } from './ring.js'
import { distance } from './sequence.js'

export const INITIAL_BUFFER_BYTES: number = 256 * 1024

export class SendBuffer {
  readonly #ring: Ring
  /** Sequence number of the first byte. */
  #start = 0
  #length = 0
  /** How much may wait here; grows with what the path can hold. */
  limit: number

  constructor(pool: BufferPool, limit: number) {
    this.#ring = new Ring(pool)
    this.limit = limit
  }

  /** Of an empty buffer: where its stream begins. */
  begin(sequence: number): void {
    this.#start = sequence
  }

  get length(): number {
    return this.#length
  }

  /** Sequence number after the last byte. */
  get end(): number {
    return (this.#start + this.#length) | 0
  }

  get memoryBytes(): number {
    return this.#ring.memoryBytes
  }

  get space(): number {
    return Math.max(0, this.limit - this.#length)
  }

  /** How many bytes of `source` from `at` on were taken. */
  write(source: Uint8Array, at: number): number {
    let length = Math.min(source.length - at, this.space)
    if (length <= 0) return 0
    if (!this.#ring.reserve(this.#length + length, this.#length)) {
      // The budget is spent: what fits into the memory that is there.
      this.#ring.reserve(SMALLEST_BUFFER, this.#length)
      length = Math.min(length, this.#ring.memoryBytes - this.#length)
      if (length <= 0) return 0
    }
    this.#ring.put(this.#length, source, at, length)
    this.#length += length
    return length
  }

  /** Copies bytes from `sequence` on. */
  read(sequence: number, target: Uint8Array, at: number, length: number): void {
    this.#ring.get(distance(sequence, this.#start), target, at, length)
  }

  /** Everything before `sequence` has arrived. */
  acknowledge(sequence: number): void {
    const bytes = Math.min(distance(sequence, this.#start), this.#length)
    if (bytes <= 0) return
    this.#start = (this.#start + bytes) | 0
    this.#length -= bytes
    this.#ring.advance(bytes, this.#length)
  }

  release(): void {
    this.#ring.release()
    this.#start = this.end
    this.#length = 0
  }
}
