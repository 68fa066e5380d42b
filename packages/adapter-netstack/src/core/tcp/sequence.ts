/** Sequence numbers (RFC 9293 §3.4): modulo 2^32, here always as int32. */

/** `a - b`, for numbers less than 2^31 apart. */
export function distance(a: number, b: number): number {
  return (a - b) | 0
}

export function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0
}

export function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0
}

export function later(a: number, b: number): number {
  return ((a - b) | 0) > 0 ? a : b
}
