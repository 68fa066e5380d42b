/** A window of a stream in memory: bytes by their distance from its start. Has no memory while it is empty. */
import type { BufferPool } from '../buffer-pool.js'

const NONE = new Uint8Array(0)

export class Ring {
  readonly #pool: BufferPool
  /** A power of two long, or empty. */
  #memory: Uint8Array = NONE
  /** Where the stream's start is in the memory. */
  #start = 0
  /** How full it was since it was empty, and the time before: a stream that is emptied often need not grow every time. */
  #peak = 0
  #peakBefore = 0

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  get memoryBytes(): number {
    return this.#memory.length
  }

  /**
   * Makes room for `bytes` from the start on, of which the first `used` are kept; `sparse` when most of it will be empty.
   * False when there is no memory.
   */
  reserve(bytes: number, used: number, sparse = false): boolean {
    if (bytes > this.#peak) this.#peak = bytes
    if (bytes <= this.#memory.length) return true
    const memory = this.#pool.take(Math.max(bytes, this.#peakBefore), sparse) ?? this.#pool.take(bytes, sparse)
    if (memory === null) return false
    this.#copyOut(0, used, memory, 0)
    this.#pool.give(this.#memory)
    this.#memory = memory
    this.#start = 0
    return true
  }

  /** Puts `length` bytes at `offset` from the start. There must be room. */
  put(offset: number, source: Uint8Array, at: number, length: number): void {
    const mask = this.#memory.length - 1
    const to = (this.#start + offset) & mask
    const first = Math.min(length, this.#memory.length - to)
    copy(source, at, this.#memory, to, first)
    if (first < length) copy(source, at + first, this.#memory, 0, length - first)
  }

  /** Copies what is at `offset` from the start. */
  get(offset: number, target: Uint8Array, at: number, length: number): void {
    this.#copyOut(offset, length, target, at)
  }

  /** Moves the start; `left` tells how much is in use after it. Without any, the memory goes back. */
  advance(bytes: number, left: number): void {
    if (left === 0) this.release()
    else this.#start = (this.#start + bytes) & (this.#memory.length - 1)
  }

  release(): void {
    this.#pool.give(this.#memory)
    this.#memory = NONE
    this.#start = 0
    this.#peakBefore = this.#peak
    this.#peak = 0
  }

  #copyOut(offset: number, length: number, target: Uint8Array, at: number): void {
    if (length === 0) return
    const memory = this.#memory
    const from = (this.#start + offset) & (memory.length - 1)
    const first = Math.min(length, memory.length - from)
    copy(memory, from, target, at, first)
    if (first < length) copy(memory, 0, target, at + first, length - first)
  }
}

/** Short pieces by hand: a view costs more than the loop. */
function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  if (length < 64) for (let i = 0; i < length; i++) target[to + i] = source[from + i]!
  else if (from === 0 && length === source.length) target.set(source, to)
  else target.set(source.subarray(from, from + length), to)
}
