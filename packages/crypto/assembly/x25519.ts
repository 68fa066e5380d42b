/**
 * X25519 (RFC 7748) in constant time: no branch and no address depends on a secret. A pair of field elements takes 192
 * bytes: assembly/field.mjs.
 */
import {
  addSubtract,
  differenceAndSum,
  doublingFactors,
  doublingFactorsInLanes,
  multiply,
  negateIf,
  pack,
  square,
  sumAndDifference,
  swapIf,
  swapLanesIf,
  transpose,
  unpack,
} from '../build/field'
import { ELEMENTS, ELEMENTS_END, INPUT, PRODUCT, TABLE } from './layout'

const SCALAR: usize = INPUT
const FIRST_POINT: usize = INPUT + 32
const SECOND_POINT: usize = INPUT + 64
const RESULTS: usize = INPUT + 96

const PAIR: usize = 192
/** Numerator and denominator of the products, then of the public key; what they are in other places is said there. */
const X: usize = ELEMENTS
const Z: usize = X + PAIR
const N: usize = Z + PAIR
const W: usize = N + PAIR
/** For whatever is under way. */
const A: usize = W + PAIR
const B: usize = A + PAIR
const C: usize = B + PAIR
const D: usize = C + PAIR
const E: usize = D + PAIR
const F: usize = E + PAIR
const X1: usize = F + PAIR
const X3: usize = X1 + PAIR
const Z3: usize = X3 + PAIR
/** A point of the Edwards curve: (X | Y) and (T | Z) with T = XY / Z. */
const XY: usize = Z3 + PAIR
const TZ: usize = XY + PAIR
/** A point to add: (Y - X | Y + X) and (2d T | 2Z). */
const SUMMAND: usize = TZ + PAIR
const SUMMAND_BYTES: usize = 2 * PAIR
/** (2d | 2) */
const FACTORS: usize = SUMMAND + SUMMAND_BYTES
const DIGITS: usize = FACTORS + PAIR

/** RFC 8032, §5.1: the base point and d, little-endian. */
const BASE_X: usize = memory.data<u64>([0xc9562d608f25d51a, 0x692cc7609525a7b2, 0xc0a4e231fdd6dc5c, 0x216936d3cd6e53fe])
const BASE_Y: usize = memory.data<u64>([0x6666666666666658, 0x6666666666666666, 0x6666666666666666, 0x6666666666666666])
const CURVE_D: usize = memory.data<u64>([0x75eb4dca135978a3, 0x00700a4d4141d8ab, 0x8cc740797779e898, 0x52036cee2b6ffe73])

let hasTable = false

/**
 * With the 32-byte scalar at INPUT, clamped here: its products with so many points behind it (0, 1 or 2), and, if `base`
 * is 1, its public key. Returns where they are: 32 bytes each, the public key last. What they have in common is done once.
 */
export function x25519(points: u32, base: u32): usize {
  // §5, decodeScalar25519
  store<u8>(SCALAR, load<u8>(SCALAR) & 248)
  store<u8>(SCALAR, (load<u8>(SCALAR, 31) & 127) | 64, 31)
  if (base) multiplyBase()
  if (points === 2) ladders()
  else if (points === 1) ladder()

  const key = RESULTS + 32 * points
  if (!base) {
    divide(X, Z)
  } else if (points === 0) {
    divide(N, W)
    pack(key, N)
  } else if (points === 1) {
    // Two quotients in the two lanes.
    transpose(X, A, X, N)
    transpose(Z, A, Z, W)
    divide(X, Z)
    pack(key, X + 8)
  } else {
    // Three: one inverse serves the first product and the key. For a point of low order all of these are zero.
    setLane(W + 8, 1)
    multiply(E, Z, W)
    invert(E)
    multiply(Z, Z, E)
    multiply(N, N, Z)
    pack(key, N)
    multiply(E, E, W)
    multiply(X, X, E)
  }
  if (points > 0) pack(RESULTS, X)
  if (points > 1) pack(RESULTS + 32, X + 8)
  memory.fill(PRODUCT, 0, ELEMENTS_END - PRODUCT)
  return RESULTS
}

/** §5: the Montgomery ladder with the first point. Pairs are (x | z); the result is X / Z in both lanes. */
function ladder(): void {
  setLane(XY, 1)
  setLane(XY + 8, 0)
  unpack(TZ, FIRST_POINT)
  setLane(TZ + 8, 1)
  setLane(X1, 1)
  unpack(X1 + 8, FIRST_POINT)
  let swap: i64 = 0
  for (let t = 254; t >= 0; t--) {
    const bit = scalarBit(t)
    swapIf(i64x2.splat(-(swap ^ bit)), XY, TZ)
    swap = bit

    sumAndDifference(A, XY) // (A | B)
    differenceAndSum(C, TZ)
    negateIf(C, f64x2(-0.0, 0)) // (D | C)
    multiply(C, C, A) // (DA | CB)
    square(A, A) // (AA | BB)
    sumAndDifference(C, C)
    square(C, C)
    multiply(TZ, C, X1)
    doublingFactorsInLanes(E, F, A)
    multiply(XY, E, F)
  }
  // The lowest bit of a clamped scalar is 0: nothing is left to swap.
  transpose(X, Z, XY, XY)
}

/** The ladder with both points, one in each lane. */
function ladders(): void {
  unpack(X1, FIRST_POINT)
  unpack(X1 + 8, SECOND_POINT)
  setBothLanes(X, 1)
  setBothLanes(Z, 0)
  memory.copy(X3, X1, PAIR)
  setBothLanes(Z3, 1)
  let swap: i64 = 0
  for (let t = 254; t >= 0; t--) {
    const bit = scalarBit(t)
    const mask = i64x2.splat(-(swap ^ bit))
    swapIf(mask, X, X3)
    swapIf(mask, Z, Z3)
    swap = bit

    addSubtract(A, B, X, Z)
    addSubtract(C, D, X3, Z3)
    multiply(D, D, A) // DA
    multiply(C, C, B) // CB
    square(A, A) // AA
    square(B, B) // BB
    addSubtract(X3, Z3, D, C)
    square(X3, X3)
    square(Z3, Z3)
    multiply(Z3, Z3, X1)
    doublingFactors(E, F, A, B)
    multiply(X, A, B)
    multiply(Z, E, F)
  }
}

function scalarBit(t: i32): i64 {
  return <i64>((load<u8>(SCALAR + (t >> 3)) >> <u8>(t & 7)) & 1)
}

/**
 * The product with the base point, as N / W in both lanes. It is computed on the Edwards curve, from signed digits of four
 * bits: sixteen times the sum of what every fourth digit, then the one before, selects from the table.
 */
function multiplyBase(): void {
  unpack(FACTORS, CURVE_D)
  for (let i: usize = 0; i < PAIR; i += 16) store<f64>(FACTORS + i, 2 * load<f64>(FACTORS + i))
  setLane(FACTORS + 8, 2)
  if (!hasTable) makeTable()
  hasTable = true
  makeDigits()
  setLane(XY, 0)
  setLane(XY + 8, 1)
  setLane(TZ, 0)
  setLane(TZ + 8, 1)
  for (let first = 3; first >= 0; first--) {
    if (first < 3) for (let i = 0; i < 4; i++) double()
    for (let i = 0; i < 16; i++) {
      lookUp(TABLE + 8 * SUMMAND_BYTES * i, load<i8>(DIGITS + 4 * i + first))
      addPoint(SUMMAND)
    }
  }
  // RFC 7748, §4.1: u = (1 + y) / (1 - y). No clamped scalar gives the point at infinity.
  transpose(A, B, XY, TZ) // (X | T), (Y | Z)
  sumAndDifference(B, B)
  negateIf(B, f64x2(0, -0.0)) // (Z + Y | Z - Y)
  transpose(N, W, B, B)
}

/** Multiples 1 to 8 of 2^(16 i) times the base point, i from 0 to 15. */
function makeTable(): void {
  unpack(XY, BASE_X)
  unpack(XY + 8, BASE_Y)
  setBothLanes(TZ, 1)
  transpose(A, B, XY, XY)
  multiply(A, A, B)
  transpose(TZ, A, A, TZ)
  for (let i: usize = 0; i < 16; i++) {
    const first = TABLE + 8 * SUMMAND_BYTES * i
    for (let multiple: usize = 0; multiple < 8; multiple++) {
      if (multiple > 0) addPoint(first)
      makeSummand(first + SUMMAND_BYTES * multiple)
    }
    for (let k = 3; k < 16; k++) double()
  }
}

/** Each nibble of the scalar, as -8 to 7; the last is at most 8. */
function makeDigits(): void {
  let carry: i32 = 0
  for (let i = 0; i < 64; i++) {
    const digit = (((<i32>load<u8>(SCALAR + (i >> 1))) >> ((i & 1) << 2)) & 15) + carry
    carry = i < 63 ? (digit + 8) >> 4 : 0
    store<i8>(DIGITS + i, digit - (carry << 4))
  }
}

/** SUMMAND becomes `digit` times the first of eight entries. All of them are read. */
function lookUp(entries: usize, digit: i32): void {
  const negative = digit >> 31
  const magnitude = (digit ^ negative) - negative
  const m1 = equals(magnitude, 1), m2 = equals(magnitude, 2), m3 = equals(magnitude, 3), m4 = equals(magnitude, 4)
  const m5 = equals(magnitude, 5), m6 = equals(magnitude, 6), m7 = equals(magnitude, 7), m8 = equals(magnitude, 8)
  for (let i: usize = 0; i < SUMMAND_BYTES; i += 16) {
    const entry = entries + i
    let limb = v128.and(v128.load(entry), m1)
    limb = v128.or(limb, v128.and(v128.load(entry, 384), m2))
    limb = v128.or(limb, v128.and(v128.load(entry, 768), m3))
    limb = v128.or(limb, v128.and(v128.load(entry, 1152), m4))
    limb = v128.or(limb, v128.and(v128.load(entry, 1536), m5))
    limb = v128.or(limb, v128.and(v128.load(entry, 1920), m6))
    limb = v128.or(limb, v128.and(v128.load(entry, 2304), m7))
    limb = v128.or(limb, v128.and(v128.load(entry, 2688), m8))
    v128.store(SUMMAND + i, limb)
  }
  // Zero times the base point: (1 | 1) and (0 | 2).
  const none = equals(magnitude, 0)
  v128.store(SUMMAND, v128.or(v128.load(SUMMAND), v128.and(f64x2(1, 1), none)))
  v128.store(SUMMAND + PAIR, v128.or(v128.load(SUMMAND + PAIR), v128.and(f64x2(0, 2), none)))
  // The opposite point has -X and -T.
  const opposite = i64x2.splat(negative)
  swapLanesIf(SUMMAND, opposite)
  negateIf(SUMMAND + PAIR, v128.and(opposite, f64x2(-0.0, 0)))
}

/** All ones when both are the same, else zero; both are from 0 to 15. */
@inline function equals(a: i32, b: i32): v128 {
  return i64x2.splat(<i64>(((a ^ b) - 1) >> 31))
}

/** To (X, Y, Z, T) adds a point in the form of SUMMAND (Hisil, Wong, Carter, Dawson 2008, §3.1): right for any two points. */
function addPoint(summand: usize): void {
  differenceAndSum(A, XY)
  multiply(A, A, summand)
  multiply(C, TZ, summand + PAIR)
  differenceAndSum(A, A) // (E | H)
  differenceAndSum(C, C) // (F | G)
  multiply(XY, A, C) // (EF | GH)
  transpose(A, C, A, C) // (E | F), (H | G)
  multiply(TZ, A, C) // (EH | FG)
}

function double(): void {
  makeSummand(SUMMAND)
  addPoint(SUMMAND)
}

function makeSummand(out: usize): void {
  differenceAndSum(out, XY)
  multiply(out + PAIR, TZ, FACTORS)
}

/** x := x / y, lane by lane; 0 where y is 0. */
function divide(x: usize, y: usize): void {
  invert(y)
  multiply(x, x, y)
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

/** A small number in one lane. */
function setLane(x: usize, value: f64): void {
  for (let i: usize = 0; i < PAIR; i += 16) store<f64>(x + i, 0)
  store<f64>(x, value)
}

function setBothLanes(x: usize, value: f64): void {
  setLane(x, value)
  setLane(x + 8, value)
}
