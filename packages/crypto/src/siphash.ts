/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for tables whose keys a stranger can choose, such as source
 * addresses and public keys.
 */

export class SipHash24 {
  /** The lower half of the last result, unsigned: the reference's output bytes 0 to 3, little-endian. */
  low = 0
  /** The upper half of the last result, unsigned. */
  high = 0
  readonly #key: Int32Array

  /** `key` has 16 secret random bytes; they are copied. */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError('a SipHash key has 16 bytes')
    this.#key = Int32Array.of(word(key, 0), word(key, 4), word(key, 8), word(key, 12))
  }

  /**
   * Hashes `length` bytes from `offset`; the caller keeps the range inside the array. Leaves 64 bits in `low` and `high`
   * and returns `low`, an unsigned 32-bit number: as hard to predict as the whole, and what a table needs.
   * Allocates nothing; 64-bit words are pairs of 32-bit halves.
   */
  hash(bytes: Uint8Array, offset: number, length: number): number {
    const key = this.#key
    // The constants spell "somepseudorandomlygeneratedbytes".
    let v0l = key[0]! ^ 0x70736575
    let v0h = key[1]! ^ 0x736f6d65
    let v1l = key[2]! ^ 0x6e646f6d
    let v1h = key[3]! ^ 0x646f7261
    let v2l = key[0]! ^ 0x6e657261
    let v2h = key[1]! ^ 0x6c796765
    let v3l = key[2]! ^ 0x79746573
    let v3h = key[3]! ^ 0x74656462

    // Whole words, then one word of what is left and the length, then the finalization.
    const wholeWords = length >>> 3
    for (let index = 0; index <= wholeWords + 1; index++) {
      const at = offset + 8 * index
      let ml = 0
      let mh = 0
      let rounds = 2
      if (index < wholeWords) {
        ml = word(bytes, at)
        mh = word(bytes, at + 4)
      } else if (index === wholeWords) {
        const rest = length & 7
        for (let i = 0; i < rest; i++) {
          if (i < 4) ml |= bytes[at + i]! << (8 * i)
          else mh |= bytes[at + i]! << (8 * (i - 4))
        }
        mh |= length << 24
      } else {
        v2l ^= 0xff
        rounds = 4
      }

      v3l ^= ml
      v3h ^= mh
      for (let round = 0; round < rounds; round++) {
        let t: number
        // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
        v0l = (v0l + v1l) | 0
        v0h = (v0h + v1h + carry(v0l, v1l)) | 0
        t = (v1l << 13) | (v1h >>> 19)
        v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h
        v1l = t ^ v0l
        t = v0l
        v0l = v0h
        v0h = t
        // v2 += v3; v3 <<<= 16; v3 ^= v2
        v2l = (v2l + v3l) | 0
        v2h = (v2h + v3h + carry(v2l, v3l)) | 0
        t = (v3l << 16) | (v3h >>> 16)
        v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h
        v3l = t ^ v2l
        // v0 += v3; v3 <<<= 21; v3 ^= v0
        v0l = (v0l + v3l) | 0
        v0h = (v0h + v3h + carry(v0l, v3l)) | 0
        t = (v3l << 21) | (v3h >>> 11)
        v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h
        v3l = t ^ v0l
        // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
        v2l = (v2l + v1l) | 0
        v2h = (v2h + v1h + carry(v2l, v1l)) | 0
        t = (v1l << 17) | (v1h >>> 15)
        v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h
        v1l = t ^ v2l
        t = v2l
        v2l = v2h
        v2h = t
      }
      v0l ^= ml
      v0h ^= mh
    }

    this.high = (v0h ^ v1h ^ v2h ^ v3h) >>> 0
    return (this.low = (v0l ^ v1l ^ v2l ^ v3l) >>> 0)
  }
}

/** Whether adding `addend` made `sum` wrap. */
function carry(sum: number, addend: number): 0 | 1 {
  return sum >>> 0 < addend >>> 0 ? 1 : 0
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
