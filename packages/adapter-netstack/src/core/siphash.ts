/** SipHash-2-4 (Aumasson and Bernstein 2012) on pairs of 32-bit halves, over whole words of 32 bits. */

const v = new Int32Array(8)

/** The low half of the 64-bit hash of `words[0 .. count]`, each little-endian, under a key of four words. */
export function sipHash(key: Int32Array, words: Int32Array, count: number): number {
  // v[2i] is the low half of the paper's v_i.
  v[0] = key[0]! ^ 0x70736575
  v[1] = key[1]! ^ 0x736f6d65
  v[2] = key[2]! ^ 0x6e646f6d
  v[3] = key[3]! ^ 0x646f7261
  v[4] = key[0]! ^ 0x6e657261
  v[5] = key[1]! ^ 0x6c796765
  v[6] = key[2]! ^ 0x79746573
  v[7] = key[3]! ^ 0x74656462
  let i = 0
  for (; i + 1 < count; i += 2) block(words[i]!, words[i + 1]!)
  const low = i < count ? words[i]! : 0
  block(low, ((count * 4) & 0xff) << 24)
  v[4]! ^= 0xff
  rounds(4)
  return v[0]! ^ v[2]! ^ v[4]! ^ v[6]!
}

function block(low: number, high: number): void {
  v[6]! ^= low
  v[7]! ^= high
  rounds(2)
  v[0]! ^= low
  v[1]! ^= high
}

function rounds(count: number): void {
  let v0 = v[0]!
  let h0 = v[1]!
  let v1 = v[2]!
  let h1 = v[3]!
  let v2 = v[4]!
  let h2 = v[5]!
  let v3 = v[6]!
  let h3 = v[7]!
  let t = 0
  let c = 0
  for (let i = 0; i < count; i++) {
    t = (v0 + v1) | 0
    c = carry(v0, v1, t)
    v0 = t
    h0 = (h0 + h1 + c) | 0
    // v1 = rotl(v1, 13) ^ v0
    t = (v1 << 13) | (h1 >>> 19)
    h1 = ((h1 << 13) | (v1 >>> 19)) ^ h0
    v1 = t ^ v0
    // v0 = rotl(v0, 32)
    t = v0
    v0 = h0
    h0 = t
    t = (v2 + v3) | 0
    c = carry(v2, v3, t)
    v2 = t
    h2 = (h2 + h3 + c) | 0
    // v3 = rotl(v3, 16) ^ v2
    t = (v3 << 16) | (h3 >>> 16)
    h3 = ((h3 << 16) | (v3 >>> 16)) ^ h2
    v3 = t ^ v2
    t = (v0 + v3) | 0
    c = carry(v0, v3, t)
    v0 = t
    h0 = (h0 + h3 + c) | 0
    // v3 = rotl(v3, 21) ^ v0
    t = (v3 << 21) | (h3 >>> 11)
    h3 = ((h3 << 21) | (v3 >>> 11)) ^ h0
    v3 = t ^ v0
    t = (v2 + v1) | 0
    c = carry(v2, v1, t)
    v2 = t
    h2 = (h2 + h1 + c) | 0
    // v1 = rotl(v1, 17) ^ v2
    t = (v1 << 17) | (h1 >>> 15)
    h1 = ((h1 << 17) | (v1 >>> 15)) ^ h2
    v1 = t ^ v2
    // v2 = rotl(v2, 32)
    t = v2
    v2 = h2
    h2 = t
  }
  v[0] = v0
  v[1] = h0
  v[2] = v1
  v[3] = h1
  v[4] = v2
  v[5] = h2
  v[6] = v3
  v[7] = h3
}

/** The bit carried out of `sum = a + b`, all 32 bits wide. */
function carry(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31
}
