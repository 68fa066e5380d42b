/** Waiting for packets by blocking the thread: what wakes it is a return from a system call, not a turn of its event loop. */

export interface Parker {
  /** Whether the thread has nothing else to do until {@link OTHERS} says so. */
  readonly isFree: boolean
  /** What `park` waits for from now on besides the rest of the thread; at most 30 descriptors. */
  begin(descriptors: readonly number[]): void
  /**
   * Blocks until a descriptor is readable or in error, until the event loop is wanted, or for `ms`.
   * Bit `i` of the result stands for descriptor `i`, {@link OTHERS} for the event loop.
   */
  park(ms: number): number
}

/** The event loop has something to do. */
export const OTHERS: number = 1 << 30
