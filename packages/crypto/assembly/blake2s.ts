/**
 * BLAKE2s (RFC 7693), sequential. The caller writes input to INPUT, as many whole blocks at a time as it likes, and the
 * rest at the end; a key is a first block of input, padded with zeros. The four rows of the state are four vectors.
 */
import { INPUT, WORK } from './layout'

const BLOCK_BYTES: u32 = 64

/** Working memory: the chained state, which becomes the digest, and the number of bytes so far. */
const STATE: usize = WORK
const COUNT: usize = WORK + 32

const IV: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
])

/** §2.7: which word of the message goes where, in ten rounds. */
const SIGMA: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
])

/** §2.5, parameter block: digest length, key length, fanout 1, depth 1. */
export function blake2sBegin(digestBytes: u32, keyBytes: u32): void {
  memory.copy(STATE, IV, 32)
  store<u32>(STATE, load<u32>(STATE) ^ 0x01010000 ^ (keyBytes << 8) ^ digestBytes)
  store<u64>(COUNT, 0)
}

/** `length` bytes at INPUT, a multiple of 64, of which none is the last. */
export function blake2sAbsorb(length: u32): void {
  for (let at: u32 = 0; at < length; at += BLOCK_BYTES) compress(INPUT + at, BLOCK_BYTES, 0)
}

/** The last `length` bytes at INPUT. Returns where the digest is. */
export function blake2sFinish(length: u32): usize {
  let at: u32 = 0
  for (; at + BLOCK_BYTES < length; at += BLOCK_BYTES) compress(INPUT + at, BLOCK_BYTES, 0)
  memory.fill(INPUT + length, 0, BLOCK_BYTES - (length - at))
  compress(INPUT + at, length - at, 0xffffffff)
  return STATE
}

/** §3.2 */
function compress(block: usize, length: u32, last: u32): void {
  const count = load<u64>(COUNT) + length
  store<u64>(COUNT, count)

  const low = v128.load(STATE), high = v128.load(STATE, 16)
  let a = low, b = high, c = v128.load(IV)
  const counters = i64x2.replace_lane(i32x4(0, 0, 0, 0), 0, count)
  let d = v128.xor(v128.load(IV, 16), i32x4.replace_lane(counters, 2, last))

  for (let sigma = SIGMA; sigma < SIGMA + 160; sigma += 16) {
    a = i32x4.add(i32x4.add(a, b), gather(block, sigma, 0))
    d = rotateRight(v128.xor(d, a), 16)
    c = i32x4.add(c, d)
    b = rotateRight(v128.xor(b, c), 12)
    a = i32x4.add(i32x4.add(a, b), gather(block, sigma, 1))
    d = rotateRight(v128.xor(d, a), 8)
    c = i32x4.add(c, d)
    b = rotateRight(v128.xor(b, c), 7)
    b = v128.shuffle<u32>(b, b, 1, 2, 3, 0)
    c = v128.shuffle<u32>(c, c, 2, 3, 0, 1)
    d = v128.shuffle<u32>(d, d, 3, 0, 1, 2)
    a = i32x4.add(i32x4.add(a, b), gather(block, sigma, 8))
    d = rotateRight(v128.xor(d, a), 16)
    c = i32x4.add(c, d)
    b = rotateRight(v128.xor(b, c), 12)
    a = i32x4.add(i32x4.add(a, b), gather(block, sigma, 9))
    d = rotateRight(v128.xor(d, a), 8)
    c = i32x4.add(c, d)
    b = rotateRight(v128.xor(b, c), 7)
    b = v128.shuffle<u32>(b, b, 3, 0, 1, 2)
    c = v128.shuffle<u32>(c, c, 2, 3, 0, 1)
    d = v128.shuffle<u32>(d, d, 1, 2, 3, 0)
  }
  v128.store(STATE, v128.xor(low, v128.xor(a, c)))
  v128.store(STATE, v128.xor(high, v128.xor(b, d)), 16)
}

/** Every second word of the schedule, four in all, from number `first`. */
@inline function gather(block: usize, sigma: usize, first: usize): v128 {
  let words = v128.load32_zero(word(block, sigma + first))
  words = v128.load_lane<u32>(word(block, sigma + first + 2), words, 1)
  words = v128.load_lane<u32>(word(block, sigma + first + 4), words, 2)
  return v128.load_lane<u32>(word(block, sigma + first + 6), words, 3)
}

@inline function word(block: usize, number: usize): usize {
  return block + ((<usize>load<u8>(number)) << 2)
}

@inline function rotateRight(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits))
}
