/**
 * Writes the AssemblyScript source of ChaCha20-Poly1305 (RFC 8439): unrolled, because AssemblyScript has no arrays of
 * locals and the speed depends on the state being locals. This file is the source to read; `build.mjs` compiles it.
 *
 * Shape. ChaCha20 computes four blocks at once: vector i holds word i of each of them. Poly1305 is scalar and is placed
 * between the rounds, so that multipliers and vector units work at the same time. The first group of four blocks gives
 * the one-time key and 192 bytes of key stream; each further one 256 bytes. Sealing authenticates what the group before
 * has encrypted, opening what this group is about to decrypt, so that it may decrypt in place.
 *
 * docs/decisions/0002-wasm-engine.md has the figures and the variants that lost.
 */

/** The engine's part of the memory, ENGINE_RESERVED_BYTES: addresses. KEY and NONCE_PREFIX are known to src/internal/wasm-transport.ts. */
const KEY = 0
const TAG = 32
const POLY_KEY_S = 48
const TAIL = 64 // 16 bytes of a last block that is not whole, padded with zeros; then the same, encrypted
const MASKS = 96 // rotations by 16 and by 8 as byte shuffles
const START = 128 // 16 vectors: the state after those parts of the first round that all groups share
const STREAM = 384 // 256 bytes: key stream of a group that is not XORed at once
const NONCE_PREFIX = 640 // the first 4 bytes of the nonce: zero, in WireGuard

const ROTATE_16 = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]
const ROTATE_8 = [3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14]

/** How a vector's words are rotated by whole bytes. Which is best depends on the version of V8. */
const rotations = {
  /** V8 up to 11 (Node 20): a swizzle by a constant is one instruction. */
  constant: {
    setup: '',
    by16: (x) => `i8x16.swizzle(${x}, i8x16(${ROTATE_16}))`,
    by8: (x) => `i8x16.swizzle(${x}, i8x16(${ROTATE_8}))`,
  },
  /** Relaxed SIMD: one instruction, as long as the compiler does not see that the mask is a constant. */
  relaxed: {
    setup: `
  v128.store(${MASKS}, i8x16(${ROTATE_16}))
  v128.store(${MASKS + 16}, i8x16(${ROTATE_8}))
  const rotate16 = v128.load(${MASKS}), rotate8 = v128.load(${MASKS + 16})`,
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

/** Quarter rounds side by side: `x0` to `x15` are the state. */
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
  return lines(steps.flatMap((step) => list.map(step)))
}

const initial = (i) => (i < 4 ? `i32x4.splat(${CONSTANTS[i]})` : `v128.load32_splat(${KEY + 4 * (i - 4)})`)
const COUNTERS = 'i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3))'

/** Only words 0, 4, 8 and 12 depend on the block counter in the first round: the other columns are computed once. */
const prepareStart = (rotate) => `
  ${lines(range(0, 12).map((i) => `x${i} = ${initial(i)}`))}
  x13 = v128.load32_splat(${NONCE_PREFIX})
  x14 = i32x4.splat(counterLow)
  x15 = i32x4.splat(counterHigh)
  ${quarterRounds(COLUMNS.slice(1), rotate)}
  ${lines(range(0, 16).filter((i) => i !== 12).map((i) => `v128.store(${START + 16 * i}, x${i})`))}`

const loadStart = () =>
  lines(range(0, 16).map((i) => `x${i} = ${i === 12 ? COUNTERS : `v128.load(${START + 16 * i})`}`))

const addInitial = () => `
  ${lines(range(0, 12).map((i) => `x${i} = i32x4.add(x${i}, ${initial(i)})`))}
  x12 = i32x4.add(x12, ${COUNTERS})
  x13 = i32x4.add(x13, v128.load32_splat(${NONCE_PREFIX}))
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
const authenticate = (address, whole = '0x100000000') => `{
  const a0 = h0 + load32(${address}), a1 = h1 + load32(${address} + 4), a2 = h2 + load32(${address} + 8)
  const a3 = h3 + load32(${address} + 12) + ${whole}
  let d0 = a0 * r0 + a1 * s3 + a2 * s2 + a3 * s1
  let d1 = a0 * r1 + a1 * r0 + a2 * s3 + a3 * s2
  let d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s3
  let d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0
  d1 += d0 >> 32
  d2 += d1 >> 32
  d3 += d2 >> 32
  h0 = (d0 & 0xffffffff) + (d3 >> 34) * 5
  h1 = d1 & 0xffffffff
  h2 = d2 & 0xffffffff
  h3 = d3 & 0x3ffffffff
}`

const takePolyKey = () => `
  r0 = load32(${STREAM}) & 0x0fffffff
  r1 = load32(${STREAM + 4}) & 0x0ffffffc
  r2 = load32(${STREAM + 8}) & 0x0ffffffc
  r3 = load32(${STREAM + 12}) & 0x0ffffffc
  s1 = r1 + (r1 >> 2)
  s2 = r2 + (r2 >> 2)
  s3 = r3 + (r3 >> 2)
  v128.store(${POLY_KEY_S}, v128.load(${STREAM + 16}))`

const carry = `
  h1 += h0 >> 32
  h0 &= 0xffffffff
  h2 += h1 >> 32
  h1 &= 0xffffffff
  h3 += h2 >> 32
  h2 &= 0xffffffff`

/** Reduces h fully (h + 5 reaches 2^130 exactly when h >= p), adds s, leaves the tag at TAG. */
const finishTag = () => `
  ${carry}
  h0 += (h3 >> 34) * 5
  h3 &= 0x3ffffffff
  ${carry}
  const g0 = h0 + 5, g1 = h1 + (g0 >> 32), g2 = h2 + (g1 >> 32), g3 = h3 + (g2 >> 32)
  const reduced: u64 = 0 - (g3 >> 34)
  h0 = (select64(h0, g0, reduced) & 0xffffffff) + load32(${POLY_KEY_S})
  h1 = (select64(h1, g1, reduced) & 0xffffffff) + load32(${POLY_KEY_S + 4}) + (h0 >> 32)
  h2 = (select64(h2, g2, reduced) & 0xffffffff) + load32(${POLY_KEY_S + 8}) + (h1 >> 32)
  h3 = (select64(h3, g3, reduced) & 0xffffffff) + load32(${POLY_KEY_S + 12}) + (h2 >> 32)
  store<u32>(${TAG}, <u32>h0)
  store<u32>(${TAG + 4}, <u32>h1)
  store<u32>(${TAG + 8}, <u32>h2)
  store<u32>(${TAG + 12}, <u32>h3)`

// --- Both -------------------------------------------------------------------------------------------------------------

/** `rotation` is a name in `rotations`. */
export function transportSource(rotation) {
  const rotate = rotations[rotation]
  const stitched = `if (next < limit) { ${authenticate('next')} ${authenticate('next + 16')} next += 32 }`
  return `
@inline function rotateLeft(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits))
}
@inline function load32(address: usize): u64 { return <u64>load<u32>(address) }
@inline function select64(a: u64, b: u64, mask: u64): u64 { return (a & ~mask) | (b & mask) }
@inline function clear(address: usize): void { v128.store(address, i32x4.splat(0)) }

/** Fewer than 16 bytes. */
function copy(to: usize, from: usize, length: u32): void {
  if (length & 8) { store<u64>(to, load<u64>(from)); to += 8; from += 8 }
  if (length & 4) { store<u32>(to, load<u32>(from)); to += 4; from += 4 }
  if (length & 2) { store<u16>(to, load<u16>(from)); to += 2; from += 2 }
  if (length & 1) store<u8>(to, load<u8>(from))
}

/** En- or decrypts and leaves the tag of the ciphertext at TAG. */
function crypt(counterLow: u32, counterHigh: u32, source: usize, length: u32, destination: usize,
  associated: usize, associatedLength: u32, opening: bool): void {
  let ${range(0, 16).map((i) => `x${i}: v128`).join(', ')}
  let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0
  let r0: u64 = 0, r1: u64 = 0, r2: u64 = 0, r3: u64 = 0, s1: u64 = 0, s2: u64 = 0, s3: u64 = 0
  ${rotate.setup}
  ${prepareStart(rotate)}

  const ciphertext = opening ? source : destination
  const wholeBlocks = ciphertext + (length & ~15)
  let next: usize = 0, limit: usize = 0 // Poly1305: the next block, and where it has to wait
  let block: u32 = 0, done: u32 = 0
  while (true) {
    ${loadStart()}
    ${quarterRounds(COLUMNS.slice(0, 1), rotate)}
    ${quarterRounds(DIAGONALS, rotate)}
    ${stitched}
    for (let i = 0; i < 9; i++) {
      ${quarterRounds(COLUMNS, rotate)}
      ${quarterRounds(DIAGONALS, rotate)}
      ${stitched}
    }
    ${addInitial()}

    if (block != 0 && length - done >= 256) {
      const from = source + done, to = destination + done
      ${transpose((offset, vector) => `v128.store(to, v128.xor(${vector}, v128.load(from, ${offset})), ${offset})`)}
      done += 256
      if (done == length) break
    } else {
      ${transpose((offset, vector) => `v128.store(${STREAM}, ${vector}, ${offset})`)}
      let stream: usize = ${STREAM}
      let room: u32 = 256
      if (block == 0) {
        ${takePolyKey()}
        stream += 64
        room = 192
        let left = associatedLength, from = associated
        for (; left >= 16; left -= 16, from += 16) ${authenticate('from')}
        if (left != 0) {
          clear(${TAIL})
          copy(${TAIL}, from, left)
          ${authenticate(TAIL)}
        }
        next = ciphertext
      }
      const last = length - done <= room
      const end = last ? length & ~15 : done + room
      if (opening) while (next < ciphertext + end) { ${authenticate('next')} next += 16 }
      for (; done < end; done += 16, stream += 16) {
        v128.store(destination + done, v128.xor(v128.load(source + done), v128.load(stream)))
      }
      if (last) {
        const rest = length & 15
        if (rest != 0) {
          clear(${TAIL})
          copy(${TAIL}, source + done, rest)
          v128.store(${TAIL + 16}, v128.xor(v128.load(${TAIL}), v128.load(stream)))
          copy(destination + done, ${TAIL + 16}, rest)
          if (!opening) {
            clear(${TAIL})
            copy(${TAIL}, ${TAIL + 16}, rest)
          }
        }
        break
      }
    }
    block += 4
    limit = ciphertext + done
    if (opening) limit += min<u32>(256, length - done & ~31)
  }

  while (next < wholeBlocks) { ${authenticate('next')} next += 16 }
  if (length & 15) ${authenticate(TAIL)}
  store<u64>(${TAIL}, <u64>associatedLength)
  store<u64>(${TAIL + 8}, <u64>length)
  ${authenticate(TAIL)}
  ${finishTag()}
}

/** \`length\` bytes at \`source\` to \`destination\`, the tag behind them. The key lies at ${KEY}. */
export function seal(counterLow: u32, counterHigh: u32, source: usize, length: u32, destination: usize,
  associated: usize, associatedLength: u32): void {
  crypt(counterLow, counterHigh, source, length, destination, associated, associatedLength, false)
  v128.store(destination + length, v128.load(${TAG}))
}

/** \`length\` counts the plaintext; the tag lies behind the ciphertext. 0 when it is wrong, and the output is zeros. */
export function open(counterLow: u32, counterHigh: u32, source: usize, length: u32, destination: usize,
  associated: usize, associatedLength: u32): u32 {
  crypt(counterLow, counterHigh, source, length, destination, associated, associatedLength, true)
  const tag = source + length
  const difference = (load<u64>(tag) ^ load<u64>(${TAG})) | (load<u64>(tag, 8) ^ load<u64>(${TAG + 8}))
  if (difference == 0) return 1
  memory.fill(destination, 0, length)
  return 0
}

/** HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2): replaces the key by the one for \`nonce\`, 16 bytes. */
export function deriveKey(nonce: usize): void {
  let ${range(0, 12).map((i) => `x${i} = ${initial(i)}`).join(', ')}
  let ${range(12, 16).map((i) => `x${i} = v128.load32_splat(nonce, ${4 * (i - 12)})`).join(', ')}
  ${rotate.setup}
  for (let i = 0; i < 10; i++) {
    ${quarterRounds(COLUMNS, rotate)}
    ${quarterRounds(DIAGONALS, rotate)}
  }
  ${lines([0, 1, 2, 3, 12, 13, 14, 15].map((x, i) => `v128.store_lane<u32>(${KEY + 4 * i}, x${x}, 0)`))}
}
`
}
