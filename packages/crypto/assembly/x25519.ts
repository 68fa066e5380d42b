/**
 * X25519 (RFC 7748) in constant time: no branch and no address depends on a secret.
 *
 * A field element mod 2^255 - 19 is ten signed limbs of alternately 26 and 25 bits, each in an i64: limb i has the weight
 * 2^ceil(25.5 i). WebAssembly has no product of more than 64 bits, so this is the widest radix whose sums of ten products
 * fit. Bounds: a product is reduced to limbs below 1.01 * 2^25 and 2^24 in magnitude; a sum or difference of two such may be
 * multiplied again: the ten terms, times up to 38, stay below 2^60.
 */
import { INPUT, WORK } from './layout'

const SCALAR: usize = INPUT
const POINT: usize = INPUT + 32
const RESULT: usize = INPUT + 64

/** Field elements of 80 bytes. */
const X1: usize = WORK
const X2: usize = WORK + 80
const Z2: usize = WORK + 160
const X3: usize = WORK + 240
const Z3: usize = WORK + 320
const A: usize = WORK + 400
const B: usize = WORK + 480
const C: usize = WORK + 560
const D: usize = WORK + 640
const E: usize = WORK + 720

/** The product of the 32-byte scalar at INPUT, clamped here, and the point behind it. Returns where it is. */
export function x25519(): usize {
  // §5, decodeScalar25519
  store<u8>(SCALAR, load<u8>(SCALAR) & 248)
  store<u8>(SCALAR, (load<u8>(SCALAR, 31) & 127) | 64, 31)
  ladder()
  invert(Z2)
  multiply(X2, X2, Z2)
  pack(RESULT, X2)
  return RESULT
}

/** §5: the Montgomery ladder. The result is X2 / Z2. */
function ladder(): void {
  unpack(X1, POINT)
  setSmall(X2, 1)
  setSmall(Z2, 0)
  memory.copy(X3, X1, 80)
  setSmall(Z3, 1)
  let swap: i64 = 0
  for (let t = 254; t >= 0; t--) {
    const bit = <i64>((load<u8>(SCALAR + (t >> 3)) >> <u8>(t & 7)) & 1)
    swap ^= bit
    swapIf(swap, X2, X3)
    swapIf(swap, Z2, Z3)
    swap = bit

    add(A, X2, Z2)
    subtract(B, X2, Z2)
    add(C, X3, Z3)
    subtract(D, X3, Z3)
    multiply(D, D, A) // DA
    multiply(C, C, B) // CB
    square(A, A) // AA
    square(B, B) // BB
    add(X3, D, C)
    square(X3, X3)
    subtract(Z3, D, C)
    square(Z3, Z3)
    multiply(Z3, Z3, X1)
    multiply(X2, A, B)
    subtract(E, A, B)
    addMultiple(A, A, E) // AA + a24 * E
    multiply(Z2, E, A)
  }
  swapIf(swap, X2, X3)
  swapIf(swap, Z2, Z3)
}

/** x becomes x^(p - 2), by 254 squarings and 11 products; p - 2 is 250 ones, then 01011. */
function invert(x: usize): void {
  square(A, x) // 2
  squareTimes(B, A, 2) // 8
  multiply(B, B, x) // 9
  multiply(A, A, B) // 11
  square(C, A) // 22
  multiply(B, C, B) // 2^5 - 1
  squareTimes(C, B, 5)
  multiply(B, C, B) // 2^10 - 1
  squareTimes(C, B, 10)
  multiply(C, C, B) // 2^20 - 1
  squareTimes(D, C, 20)
  multiply(C, D, C) // 2^40 - 1
  squareTimes(C, C, 10)
  multiply(B, C, B) // 2^50 - 1
  squareTimes(C, B, 50)
  multiply(C, C, B) // 2^100 - 1
  squareTimes(D, C, 100)
  multiply(C, D, C) // 2^200 - 1
  squareTimes(C, C, 50)
  multiply(B, C, B) // 2^250 - 1
  squareTimes(B, B, 5)
  multiply(x, B, A) // 2^255 - 21
}

function squareTimes(out: usize, x: usize, times: i32): void {
  square(out, x)
  for (let i = 1; i < times; i++) square(out, out)
}

@inline function limb(x: usize, i: usize): i64 {
  return load<i64>(x + 8 * i)
}

function add(out: usize, f: usize, g: usize): void {
  for (let i: usize = 0; i < 80; i += 16) v128.store(out + i, i64x2.add(v128.load(f + i), v128.load(g + i)))
}

function subtract(out: usize, f: usize, g: usize): void {
  for (let i: usize = 0; i < 80; i += 16) v128.store(out + i, i64x2.sub(v128.load(f + i), v128.load(g + i)))
}

/** Exchanges two elements when `condition` is 1, and does the same work when it is 0. */
function swapIf(condition: i64, f: usize, g: usize): void {
  const mask = i64x2.splat(-condition)
  for (let i: usize = 0; i < 80; i += 16) {
    const x = v128.load(f + i), y = v128.load(g + i)
    const difference = v128.and(v128.xor(x, y), mask)
    v128.store(f + i, v128.xor(x, difference))
    v128.store(g + i, v128.xor(y, difference))
  }
}

function setSmall(out: usize, value: i64): void {
  memory.fill(out, 0, 80)
  store<i64>(out, value)
}

/** Limb by limb; a product of two odd ones (of 25 bits) counts twice, and what is above 2^255 counts 19 times. */
function multiply(out: usize, f: usize, g: usize): void {
  const f0 = limb(f, 0), f1 = limb(f, 1), f2 = limb(f, 2), f3 = limb(f, 3), f4 = limb(f, 4)
  const f5 = limb(f, 5), f6 = limb(f, 6), f7 = limb(f, 7), f8 = limb(f, 8), f9 = limb(f, 9)
  const g0 = limb(g, 0), g1 = limb(g, 1), g2 = limb(g, 2), g3 = limb(g, 3), g4 = limb(g, 4)
  const g5 = limb(g, 5), g6 = limb(g, 6), g7 = limb(g, 7), g8 = limb(g, 8), g9 = limb(g, 9)
  const t1 = 2 * f1, t3 = 2 * f3, t5 = 2 * f5, t7 = 2 * f7, t9 = 2 * f9
  const n1 = 19 * g1, n2 = 19 * g2, n3 = 19 * g3, n4 = 19 * g4, n5 = 19 * g5
  const n6 = 19 * g6, n7 = 19 * g7, n8 = 19 * g8, n9 = 19 * g9
  carry(
    out,
    f0 * g0 + t1 * n9 + f2 * n8 + t3 * n7 + f4 * n6 + t5 * n5 + f6 * n4 + t7 * n3 + f8 * n2 + t9 * n1,
    f0 * g1 + f1 * g0 + f2 * n9 + f3 * n8 + f4 * n7 + f5 * n6 + f6 * n5 + f7 * n4 + f8 * n3 + f9 * n2,
    f0 * g2 + t1 * g1 + f2 * g0 + t3 * n9 + f4 * n8 + t5 * n7 + f6 * n6 + t7 * n5 + f8 * n4 + t9 * n3,
    f0 * g3 + f1 * g2 + f2 * g1 + f3 * g0 + f4 * n9 + f5 * n8 + f6 * n7 + f7 * n6 + f8 * n5 + f9 * n4,
    f0 * g4 + t1 * g3 + f2 * g2 + t3 * g1 + f4 * g0 + t5 * n9 + f6 * n8 + t7 * n7 + f8 * n6 + t9 * n5,
    f0 * g5 + f1 * g4 + f2 * g3 + f3 * g2 + f4 * g1 + f5 * g0 + f6 * n9 + f7 * n8 + f8 * n7 + f9 * n6,
    f0 * g6 + t1 * g5 + f2 * g4 + t3 * g3 + f4 * g2 + t5 * g1 + f6 * g0 + t7 * n9 + f8 * n8 + t9 * n7,
    f0 * g7 + f1 * g6 + f2 * g5 + f3 * g4 + f4 * g3 + f5 * g2 + f6 * g1 + f7 * g0 + f8 * n9 + f9 * n8,
    f0 * g8 + t1 * g7 + f2 * g6 + t3 * g5 + f4 * g4 + t5 * g3 + f6 * g2 + t7 * g1 + f8 * g0 + t9 * n9,
    f0 * g9 + f1 * g8 + f2 * g7 + f3 * g6 + f4 * g5 + f5 * g4 + f6 * g3 + f7 * g2 + f8 * g1 + f9 * g0,
  )
}

/** The product with itself: mixed terms appear twice and are computed once. */
function square(out: usize, f: usize): void {
  const f0 = limb(f, 0), f1 = limb(f, 1), f2 = limb(f, 2), f3 = limb(f, 3), f4 = limb(f, 4)
  const f5 = limb(f, 5), f6 = limb(f, 6), f7 = limb(f, 7), f8 = limb(f, 8), f9 = limb(f, 9)
  const t0 = 2 * f0, t1 = 2 * f1, t2 = 2 * f2, t3 = 2 * f3, t4 = 2 * f4, t5 = 2 * f5, t6 = 2 * f6, t7 = 2 * f7
  const n5 = 38 * f5, n6 = 19 * f6, n7 = 38 * f7, n8 = 19 * f8, n9 = 38 * f9
  carry(
    out,
    f0 * f0 + t1 * n9 + t2 * n8 + t3 * n7 + t4 * n6 + f5 * n5,
    t0 * f1 + f2 * n9 + t3 * n8 + f4 * n7 + t5 * n6,
    t0 * f2 + t1 * f1 + t3 * n9 + t4 * n8 + t5 * n7 + f6 * n6,
    t0 * f3 + t1 * f2 + f4 * n9 + t5 * n8 + f6 * n7,
    t0 * f4 + t1 * t3 + f2 * f2 + t5 * n9 + t6 * n8 + f7 * n7,
    t0 * f5 + t1 * f4 + t2 * f3 + f6 * n9 + t7 * n8,
    t0 * f6 + t1 * t5 + t2 * f4 + t3 * f3 + t7 * n9 + f8 * n8,
    t0 * f7 + t1 * f6 + t2 * f5 + t3 * f4 + f8 * n9,
    t0 * f8 + t1 * t7 + t2 * f6 + t3 * t5 + f4 * f4 + f9 * n9,
    t0 * f9 + t1 * f8 + t2 * f7 + t3 * f6 + t4 * f5,
  )
}

/** out = f + 121665 * g, the constant of the ladder. */
function addMultiple(out: usize, f: usize, g: usize): void {
  carry(
    out,
    limb(f, 0) + 121665 * limb(g, 0),
    limb(f, 1) + 121665 * limb(g, 1),
    limb(f, 2) + 121665 * limb(g, 2),
    limb(f, 3) + 121665 * limb(g, 3),
    limb(f, 4) + 121665 * limb(g, 4),
    limb(f, 5) + 121665 * limb(g, 5),
    limb(f, 6) + 121665 * limb(g, 6),
    limb(f, 7) + 121665 * limb(g, 7),
    limb(f, 8) + 121665 * limb(g, 8),
    limb(f, 9) + 121665 * limb(g, 9),
  )
}

/** Brings limbs back to 26 and 25 bits, rounding to nearest; two chains side by side, then across the end. */
@inline function carry(
  out: usize,
  h0: i64, h1: i64, h2: i64, h3: i64, h4: i64, h5: i64, h6: i64, h7: i64, h8: i64, h9: i64,
): void {
  let c: i64
  c = (h0 + (1 << 25)) >> 26; h1 += c; h0 -= c << 26
  c = (h4 + (1 << 25)) >> 26; h5 += c; h4 -= c << 26
  c = (h1 + (1 << 24)) >> 25; h2 += c; h1 -= c << 25
  c = (h5 + (1 << 24)) >> 25; h6 += c; h5 -= c << 25
  c = (h2 + (1 << 25)) >> 26; h3 += c; h2 -= c << 26
  c = (h6 + (1 << 25)) >> 26; h7 += c; h6 -= c << 26
  c = (h3 + (1 << 24)) >> 25; h4 += c; h3 -= c << 25
  c = (h7 + (1 << 24)) >> 25; h8 += c; h7 -= c << 25
  c = (h4 + (1 << 25)) >> 26; h5 += c; h4 -= c << 26
  c = (h8 + (1 << 25)) >> 26; h9 += c; h8 -= c << 26
  c = (h9 + (1 << 24)) >> 25; h0 += c * 19; h9 -= c << 25
  c = (h0 + (1 << 25)) >> 26; h1 += c; h0 -= c << 26
  store<i64>(out, h0)
  store<i64>(out, h1, 8)
  store<i64>(out, h2, 16)
  store<i64>(out, h3, 24)
  store<i64>(out, h4, 32)
  store<i64>(out, h5, 40)
  store<i64>(out, h6, 48)
  store<i64>(out, h7, 56)
  store<i64>(out, h8, 64)
  store<i64>(out, h9, 72)
}

/** From 32 bytes; the highest bit is ignored (§5), and a value of p or above is as good as its rest. */
function unpack(out: usize, bytes: usize): void {
  const word0 = load<u64>(bytes), word1 = load<u64>(bytes, 8), word2 = load<u64>(bytes, 16), word3 = load<u64>(bytes, 24)
  store<i64>(out, word0 & 0x3ffffff) // bits from 0
  store<i64>(out, (word0 >> 26) & 0x1ffffff, 8) // 26
  store<i64>(out, ((word0 >> 51) | (word1 << 13)) & 0x3ffffff, 16) // 51
  store<i64>(out, (word1 >> 13) & 0x1ffffff, 24) // 77
  store<i64>(out, (word1 >> 38) & 0x3ffffff, 32) // 102
  store<i64>(out, word2 & 0x1ffffff, 40) // 128
  store<i64>(out, (word2 >> 25) & 0x3ffffff, 48) // 153
  store<i64>(out, ((word2 >> 51) | (word3 << 13)) & 0x1ffffff, 56) // 179
  store<i64>(out, (word3 >> 12) & 0x3ffffff, 64) // 204
  store<i64>(out, (word3 >> 38) & 0x1ffffff, 72) // 230
}

/** To 32 bytes, the one value in 0 … p - 1. */
function pack(bytes: usize, x: usize): void {
  let h0 = limb(x, 0), h1 = limb(x, 1), h2 = limb(x, 2), h3 = limb(x, 3), h4 = limb(x, 4)
  let h5 = limb(x, 5), h6 = limb(x, 6), h7 = limb(x, 7), h8 = limb(x, 8), h9 = limb(x, 9)
  // How many p there are in x: -1, 0 or 1. It is the carry out of the top of x + 19 * (carry out of the top of x, rounded).
  let q = (19 * h9 + (1 << 24)) >> 25
  q = (h0 + q) >> 26
  q = (h1 + q) >> 25
  q = (h2 + q) >> 26
  q = (h3 + q) >> 25
  q = (h4 + q) >> 26
  q = (h5 + q) >> 25
  q = (h6 + q) >> 26
  q = (h7 + q) >> 25
  q = (h8 + q) >> 26
  q = (h9 + q) >> 25
  h0 += 19 * q
  h1 += h0 >> 26; h0 &= 0x3ffffff
  h2 += h1 >> 25; h1 &= 0x1ffffff
  h3 += h2 >> 26; h2 &= 0x3ffffff
  h4 += h3 >> 25; h3 &= 0x1ffffff
  h5 += h4 >> 26; h4 &= 0x3ffffff
  h6 += h5 >> 25; h5 &= 0x1ffffff
  h7 += h6 >> 26; h6 &= 0x3ffffff
  h8 += h7 >> 25; h7 &= 0x1ffffff
  h9 += h8 >> 26; h8 &= 0x3ffffff
  h9 &= 0x1ffffff
  store<u64>(bytes, h0 | (h1 << 26) | (h2 << 51))
  store<u64>(bytes, (h2 >> 13) | (h3 << 13) | (h4 << 38), 8)
  store<u64>(bytes, h5 | (h6 << 25) | (h7 << 51), 16)
  store<u64>(bytes, (h7 >> 13) | (h8 << 12) | (h9 << 38), 24)
}
