/** Timestamps of initiations: TAI64N, 8 bytes of seconds and 4 of nanoseconds, big-endian (§5.1). */

export const TAI64N_BYTES = 12

/** 2^62 in the label of TAI64, here its upper word; the 10 s are what TAI was ahead of UTC in 1970. */
const BASE_HIGH = 0x4000_0000
const BASE_SECONDS = 10

/**
 * Rounds nanoseconds down to a multiple of 2^24, about 17 ms: as coarse as can be while a peer that sends 50 initiations
 * a second still has increasing timestamps, so that an observer learns little about our clock.
 */
const WHITENER = 0xff00_0000

/** `unixTimeMs` is wall clock time and may have a fraction. Fresh bytes. */
export function encodeTai64n(unixTimeMs: number): Uint8Array {
  const unixSeconds = Math.floor(unixTimeMs / 1000)
  const nanoseconds = Math.floor((unixTimeMs - unixSeconds * 1000) * 1e6) & WHITENER
  const seconds = unixSeconds + BASE_SECONDS
  const timestamp = new Uint8Array(TAI64N_BYTES)
  const view = new DataView(timestamp.buffer)
  view.setUint32(0, BASE_HIGH + Math.floor(seconds / 2 ** 32))
  view.setUint32(4, seconds >>> 0)
  view.setUint32(8, nanoseconds)
  return timestamp
}

/** Below, at or above zero as `a` is before, at or after `b`. Any 12 bytes are a timestamp: only their order counts. */
export function compareTai64n(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TAI64N_BYTES; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return 0
}
