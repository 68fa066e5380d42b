import { chacha20, chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake2s } from '@noble/hashes/blake2.js'
import { hmac } from '@noble/hashes/hmac.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wasmAead } from '../src/internal/wasm-aead.js'
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '../src/suite.js'
import { wasmSuite, wasmTransportEngine } from '../src/wasm.js'
import { fromHex, pattern, toHex } from './suites/bytes.js'
import { lowOrderPoints } from './vectors/rfc.js'

const CANARY = 0x5a
const NONE = new Uint8Array(0)

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const u32 = fc.nat(0xffff_ffff)

/** Short ones, ones around the four blocks of 64 bytes that are worked on at once, and any. */
const lengths = fc.oneof(
  fc.nat(300),
  fc
    .tuple(fc.nat(255), fc.integer({ min: -17, max: 17 }))
    .map(([groups, more]) => Math.max(0, 192 + 256 * groups + more)),
  fc.nat(65_535),
)

/** Where a packet and its tag lie, and where they go: the same place, in front of it or behind it. */
const places = fc.record({ shift: fc.nat(63), gap: fc.nat(63), layout: fc.constantFrom('same', 'before', 'behind') })

describe('the WebAssembly transport engine', () => {
  const memory = new WebAssembly.Memory({ initial: 4 })
  const engine = wasmTransportEngine.create(memory)
  const { bytes } = engine

  test('seals and opens like noble at any length and place, and writes nowhere else', () => {
    fc.assert(
      fc.property(bytesOf(32), u32, u32, lengths, places, fc.nat(255), (key, low, high, length, place, first) => {
        const { source, destination } = offsets(place, length)
        const plaintext = pattern(length, first)
        const sealed = chacha20poly1305(key, nonceOf(low, high)).encrypt(plaintext)

        bytes.fill(CANARY, ENGINE_RESERVED_BYTES)
        bytes.set(plaintext, source)
        const expected = bytes.slice()
        expected.set(sealed, destination)
        engine.seal(key, low, high, source, length, destination)
        expectSame(expected)

        bytes.fill(CANARY, ENGINE_RESERVED_BYTES)
        bytes.set(sealed, source)
        expected.set(bytes)
        expected.set(plaintext, destination)
        expect(engine.open(key, low, high, source, sealed.length, destination)).toBe(true)
        expectSame(expected)
      }),
      { numRuns: 150 },
    )
  })

  test('one altered bit is refused, the output is zeros, and nothing else is written', () => {
    fc.assert(
      fc.property(bytesOf(32), lengths, places, fc.nat(), (key, length, place, where) => {
        const { source, destination } = offsets(place, length)
        const sealed = chacha20poly1305(key, nonceOf(3, 4)).encrypt(pattern(length, 1))
        const bit = where % (8 * sealed.length)
        sealed[bit >>> 3]! ^= 1 << (bit & 7)

        bytes.fill(CANARY, ENGINE_RESERVED_BYTES)
        bytes.set(sealed, source)
        const expected = bytes.slice()
        expected.fill(0, destination, destination + length)
        expect(engine.open(key, 3, 4, source, sealed.length, destination)).toBe(false)
        expectSame(expected)
      }),
      { numRuns: 150 },
    )
  })

  test('a Poly1305 sum from p to 2^130 - 1, which random packets never meet, is reduced', () => {
    const key = pattern(32, 3)
    for (let wanted = 0n; wanted < 5n; wanted++) {
      const ciphertext = ciphertextWithSum(key, wanted)
      const plaintext = chacha20(key, nonceOf(1, 0), ciphertext, undefined, 1)
      bytes.set(plaintext, ENGINE_RESERVED_BYTES)
      engine.seal(key, 1, 0, ENGINE_RESERVED_BYTES, plaintext.length, ENGINE_RESERVED_BYTES)
      const sealed = bytes.slice(ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES + plaintext.length + TAG_BYTES)
      expect(sealed.subarray(0, plaintext.length)).toEqual(ciphertext)
      expect(toHex(sealed)).toBe(toHex(chacha20poly1305(key, nonceOf(1, 0)).encrypt(plaintext)))
    }
  })

  test('what a memory held before does not matter', () => {
    const used = new WebAssembly.Memory({ initial: 1 })
    new Uint8Array(used.buffer).fill(0xff)
    const fresh = wasmTransportEngine.create(used)
    fresh.bytes.set(pattern(200), ENGINE_RESERVED_BYTES)
    fresh.seal(pattern(32), 1, 2, ENGINE_RESERVED_BYTES, 200, ENGINE_RESERVED_BYTES)
    const sealed = fresh.bytes.subarray(ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES + 216)
    expect(toHex(sealed)).toBe(toHex(chacha20poly1305(pattern(32), nonceOf(1, 2)).encrypt(pattern(200))))
  })

  test('works up to the last byte of the memory', () => {
    for (const length of [0, 1, 15, 16, 64, 200, 1000]) {
      const at = bytes.length - length - TAG_BYTES
      bytes.set(pattern(length), at)
      engine.seal(pattern(32), 1, 0, at, length, at)
      expect(engine.open(pattern(32), 1, 0, at, length + TAG_BYTES, at)).toBe(true)
      expect(bytes.slice(at, at + length)).toEqual(pattern(length))
    }
  })

  /** Everything behind the engine's own bytes. Buffer.compare: `toEqual` takes 200 ms for a memory. */
  function expectSame(expected: Uint8Array): void {
    const from = ENGINE_RESERVED_BYTES
    if (Buffer.compare(bytes.subarray(from), expected.subarray(from)) === 0) return
    const at = bytes.findIndex((byte, i) => i >= from && byte !== expected[i])
    expect.fail(`byte ${at} is ${bytes[at]}, not ${expected[at]}`)
  }
})

function offsets(
  place: { shift: number; gap: number; layout: string },
  length: number,
): { source: number; destination: number } {
  const near = ENGINE_RESERVED_BYTES + place.shift
  const far = near + length + TAG_BYTES + place.gap
  if (place.layout === 'same') return { source: near, destination: near }
  return place.layout === 'before' ? { source: far, destination: near } : { source: near, destination: far }
}

function nonceOf(low: number, high: number): Uint8Array {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  view.setUint32(4, low, true)
  view.setUint32(8, high, true)
  return nonce
}

/** Two blocks over which Poly1305, before it adds s, is `sum` mod p. Counter 1. */
function ciphertextWithSum(key: Uint8Array, sum: bigint): Uint8Array {
  const p = (1n << 130n) - 5n
  const modulo = (x: bigint): bigint => ((x % p) + p) % p
  const bit = 1n << 128n
  const r = numberOf(chacha20(key, nonceOf(1, 0), new Uint8Array(16))) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  const inverse = power(r, p - 2n, p)
  const lengths = (32n << 64n) + bit
  // ((first * r + second) * r + lengths) * r = sum, solved for a second block that has 128 bits.
  for (let first = 0n; ; first++) {
    const second = modulo((sum * inverse - lengths) * inverse - (first + bit) * r - bit)
    if (second < bit) return Uint8Array.from([...bytesOfNumber(first), ...bytesOfNumber(second)])
  }
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % modulus) {
    if (left & 1n) result = (result * square) % modulus
  }
  return result
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`)
}

function bytesOfNumber(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}

describe('the WebAssembly suite', () => {
  const message = fc.uint8Array({ maxLength: 700, size: 'max' })

  test('its AEADs agree with noble, with any nonce and associated data', () => {
    fc.assert(
      fc.property(bytesOf(32), bytesOf(24), message, message, (key, nonce, plaintext, ad) => {
        const short = nonce.subarray(12)
        const sealed = wasmAead.seal(key, short, plaintext, ad)
        expect(toHex(sealed)).toBe(toHex(chacha20poly1305(key, short, ad).encrypt(plaintext)))
        expect(wasmAead.open(key, short, sealed, ad)).toEqual(plaintext)
        const sealedX = wasmSuite.sealX(key, nonce, plaintext, ad)
        expect(toHex(sealedX)).toBe(toHex(xchacha20poly1305(key, nonce, ad).encrypt(plaintext)))
        expect(wasmSuite.openX(key, nonce, sealedX, ad)).toEqual(plaintext)
        if (ad.length > 0) expect(wasmSuite.openX(key, nonce, sealedX, ad.subarray(1))).toBeNull()
      }),
    )
  })

  test('messages larger than its memory make that grow', () => {
    const plaintext = pattern(300_000)
    const sealed = wasmSuite.seal(pattern(32), 7n, plaintext, NONE)
    expect(Buffer.compare(sealed, chacha20poly1305(pattern(32), nonceOf(7, 0)).encrypt(plaintext))).toBe(0)
    expect(Buffer.compare(wasmSuite.open(pattern(32), 7n, sealed, NONE)!, plaintext)).toBe(0)
  })

  test('BLAKE2s agrees with noble at every length up to 300, plain, keyed and as HMAC', () => {
    for (let length = 0; length <= 300; length++) {
      const data = pattern(length, length)
      const key = pattern(16 + (length % 17), 9)
      expect(toHex(wasmSuite.hash(data))).toBe(toHex(blake2s(data)))
      expect(toHex(wasmSuite.mac(key, data))).toBe(toHex(blake2s(data, { key, dkLen: 16 })))
      expect(toHex(wasmSuite.hmac(data, key))).toBe(toHex(hmac(blake2s, data, key)))
    }
  })

  test('BLAKE2s of parts is that of the whole, also where a part crosses the 64 KiB of its input', () => {
    const sizes = fc.array(fc.oneof(fc.nat(200), fc.constantFrom(65_472, 65_535, 65_536, 65_537)), { maxLength: 5 })
    fc.assert(
      fc.property(sizes, fc.nat(255), (sizes, first) => {
        const parts = sizes.map((size, i) => pattern(size, first + i))
        const state = blake2s.create()
        for (const part of parts) state.update(part)
        expect(toHex(wasmSuite.hash(...parts))).toBe(toHex(state.digest()))
      }),
      { numRuns: 30 },
    )
  })

  test('X25519 agrees with noble on any scalar and point, and both sides meet', () => {
    fc.assert(
      fc.property(bytesOf(32), bytesOf(32), bytesOf(32), (a, b, u) => {
        const alice = wasmSuite.x25519.importPrivateKey(a)
        const bob = wasmSuite.x25519.importPrivateKey(b)
        expect(toHex(alice.publicKey)).toBe(toHex(x25519.getPublicKey(a)))
        const shared = (key: typeof alice, point: Uint8Array): Uint8Array | null =>
          wasmSuite.x25519.deriveSharedSecret(key, wasmSuite.x25519.importPublicKey(point))
        expect(shared(alice, bob.publicKey)).toEqual(shared(bob, alice.publicKey))
        // No point of 32 random bytes that noble refuses is likely enough to be handled here.
        expect(shared(alice, u)).toEqual(x25519.getSharedSecret(a, u))
      }),
      { numRuns: 60 },
    )
  })

  test('X25519 with two points at once, and the public key beside them, agrees with noble', () => {
    fc.assert(
      fc.property(scalars, points, points, (secret, u, v) => {
        const { importEphemeralKey, deriveSharedSecrets, importPublicKey } = wasmSuite.x25519
        const expected = [u, v].map((point) => nobleProduct(secret, point))
        const key = importEphemeralKey!(secret)
        const both = deriveSharedSecrets!(key, importPublicKey(u), importPublicKey(v))
        expect(both?.map(toHex) ?? null).toEqual(expected.includes(null) ? null : expected)
        expect(toHex(key.publicKey)).toBe(toHex(x25519.getPublicKey(secret)))
        const single = importEphemeralKey!(secret)
        const shared = wasmSuite.x25519.deriveSharedSecret(single, importPublicKey(u))
        expect(shared && toHex(shared)).toBe(expected[0])
        expect(toHex(single.publicKey)).toBe(toHex(x25519.getPublicKey(secret)))
      }),
      { numRuns: 60 },
    )
  })
})

const P25519 = 2n ** 255n - 19n

/** Any, and those whose digits are all alike: the table is looked up at every place, and every carry happens. */
const scalars = fc.oneof(
  bytesOf(32),
  fc.nat(255).map((byte) => new Uint8Array(32).fill(byte)),
)

/** Any, all bits alike, around 0 and p from 0 to 2^255 - 1 (so also those that are not canonical), and of low order. */
const points = fc.oneof(
  bytesOf(32),
  fc.nat(255).map((byte) => new Uint8Array(32).fill(byte)),
  fc.integer({ min: -40, max: 18 }).map((d) => littleEndian(P25519 + BigInt(d))),
  fc.nat(20).map((d) => littleEndian(BigInt(d))),
  fc.constantFrom(...lowOrderPoints.map(fromHex)),
)

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).toReversed()
}

function nobleProduct(secret: Uint8Array, point: Uint8Array): string | null {
  try {
    return toHex(x25519.getSharedSecret(secret, point))
  } catch {
    return null
  }
}
