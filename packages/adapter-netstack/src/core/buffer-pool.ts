/** Memory for the streams of a stack: powers of two, used again, and never more than a budget in all. */

/** A stream gets this much whatever the budget says: without it nothing would move, and nothing would become free. */
export const SMALLEST_BUFFER = 2048
/** How much may lie idle to be used again. */
const IDLE_LIMIT_BYTES = 8 * 1024 * 1024

export class BufferPool {
  readonly #budget: number
  /** By the logarithm of the size. */
  readonly #idle: Uint8Array[][] = []
  #idleBytes = 0
  #usedBytes = 0

  constructor(budgetBytes: number) {
    this.#budget = budgetBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /**
   * At least `bytes` long; contents are left over from earlier use. `null` when the budget is spent, for what is `sparse`
   * half of it: one byte at the end of a window takes the whole window, and so must not take what streams in order need.
   */
  take(bytes: number, sparse = false): Uint8Array | null {
    const log = 32 - Math.clz32(Math.max(bytes, SMALLEST_BUFFER) - 1)
    const size = 2 ** log
    const budget = sparse ? this.#budget / 2 : this.#budget
    if (this.#usedBytes + size > budget && size > SMALLEST_BUFFER) return null
    this.#usedBytes += size
    const idle = this.#idle[log]?.pop()
    if (idle === undefined) return new Uint8Array(size)
    this.#idleBytes -= size
    return idle
  }

  /** The buffer must not be used afterwards. */
  give(buffer: Uint8Array): void {
    const size = buffer.length
    if (size === 0) return
    this.#usedBytes -= size
    if (this.#idleBytes + size > IDLE_LIMIT_BYTES) return
    this.#idleBytes += size
    const log = 31 - Math.clz32(size)
    while (this.#idle.length <= log) this.#idle.push([])
    this.#idle[log]!.push(buffer)
  }
}
