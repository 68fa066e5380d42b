/** Small damage. */
import type { Random } from './random.js'

/** Changes a few bytes, cuts or lengthens. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const length = random.chance(0.2) ? random.below(bytes.length + 40) : bytes.length
  const copy = new Uint8Array(length)
  copy.set(bytes.subarray(0, length))
  const changes = random.between(length === bytes.length ? 1 : 0, 4)
  for (let i = 0; i < changes && length > 0; i++) copy[random.below(length)]! ^= 1 << random.below(8)
  return copy
}
