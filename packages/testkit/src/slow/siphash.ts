/** SipHash-2-4 as the paper writes it, on 64-bit words: the twin of @wireweave/crypto/siphash. */

const MASK = (1n << 64n) - 1n

const rotateLeft = (word: bigint, bits: bigint): bigint => ((word << bits) | (word >> (64n - bits))) & MASK

const littleEndian = (bytes: Uint8Array): bigint => bytes.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n)

/** The 64-bit hash of `message` under a key of 16 bytes. */
export function slowSipHash24(key: Uint8Array, message: Uint8Array): bigint {
  const k0 = littleEndian(key.subarray(0, 8))
  const k1 = littleEndian(key.subarray(8, 16))
  const v = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint]

  // Zeros up to a multiple of 8, the last byte of which is the length modulo 256.
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8)
  padded.set(message)
  padded[padded.length - 1] = message.length

  for (let at = 0; at < padded.length; at += 8) {
    const m = littleEndian(padded.subarray(at, at + 8))
    v[3] ^= m
    sipRounds(v, 2)
    v[0] ^= m
  }
  v[2] ^= 0xffn
  sipRounds(v, 4)
  return v[0] ^ v[1] ^ v[2] ^ v[3]
}

function sipRounds(v: [bigint, bigint, bigint, bigint], count: number): void {
  for (let i = 0; i < count; i++) {
    v[0] = (v[0] + v[1]) & MASK
    v[1] = rotateLeft(v[1], 13n) ^ v[0]
    v[0] = rotateLeft(v[0], 32n)
    v[2] = (v[2] + v[3]) & MASK
    v[3] = rotateLeft(v[3], 16n) ^ v[2]
    v[0] = (v[0] + v[3]) & MASK
    v[3] = rotateLeft(v[3], 21n) ^ v[0]
    v[2] = (v[2] + v[1]) & MASK
    v[1] = rotateLeft(v[1], 17n) ^ v[2]
    v[2] = rotateLeft(v[2], 32n)
  }
}
