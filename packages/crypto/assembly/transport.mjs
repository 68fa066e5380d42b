/**
 * Writes the AssemblyScript source of ChaCha20-Poly1305 (RFC 8439): unrolled, because AssemblyScript has no arrays of
 * locals and the speed depends on the state being locals. This file is the source to read; `build.mjs` compiles it.
 *
 * Shape. ChaCha20 computes four blocks at once: vector i holds word i of each of them. Poly1305 is scalar, and its
 * statements stand between those of the rounds, so that multipliers and vector units work at the same time. The first
 * group of four blocks gives the one-time key and 192 bytes of key stream; each further one 256 bytes. Sealing
 * authenticates what the group before has encrypted, opening what this group is about to decrypt, so that it may decrypt
 * in place. Up to 64 bytes take just two blocks, each in four vectors, one for a row.
 *
 * docs/decisions/0003-wasm-engine.md has the figures and the variants that lost.
 */

/**
 * Addresses in the engine's part of the memory, ENGINE_RESERVED_BYTES. KEY and NONCE_PREFIX are known to
 * src/internal/wasm-transport.ts, which zeroes all of them at the start.
 */
const KEY = 0
const TAG = 32
const POLY_KEY_S = 48
const TAIL = 64 // 16 bytes of a last block that is not whole, padded with zeros; then the same, encrypted
const MASKS = 96 // rotations by 16 and by 8 as byte shuffles
const START = 128 // 16 vectors: the state after those parts of the first round that all groups share
const STREAM = 384 // 256 bytes: key stream of a group that is not XORed at once
const NONCE_PREFIX = 640 // the first 4 bytes of the nonce: zero, in WireGuard
const PIN = 656 // written, never read: see `pin`

const at = (address) => `base + ${address}`

const ROTATE_16 = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]
const ROTATE_8 = [3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14]

/** How a vector's words are rotated by whole bytes. Which is best depends on the version of V8. */
const rotations = {
  /** V8 up to 12 (Node 20 and 22): a swizzle by a constant is one instruction. From 13 on it costs a sixth more. */
  constant: {
    setup: '',
    by16: (x) => `i8x16.swizzle(${x}, i8x16(${ROTATE_16}))`,
    by8: (x) => `i8x16.swizzle(${x}, i8x16(${ROTATE_8}))`,
  },
  /** Relaxed SIMD: one instruction from V8 12 on, as long as the compiler does not see that the mask is a constant. */
  relaxed: {
    setup: `
  v128.store(${at(MASKS)}, i8x16(${ROTATE_16}))
  v128.store(${at(MASKS + 16)}, i8x16(${ROTATE_8}))
  const rotate16 = v128.load(${at(MASKS)}), rotate8 = v128.load(${at(MASKS + 16)})`,
    by16: (x) => `i8x16.relaxed_swizzle(${x}, rotate16)`,
    by8: (x) => `i8x16.relaxed_swizzle(${x}, rotate8)`,
  },
}

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i)
const lines = (items) => items.join('\n')

// --- ChaCha20 ---------------------------------------------------------------------------------------------------------

const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
const COLUMNS = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]]
const DIAGONALS = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]]

/** Quarter rounds side by side, as a list of statements; `x0` to `x15` are the state. */
function quarterRounds(list, rotate) {
  const steps = [
    ([a, b]) => `x${a} = i32x4.add(x${a}, x${b})`,
    ([a, , , d]) => `x${d} = ${rotate.by16(`v128.xor(x${d}, x${a})`)}`,
    ([, , c, d]) => `x${c} = i32x4.add(x${c}, x${d})`,
    ([, b, c]) => `x${b} = rotateLeft(v128.xor(x${b}, x${c}), 12)`,
    ([a, b]) => `x${a} = i32x4.add(x${a}, x${b})`,
    ([a, , , d]) => `x${d} = ${rotate.by8(`v128.xor(x${d}, x${a})`)}`,
    ([, , c, d]) => `x${c} = i32x4.add(x${c}, x${d})`,
    ([, b, c]) => `x${b} = rotateLeft(v128.xor(x${b}, x${c}), 7)`,
  ]
  return steps.flatMap((step) => list.map(step))
}

const initial = (i) => (i < 4 ? `i32x4.splat(${CONSTANTS[i]})` : `v128.load32_splat(${at(KEY + 4 * (i - 4))})`)
const COUNTERS = 'i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3))'

/** Only words 0, 4, 8 and 12 depend on the block counter in the first round: the other columns are computed once. */
const prepareStart = (rotate) => `
  ${lines(range(0, 12).map((i) => `x${i} = ${initial(i)}`))}
  x13 = v128.load32_splat(${at(NONCE_PREFIX)})
  x14 = i32x4.splat(counterLow)
  x15 = i32x4.splat(counterHigh)
  ${lines(quarterRounds(COLUMNS.slice(1), rotate))}
  ${lines(range(0, 16).filter((i) => i !== 12).map((i) => `v128.store(${at(START + 16 * i)}, x${i})`))}`

const loadStart = () =>
  lines(range(0, 16).map((i) => `x${i} = ${i === 12 ? COUNTERS : `v128.load(${at(START + 16 * i)})`}`))

const addInitial = () => `
  ${lines(range(0, 12).map((i) => `x${i} = i32x4.add(x${i}, ${initial(i)})`))}
  x12 = i32x4.add(x12, ${COUNTERS})
  x13 = i32x4.add(x13, v128.load32_splat(${at(NONCE_PREFIX)}))
  x14 = i32x4.add(x14, i32x4.splat(counterLow))
  x15 = i32x4.add(x15, i32x4.splat(counterHigh))`

/** From "word i of four blocks" to "block j": four transpositions of 4 by 4 words. `use(address, vector)` takes each. */
const transpose = (use) =>
  lines(
    range(0, 4).map((group) => {
      const [a, b, c, d] = range(4 * group, 4 * group + 4).map((i) => `x${i}`)
      return `{
    const low01 = v128.shuffle<u32>(${a}, ${b}, 0, 4, 1, 5), low23 = v128.shuffle<u32>(${c}, ${d}, 0, 4, 1, 5)
    const high01 = v128.shuffle<u32>(${a}, ${b}, 2, 6, 3, 7), high23 = v128.shuffle<u32>(${c}, ${d}, 2, 6, 3, 7)
    ${use(16 * group, 'v128.shuffle<u64>(low01, low23, 0, 2)')}
    ${use(16 * group + 64, 'v128.shuffle<u64>(low01, low23, 1, 3)')}
    ${use(16 * group + 128, 'v128.shuffle<u64>(high01, high23, 0, 2)')}
    ${use(16 * group + 192, 'v128.shuffle<u64>(high01, high23, 1, 3)')}
  }`
    }),
  )

// --- Poly1305 ---------------------------------------------------------------------------------------------------------

/**
 * h = (h + block) * r mod 2^130 - 5, with limbs of 32, 32, 32 and 34 bits: 16 products instead of the 20 that five limbs
 * take. r is clamped, so that its upper limbs are multiples of 4 and r * 5 / 4 is whole: s.
 *
 * Why it fits in 64 bits: before a block h0 < 2.04 * 2^32, h1 and h2 < 2^32, h3 < 2^34; with the block added
 * a0 < 3.04, a1 and a2 < 2, a3 < 6 (in 2^32); r < 2^28, s < 1.25 * 2^28. The largest sum is
 * d0 < (3.04 + 2 * 1.25 + 2 * 1.25 + 6 * 1.25) * 2^60 = 15.54 * 2^60, and d3 < 13.1 * 2^60, whose bits from 34 on,
 * times 5, are below 1.03 * 2^32: what h0 was said to exceed 2^32 by.
 */
function authenticate(address, offset = 0, name = '') {
  const [a0, a1, a2, a3] = range(0, 4).map((i) => `a${i}${name}`)
  const [d0, d1, d2, d3] = range(0, 4).map((i) => `d${i}${name}`)
  const word = (i) => load32(address, offset + 4 * i)
  const products = [
    `const ${a1} = h1 + ${word(1)}`,
    `const ${a2} = h2 + ${word(2)}`,
    `const ${a3} = h3 + ${word(3)} + 0x100000000`,
    `const ${a0} = h0 + ${word(0)}`,
    // h0 comes last out of the block before: so its products are added last.
    `let ${d0} = ${a1} * s3 + ${a2} * s2 + ${a3} * s1 + ${a0} * r0`,
    `let ${d1} = ${a1} * r0 + ${a2} * s3 + ${a3} * s2 + ${a0} * r1`,
    `let ${d2} = ${a1} * r1 + ${a2} * r0 + ${a3} * s3 + ${a0} * r2`,
    `let ${d3} = ${a1} * r2 + ${a2} * r1 + ${a3} * r0 + ${a0} * r3`,
  ]
  const carries = [
    `${d1} += ${d0} >> 32`,
    `${d2} += ${d1} >> 32`,
    `${d3} += ${d2} >> 32`,
    `h0 = (${d0} & 0xffffffff) + (${d3} >> 34) * 5`,
    `h1 = ${d1} & 0xffffffff`,
    `h2 = ${d2} & 0xffffffff`,
    `h3 = ${d3} & 0x3ffffffff`,
  ]
  return { products, carries, lastSum: d3 }
}

const authenticateOne = (address) => {
  const { products, carries } = authenticate(address)
  return `{\n${lines([...products, ...carries])}\n}`
}
const authenticateUpTo = (end) => `while (next < ${end}) { ${authenticateOne('next')} next += 16 }`

/** `address` is one of the engine's part, or an expression. */
const load32 = (address, offset) =>
  `<u64>load<u32>(${typeof address === 'number' ? at(address + offset) : `${address}, ${offset}`})`

const takePolyKey = () => `
  r0 = ${load32(STREAM, 0)} & 0x0fffffff
  r1 = ${load32(STREAM, 4)} & 0x0ffffffc
  r2 = ${load32(STREAM, 8)} & 0x0ffffffc
  r3 = ${load32(STREAM, 12)} & 0x0ffffffc
  s1 = r1 + (r1 >> 2)
  s2 = r2 + (r2 >> 2)
  s3 = r3 + (r3 >> 2)
  v128.store(${at(POLY_KEY_S)}, v128.load(${at(STREAM + 16)}))`

const carryAll = `
  h1 += h0 >> 32
  h0 &= 0xffffffff
  h2 += h1 >> 32
  h1 &= 0xffffffff
  h3 += h2 >> 32
  h2 &= 0xffffffff`

/** Reduces h fully (h + 5 reaches 2^130 exactly when h >= p), adds s, leaves the tag at TAG. */
const finishTag = () => `
  ${carryAll}
  h0 += (h3 >> 34) * 5
  h3 &= 0x3ffffffff
  ${carryAll}
  const g0 = h0 + 5, g1 = h1 + (g0 >> 32), g2 = h2 + (g1 >> 32), g3 = h3 + (g2 >> 32)
  const reduced: u64 = 0 - (g3 >> 34)
  h0 = (select64(h0, g0, reduced) & 0xffffffff) + ${load32(POLY_KEY_S, 0)}
  h1 = (select64(h1, g1, reduced) & 0xffffffff) + ${load32(POLY_KEY_S, 4)} + (h0 >> 32)
  h2 = (select64(h2, g2, reduced) & 0xffffffff) + ${load32(POLY_KEY_S, 8)} + (h1 >> 32)
  h3 = (select64(h3, g3, reduced) & 0xffffffff) + ${load32(POLY_KEY_S, 12)} + (h2 >> 32)
  store<u32>(${at(TAG)}, <u32>h0)
  store<u32>(${at(TAG + 4)}, <u32>h1)
  store<u32>(${at(TAG + 8)}, <u32>h2)
  store<u32>(${at(TAG + 12)}, <u32>h3)`

// --- Both -------------------------------------------------------------------------------------------------------------

/**
 * A store that nobody reads keeps a computation where it is written. Statements alone do not: up to Node 22, V8's compiler
 * orders what has no effect as it likes, and puts all of Poly1305 before all of ChaCha20, which takes 8 % longer.
 */
const pin = (type, value) => `${type === 'v128' ? 'v128.store' : 'store<u64>'}(${at(PIN)}, ${value})`

/** A double round in four parts, each followed by half a block of Poly1305. Uneven parts are slower. */
function stitchedDoubleRound(rotate) {
  const rounds = [COLUMNS, DIAGONALS].flatMap((list) => {
    const statements = quarterRounds(list, rotate)
    const pins = list.map(([, b]) => pin('v128', `x${b}`))
    return [
      [...statements.slice(0, 16), ...pins],
      [...statements.slice(16), ...pins],
    ]
  })
  const blocks = [authenticate('next', 0, 'a'), authenticate('next', 16, 'b')].flatMap(({ products, carries, lastSum }) => [
    [...products, pin('u64', lastSum)],
    [...carries, pin('u64', 'h0')],
  ])
  return lines(rounds.flatMap((part, i) => [...part, ...blocks[i]]))
}

const authenticateAssociated = () => `
  {
    let left = associatedLength, from = associated
    for (; left >= 16; left -= 16, from += 16) ${authenticateOne('from')}
    if (left != 0) {
      clear(${at(TAIL)})
      copy(${at(TAIL)}, from, left)
      ${authenticateOne(TAIL)}
    }
  }`

/** Up to `end`, by 16 bytes, with key stream that lies at \`stream\`. */
const applyStream = (end) => `
  for (; done < ${end}; done += 16, stream += 16) {
    v128.store(destination + done, v128.xor(v128.load(source + done), v128.load(stream)))
  }`

/** The bytes of a last block that is not whole; TAIL gets the ciphertext of it. */
const applyStreamToRest = () => `
  if (length & 15) {
    const rest = length & 15
    clear(${at(TAIL)})
    copy(${at(TAIL)}, source + done, rest)
    v128.store(${at(TAIL + 16)}, v128.xor(v128.load(${at(TAIL)}), v128.load(stream)))
    copy(destination + done, ${at(TAIL + 16)}, rest)
    if (!opening) {
      clear(${at(TAIL)})
      copy(${at(TAIL)}, ${at(TAIL + 16)}, rest)
    }
  }`

const finish = () => `
  ${authenticateUpTo('wholeBlocks')}
  if (length & 15) ${authenticateOne(TAIL)}
  store<u64>(${at(TAIL)}, <u64>associatedLength)
  store<u64>(${at(TAIL + 8)}, <u64>length)
  ${authenticateOne(TAIL)}
  ${finishTag()}`

const PARAMETERS = `counterLow: u32, counterHigh: u32, source: usize, length: u32, destination: usize,
  associated: usize, associatedLength: u32`
const ARGUMENTS = 'counterLow, counterHigh, source, length, destination, associated, associatedLength'
const POLY_STATE = `
  let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0
  let r0: u64 = 0, r1: u64 = 0, r2: u64 = 0, r3: u64 = 0, s1: u64 = 0, s2: u64 = 0, s3: u64 = 0`

/** Any length, four blocks at once. */
const long = (rotate, base) => `
function crypt(${PARAMETERS}, opening: bool): void {
  ${base.local}
  let ${range(0, 16).map((i) => `x${i}: v128`).join(', ')}
  ${POLY_STATE}
  ${rotate.setup}
  ${prepareStart(rotate)}

  const ciphertext = opening ? source : destination
  const wholeBlocks = ciphertext + (length & ~15)
  let next: usize = 0, limit: usize = 0 // Poly1305: the next block, and where it has to wait
  let block: u32 = 0, done: u32 = 0
  while (true) {
    ${loadStart()}
    ${lines(quarterRounds(COLUMNS.slice(0, 1), rotate))}
    ${lines(quarterRounds(DIAGONALS, rotate))}
    let left = 9
    for (let stitched = <i32>((limit - next) / 32); stitched > 0; stitched--, left--) {
      ${stitchedDoubleRound(rotate)}
      next += 32
    }
    for (; left > 0; left--) {
      ${lines([...quarterRounds(COLUMNS, rotate), ...quarterRounds(DIAGONALS, rotate)])}
    }
    ${addInitial()}

    if (block != 0 && length - done >= 256) {
      const from = source + done, to = destination + done
      ${transpose((offset, vector) => `v128.store(to, v128.xor(${vector}, v128.load(from, ${offset})), ${offset})`)}
      done += 256
      if (done == length) break
    } else {
      ${transpose((offset, vector) => `v128.store(${at(STREAM + offset)}, ${vector})`)}
      let stream: usize = ${at(STREAM)}
      let room: u32 = 256
      if (block == 0) {
        ${takePolyKey()}
        ${authenticateAssociated()}
        stream += 64
        room = 192
        next = ciphertext
      }
      const last = length - done <= room
      const end = last ? length & ~15 : done + room
      if (opening) ${authenticateUpTo('ciphertext + end')}
      ${applyStream('end')}
      if (last) {
        ${applyStreamToRest()}
        break
      }
    }
    block += 4
    limit = ciphertext + done
    if (opening) limit += min<u32>(256, length - done & ~31)
  }
  ${finish()}
}`

const SHORT = 64
const ROWS = range(0, 2).map((block) => ['a', 'b', 'c', 'd'].map((row) => `${row}${block}`))

/** A double round of two blocks, whose rows are a, b, c and d; between the rounds the diagonals become columns. */
function rowRounds(rotate) {
  const steps = [
    ([a, b]) => `${a} = i32x4.add(${a}, ${b})`,
    ([a, , , d]) => `${d} = ${rotate.by16(`v128.xor(${d}, ${a})`)}`,
    ([, , c, d]) => `${c} = i32x4.add(${c}, ${d})`,
    ([, b, c]) => `${b} = rotateLeft(v128.xor(${b}, ${c}), 12)`,
    ([a, b]) => `${a} = i32x4.add(${a}, ${b})`,
    ([a, , , d]) => `${d} = ${rotate.by8(`v128.xor(${d}, ${a})`)}`,
    ([, , c, d]) => `${c} = i32x4.add(${c}, ${d})`,
    ([, b, c]) => `${b} = rotateLeft(v128.xor(${b}, ${c}), 7)`,
  ]
  const turn = (left) => [
    ([, b]) => `${b} = v128.shuffle<u32>(${b}, ${b}, ${left ? '1, 2, 3, 0' : '3, 0, 1, 2'})`,
    ([, , c]) => `${c} = v128.shuffle<u32>(${c}, ${c}, 2, 3, 0, 1)`,
    ([, , , d]) => `${d} = v128.shuffle<u32>(${d}, ${d}, ${left ? '3, 0, 1, 2' : '1, 2, 3, 0'})`,
  ]
  return lines([...steps, ...turn(true), ...steps, ...turn(false)].flatMap((step) => ROWS.map(step)))
}

/** Up to SHORT bytes: the block of the key and one more. */
const short = (rotate, base) => `
function cryptShort(${PARAMETERS}, opening: bool): void {
  ${base.local}
  ${POLY_STATE}
  ${rotate.setup}
  const a = i32x4(${CONSTANTS}), b = v128.load(${at(KEY)}), c = v128.load(${at(KEY + 16)})
  let d = v128.load_lane<u32>(${at(NONCE_PREFIX)}, i32x4(0, 0, 0, 0), 1)
  d = i32x4.replace_lane(i32x4.replace_lane(d, 2, counterLow), 3, counterHigh)
  ${lines(ROWS.map(([a, b, c, d], block) => `let ${a} = a, ${b} = b, ${c} = c, ${d} = i32x4.add(d, i32x4(${block}, 0, 0, 0))`))}
  for (let i = 0; i < 10; i++) {
    ${rowRounds(rotate)}
  }
  ${lines(
    ROWS.flatMap(([a, b, c, d], block) => [
      `v128.store(${at(STREAM + 64 * block)}, i32x4.add(${a}, a))`,
      `v128.store(${at(STREAM + 64 * block + 16)}, i32x4.add(${b}, b))`,
      `v128.store(${at(STREAM + 64 * block + 32)}, i32x4.add(${c}, c))`,
      `v128.store(${at(STREAM + 64 * block + 48)}, i32x4.add(i32x4.add(${d}, d), i32x4(${block}, 0, 0, 0)))`,
    ]),
  )}
  ${takePolyKey()}
  ${authenticateAssociated()}

  const ciphertext = opening ? source : destination
  const wholeBlocks = ciphertext + (length & ~15)
  let next = ciphertext
  if (opening) ${authenticateUpTo('wholeBlocks')}
  let done: u32 = 0
  let stream: usize = ${at(STREAM + 64)}
  ${applyStream('(length & ~15)')}
  ${applyStreamToRest()}
  ${finish()}
}`

/** The states of a sealing worker that `deliver` goes through, as in src/internal/sealing-layout.ts. */
const [IDLE, BUSY, DELIVERING] = [1, 2, 3]

/** Where the engine's part of the memory begins. */
const bases = {
  /** At 0, of which the compiler leaves nothing. */
  fixed: { global: 'const base: usize = 0', local: '', more: '' },
  /** Where each instance is told, so that several threads can work on one memory. Takes a register. */
  imported: {
    global: "@external('env', 'base') declare const imported: usize",
    local: 'const base = imported',
    /** In one function: a thread can be ended where a function begins and in loops, so not with half of this done. */
    more: `
/** Unless the worker was overtaken: what it has sealed goes to its place, and \`done\` gets \`value\`. */
export function deliver(state: usize, from: usize, to: usize, length: u32, done: usize, value: i32): u32 {
  if (atomic.cmpxchg<i32>(state, ${BUSY}, ${DELIVERING}) != ${BUSY}) return 0
  memory.copy(to, from, length)
  atomic.store<i32>(done, value)
  atomic.store<i32>(state, ${IDLE})
  return 1
}`,
  },
}

/** `rotation` is a name in `rotations`, `place` one in `bases`. */
export function transportSource(rotation, place) {
  const rotate = rotations[rotation]
  const base = bases[place]
  return `
${base.global}
@inline function rotateLeft(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits))
}
@inline function select64(a: u64, b: u64, mask: u64): u64 { return (a & ~mask) | (b & mask) }
@inline function clear(address: usize): void { v128.store(address, i32x4.splat(0)) }

/** Fewer than 16 bytes. */
function copy(to: usize, from: usize, length: u32): void {
  if (length & 8) { store<u64>(to, load<u64>(from)); to += 8; from += 8 }
  if (length & 4) { store<u32>(to, load<u32>(from)); to += 4; from += 4 }
  if (length & 2) { store<u16>(to, load<u16>(from)); to += 2; from += 2 }
  if (length & 1) store<u8>(to, load<u8>(from))
}

// Both en- or decrypt and leave the tag of the ciphertext at TAG.
${long(rotate, base)}
${short(rotate, base)}

/** \`length\` bytes at \`source\` to \`destination\`, the tag behind them. The key lies at ${at(KEY)}. */
export function seal(${PARAMETERS}): void {
  ${base.local}
  if (length <= ${SHORT}) cryptShort(${ARGUMENTS}, false)
  else crypt(${ARGUMENTS}, false)
  v128.store(destination + length, v128.load(${at(TAG)}))
}

/** \`length\` counts the plaintext; the tag lies behind the ciphertext. 0 when it is wrong, and the output is zeros. */
export function open(${PARAMETERS}): u32 {
  ${base.local}
  if (length <= ${SHORT}) cryptShort(${ARGUMENTS}, true)
  else crypt(${ARGUMENTS}, true)
  const tag = source + length
  const difference = (load<u64>(tag) ^ load<u64>(${at(TAG)})) | (load<u64>(tag, 8) ^ load<u64>(${at(TAG + 8)}))
  if (difference == 0) return 1
  memory.fill(destination, 0, length)
  return 0
}

/** HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2): replaces the key by the one for \`nonce\`, 16 bytes. */
export function deriveKey(nonce: usize): void {
  ${base.local}
  let ${range(0, 12).map((i) => `x${i} = ${initial(i)}`).join(', ')}
  let ${range(12, 16).map((i) => `x${i} = v128.load32_splat(nonce, ${4 * (i - 12)})`).join(', ')}
  ${rotate.setup}
  for (let i = 0; i < 10; i++) {
    ${lines(quarterRounds(COLUMNS, rotate))}
    ${lines(quarterRounds(DIAGONALS, rotate))}
  }
  ${lines([0, 1, 2, 3, 12, 13, 14, 15].map((x, i) => `v128.store_lane<u32>(${at(KEY + 4 * i)}, x${x}, 0)`))}
}
${base.more}
`
}
