/**
 * Comparisons whose running time depends on the length only, as far as JavaScript allows: no early exit, no branch and
 * no index that depends on a byte. Lengths are public.
 */

/** Whether both hold the same bytes. Arrays of different lengths are not equal. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalRanges(a, 0, b, 0, a.length)
}

/** Whether `length` bytes from `aOffset` equal those from `bOffset`. RangeError when a range leaves its array. */
export function equalRanges(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean {
  checkRange(a, aOffset, length)
  checkRange(b, bOffset, length)
  let difference = 0
  for (let i = 0; i < length; i++) difference |= a[aOffset + i]! ^ b[bOffset + i]!
  return difference === 0
}

/** Whether every byte is zero. True for no bytes. */
export function isZero(bytes: Uint8Array): boolean {
  let seen = 0
  for (let i = 0; i < bytes.length; i++) seen |= bytes[i]!
  return seen === 0
}

/** A range outside the array would read `undefined`, which compares equal to zero. */
function checkRange(bytes: Uint8Array, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) throw new RangeError('range outside the array')
}
