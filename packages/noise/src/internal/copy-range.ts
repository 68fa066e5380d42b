/**
 * A copy of exactly `length` bytes at `offset`, zeros where the array ends early: what is read from it can be neither too
 * short nor change meanwhile, as bytes in a shared arena might.
 */
export function copyRange(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  const copy = new Uint8Array(length)
  copy.set(bytes.subarray(offset, offset + length))
  return copy
}
