/**
 * Writes build/field.ts: arithmetic mod p = 2^255 - 19 in AssemblyScript, on two elements at a time, one in each lane of
 * f64x2. A generator, as AssemblyScript has no arrays of locals.
 *
 * WebAssembly's widest product, of two i64, keeps 64 bits of 128; vectors have two such products of doubles at once, each
 * exact as long as it needs no more than 53 bits. An element is twelve doubles: limb i is a multiple of 2^ceil(21.25 i),
 * its weight included, so that the product of limbs i and j belongs to limb i + j as it is. What lies above 2^255 is
 * multiplied by 19 * 2^-255. This is the representation of Bernstein's first Curve25519 software.
 *
 * Bounds. "Reduced" is a limb of magnitude up to 1.001 * 2^(ceil(21.25 (i + 1)) - 1), half of the next limb's unit: what
 * multiply and square give. Both take reduced elements, and sums or differences of two: the twelve terms of a limb, times
 * 19 where wrapped, stay below 2^51 of its units, so every sum is exact and the order of additions does not matter.
 *
 * Constant time: no branch and no address depends on an element. No limb is subnormal, infinite or not a number, the cases
 * in which processors take longer to add and multiply.
 */

const LIMBS = 12
const ELEMENT_BYTES = 16 * LIMBS
/** Bits below limb i. */
const weight = (i) => Math.ceil(21.25 * i)
const limbs = Array.from({ length: LIMBS }, (_, i) => i)
const lines = (list, line) => list.map(line).join('\n')
const at = (i) => 16 * i
const literal = (value) => value.toExponential()

/** How many limbs of a product are summed at once: with six, TurboFan before Node 24 spills no vector. */
const COLUMNS = 6

export function fieldSource() {
  return [head(), multiply(), square(), linear(), bytes()].join('\n')
}

function head() {
  const roundings = limbs.flatMap((i) => Array.from({ length: 2 }, () => literal(3 * 2 ** (51 + weight(i + 1)))))
  const wrap = literal(19 * 2 ** -255)
  return `// Written by assembly/field.mjs.
import { PRODUCT } from '../assembly/layout'

/** Adding and subtracting this rounds a limb to a multiple of the next limb's unit. */
const ROUNDING: usize = memory.data<f64>([${roundings.join(', ')}], 16)
/** For conditions that no compiler can foresee. */
const ZERO: usize = memory.data<u32>([0])
/** 19 / 2^255 */
const WRAP: usize = memory.data<f64>([${wrap}, ${wrap}], 16)
const NEGATE_FIRST: usize = memory.data<u64>([0x8000000000000000, 0], 16)
const NEGATE_SECOND: usize = memory.data<u64>([0, 0x8000000000000000], 16)
const KEEP_SECOND: usize = memory.data<u64>([0, 0xffffffffffffffff], 16)
/** The curve's (A - 2) / 4, and what it takes to multiply lanes by it. */
const A24: usize = memory.data<f64>([121665, 121665], 16)
const OF_FIRST: usize = memory.data<f64>([0, 121666], 16)
const OF_SECOND: usize = memory.data<f64>([1, -121665], 16)
`
}

/** PRODUCT holds g twice, first times 19 / 2^255: for limb i of f, limb k of the result needs what lies i before limb k of g. */
function multiply() {
  const pass = (first) => {
    const columns = limbs.slice(first, first + COLUMNS)
    return `  from = PRODUCT + ${ELEMENT_BYTES + at(first)}
  limb = f
  do {
    x = v128.load(limb)
${lines(columns, (k) => `    r${k} = f64x2.add(r${k}, f64x2.mul(x, v128.load(from, ${at(k - first)})))`)}
    limb += 16
    from -= 16
  } while (limb < end)`
  }
  const passes = limbs.filter((i) => i % COLUMNS === 0)
  return `export function multiply(out: usize, f: usize, g: usize): void {
  const wrap = v128.load(WRAP), end = f + ${ELEMENT_BYTES}
  let x: v128, limb: usize, from: usize, c: v128, rounding: v128
${lines(limbs, (i) => `  x = v128.load(g, ${at(i)}); v128.store(PRODUCT, f64x2.mul(x, wrap), ${at(i)}); v128.store(PRODUCT, x, ${at(LIMBS + i)})`)}
${lines(limbs, (k) => `  let r${k} = f64x2.splat(0)`)}
${lines(passes, pass)}
${carry()}
}
`
}

/** Limbs i and j, and j and i, give the same product: it is computed once, of twice limb i. */
function square() {
  const seen = new Set()
  const put = (i, j, factor) => {
    const k = (i + j) % LIMBS
    const product = `f64x2.mul(${factor}, ${i === j ? 'x' : `v128.load(f, ${at(j)})`})`
    const first = !seen.has(k)
    seen.add(k)
    return first ? `  let r${k} = ${product}` : `  r${k} = f64x2.add(r${k}, ${product})`
  }
  const row = (i) => {
    const later = limbs.slice(i + 1)
    return [
      `  x = v128.load(f, ${at(i)}); wrapped = f64x2.mul(x, wrap)`,
      put(i, i, 2 * i < LIMBS ? 'x' : 'wrapped'),
      '  x = f64x2.add(x, x); wrapped = f64x2.add(wrapped, wrapped)',
      ...later.map((j) => put(i, j, i + j < LIMBS ? 'x' : 'wrapped')),
    ].join('\n')
  }
  return `export function square(out: usize, f: usize): void {
  const wrap = v128.load(WRAP)
  let x: v128, wrapped: v128, c: v128, rounding: v128
${lines(limbs, row)}
${carry()}
}
`
}

/**
 * Reduces the limbs r0 to r11: four chains side by side, each from a third limb to the next and one further, where hardly
 * anything is left to carry. Loops that run once keep TurboFan from loading all constants, and spilling them, at the start.
 */
function carry() {
  const link = (i) => {
    const next = (i + 1) % LIMBS
    return `  rounding = v128.load(ROUNDING, ${at(i)}); c = f64x2.sub(f64x2.add(r${i}, rounding), rounding); r${i} = f64x2.sub(r${i}, c)
  r${next} = f64x2.add(r${next}, ${next === 0 ? 'f64x2.mul(c, wrap)' : 'c'})`
  }
  const order = [0, 1, 2, 3].flatMap((step) => [0, 3, 6, 9].map((start) => (start + step) % LIMBS))
  const steps = [0, 4, 8, 12].map((first) => order.slice(first, first + 4))
  return `  const again = load<u32>(ZERO)
${lines(steps, (step) => `  do {\n${lines(step, link)}\n  } while (again)`)}
${lines(limbs, (i) => `  v128.store(out, r${i}, ${at(i)})`)}`
}

/** What takes no product of elements. */
function linear() {
  const swapped = (x) => `v128.shuffle<u64>(${x}, ${x}, 1, 0)`
  return `/** (a | b) becomes (a + b | a - b). */
export function sumAndDifference(out: usize, f: usize): void {
  const negate = v128.load(NEGATE_SECOND)
  let x: v128
${lines(limbs, (i) => `  x = v128.load(f, ${at(i)}); v128.store(out, f64x2.add(${swapped('x')}, v128.xor(x, negate)), ${at(i)})`)}
}

/** (a | b) becomes (b - a | a + b). */
export function differenceAndSum(out: usize, f: usize): void {
  const negate = v128.load(NEGATE_FIRST)
  let x: v128
${lines(limbs, (i) => `  x = v128.load(f, ${at(i)}); v128.store(out, f64x2.add(${swapped('x')}, v128.xor(x, negate)), ${at(i)})`)}
}

/** sum = f + g, difference = f - g */
export function addSubtract(sum: usize, difference: usize, f: usize, g: usize): void {
  let x: v128, y: v128
${lines(
  limbs,
  (i) => `  x = v128.load(f, ${at(i)}); y = v128.load(g, ${at(i)})
  v128.store(sum, f64x2.add(x, y), ${at(i)}); v128.store(difference, f64x2.sub(x, y), ${at(i)})`,
)}
}

/** first = (a | c), second = (b | d) of f = (a | b) and g = (c | d). */
export function transpose(first: usize, second: usize, f: usize, g: usize): void {
  let x: v128, y: v128
${lines(
  limbs,
  (i) => `  x = v128.load(f, ${at(i)}); y = v128.load(g, ${at(i)})
  v128.store(first, v128.shuffle<u64>(x, y, 0, 2), ${at(i)}); v128.store(second, v128.shuffle<u64>(x, y, 1, 3), ${at(i)})`,
)}
}

/** Exchanges two pairs of elements when the mask is all ones, and does the same work when it is zero. */
export function swapIf(mask: v128, f: usize, g: usize): void {
  let x: v128, y: v128, d: v128
${lines(
  limbs,
  (i) => `  x = v128.load(f, ${at(i)}); y = v128.load(g, ${at(i)}); d = v128.and(v128.xor(x, y), mask)
  v128.store(f, v128.xor(x, d), ${at(i)}); v128.store(g, v128.xor(y, d), ${at(i)})`,
)}
}

/** Exchanges the lanes when the mask is all ones. */
export function swapLanesIf(f: usize, mask: v128): void {
  let x: v128
${lines(limbs, (i) => `  x = v128.load(f, ${at(i)}); v128.store(f, v128.bitselect(${swapped('x')}, x, mask), ${at(i)})`)}
}

/** Negates lanes in which the mask has a sign bit. */
export function negateIf(f: usize, mask: v128): void {
${lines(limbs, (i) => `  v128.store(f, v128.xor(v128.load(f, ${at(i)}), mask), ${at(i)})`)}
}

/** The two factors of the doubling, of f = AA and g = BB: E = AA - BB, and AA + a24 * E. */
export function doublingFactors(e: usize, out: usize, f: usize, g: usize): void {
  const a24 = v128.load(A24), wrap = v128.load(WRAP)
  let x: v128, y: v128, rounding: v128
${lines(
  limbs,
  (i) => `  x = v128.load(f, ${at(i)}); y = f64x2.sub(x, v128.load(g, ${at(i)})); v128.store(e, y, ${at(i)})
  let r${i} = f64x2.add(x, f64x2.mul(y, a24))`,
)}
${carryOnce()}
}

/** The same in the lanes of one: of (AA | BB) the factors (AA | E) and (BB | AA + a24 * E). */
export function doublingFactorsInLanes(first: usize, out: usize, f: usize): void {
  const keepSecond = v128.load(KEEP_SECOND), ofFirst = v128.load(OF_FIRST), ofSecond = v128.load(OF_SECOND)
  const wrap = v128.load(WRAP)
  let x: v128, a: v128, b: v128, rounding: v128
${lines(
  limbs,
  (i) => `  x = v128.load(f, ${at(i)}); a = v128.shuffle<u64>(x, x, 0, 0); b = v128.shuffle<u64>(x, x, 1, 1)
  v128.store(first, f64x2.sub(a, v128.and(b, keepSecond)), ${at(i)})
  let r${i} = f64x2.add(f64x2.mul(a, ofFirst), f64x2.mul(b, ofSecond))`,
)}
${carryOnce()}
}
`
}

/** Enough for limbs below 2^39 units: all carry at once. Limb 0 may end up at 2.2 times its bound, which is never wrapped. */
function carryOnce() {
  return `${lines(limbs, (i) => `  rounding = v128.load(ROUNDING, ${at(i)}); const c${i} = f64x2.sub(f64x2.add(r${i}, rounding), rounding)`)}
${lines(limbs, (i) => `  v128.store(out, f64x2.add(f64x2.sub(r${i}, c${i}), ${i === 0 ? `f64x2.mul(c${LIMBS - 1}, wrap)` : `c${i - 1}`}), ${at(i)})`)}`
}

/** One lane, at `x`, from and to 32 bytes. */
function bytes() {
  const width = (i) => weight(i + 1) - weight(i)
  const mask = (i) => 2 ** width(i) - 1
  const limbFrom = (i) => {
    const word = weight(i) >> 6
    const shift = weight(i) & 63
    const low = shift === 0 ? `w${word}` : `(w${word} >> ${shift})`
    const crosses = shift + width(i) > 64
    const bits = crosses ? `(${low} | (w${word + 1} << ${64 - shift}))` : low
    return `  store<f64>(x, <f64><i64>(${bits} & ${mask(i)}) * ${literal(2 ** weight(i))}, ${at(i)})`
  }
  const wordFrom = (word) => {
    const parts = limbs.filter((i) => weight(i) < 64 * word + 64 && weight(i + 1) > 64 * word)
    const shifted = parts.map((i) => {
      const by = weight(i) - 64 * word
      return by >= 0 ? `(h${i} << ${by})` : `(h${i} >> ${-by})`
    })
    return `  store<i64>(bytes, ${shifted.join(' | ')}, ${8 * word})`
  }
  const last = LIMBS - 1
  return `/** The highest bit is ignored (RFC 7748, §5), and a value of p or above is as good as its rest. */
export function unpack(x: usize, bytes: usize): void {
  const w0 = load<u64>(bytes), w1 = load<u64>(bytes, 8), w2 = load<u64>(bytes, 16), w3 = load<u64>(bytes, 24)
${lines(limbs, limbFrom)}
}

/** The one value in 0 … p - 1 of a reduced element. */
export function pack(bytes: usize, x: usize): void {
${lines(limbs, (i) => `  let h${i} = <i64>(load<f64>(x, ${at(i)}) * ${literal(2 ** -weight(i))})`)}
  // How many p there are in x: -1, 0 or 1. It is the carry out of the top of x + 19 * (carry out of the top of x, rounded).
  let q = (19 * h${last} + ${2 ** (width(last) - 1)}) >> ${width(last)}
${lines(limbs, (i) => `  q = (h${i} + q) >> ${width(i)}`)}
  h0 += 19 * q
${lines(limbs.slice(0, last), (i) => `  h${i + 1} += h${i} >> ${width(i)}; h${i} &= ${mask(i)}`)}
  h${last} &= ${mask(last)}
${lines([0, 1, 2, 3], wordFrom)}
}
`
}
