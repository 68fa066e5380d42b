/**
 * The sum of RFC 1071 over `length` bytes at `at`, as big-endian words folded to 16 bits, not inverted. Summed as they lie,
 * little-endian, and turned round in the end (RFC 1071 §2B). At most 512 KiB: a lane gets 2^17 of every 16 bytes.
 */
export function sum(at: usize, length: usize): u32 {
  const end = at + length
  let even = i32x4.splat(0)
  let odd = i32x4.splat(0)
  for (; at + 32 <= end; at += 32) {
    even = i32x4.add(even, i32x4.extadd_pairwise_i16x8_u(v128.load(at)))
    odd = i32x4.add(odd, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 16)))
  }
  let total = lanes(even) + lanes(odd)
  for (; at + 2 <= end; at += 2) total += load<u16>(at)
  if (at < end) total += load<u8>(at)
  total = (total & 0xffff) + (total >>> 16)
  total = (total & 0xffff) + (total >>> 16)
  total = (total & 0xffff) + (total >>> 16)
  const folded = total as u32
  return ((folded & 0xff) << 8) | (folded >>> 8)
}

function lanes(v: v128): u64 {
  const low = (i32x4.extract_lane(v, 0) as u32 as u64) + (i32x4.extract_lane(v, 1) as u32 as u64)
  return low + (i32x4.extract_lane(v, 2) as u32 as u64) + (i32x4.extract_lane(v, 3) as u32 as u64)
}
