/** What every Suite has to do, whatever it is made of. */
import assert from 'node:assert/strict'
import { blake2s } from '@noble/hashes/blake2.js'
import { deriveSharedSecrets, importEphemeralKey } from '@wireweave/crypto/ephemeral'
import { kdf1, kdf2, kdf3 } from '@wireweave/crypto/kdf'
import { nobleSuite } from '@wireweave/crypto/noble'
import type { Suite, X25519 } from '@wireweave/crypto/suite'
import type { Test } from '@wireweave/testkit/portable'
import { hashes, hmacs, kdfs, macs } from '../vectors/blake2s-python.js'
import { blake2sAbc, blake2sGrandHash, chacha20poly1305, diffieHellman, hchacha20 } from '../vectors/rfc.js'
import { lowOrderPoints, x25519Iterated, x25519Products, xchacha20poly1305 } from '../vectors/rfc.js'
import { ascending, fromHex, pattern, toHex } from './bytes.js'

const SLOW_MS = 600_000
const NONE = new Uint8Array(0)

export function cryptoSuite(test: Test, suite: Suite): void {
  x25519Suite(test, suite.x25519)
  blake2sSuite(test, suite)
  aeadSuite(test, suite)
}

export function x25519Suite(test: Test, x25519: X25519): void {
  const multiply = (scalar: Uint8Array, u: Uint8Array): Uint8Array | null =>
    x25519.deriveSharedSecret(x25519.importPrivateKey(scalar), x25519.importPublicKey(u))

  test('X25519 gives the products of RFC 7748 §5.2', () => {
    for (const { scalar, u, product } of x25519Products)
      assert.equal(hex(multiply(fromHex(scalar), fromHex(u))), product)
  })

  test(
    'X25519 gives the results of RFC 7748 §5.2 after 1 and 1 000 iterations',
    () => {
      let k = new Uint8Array(32)
      k[0] = 9
      let u = k
      for (let step = 1; step <= 1000; step++) {
        const product = multiply(k, u)
        u = k
        k = product as typeof k
        const expected = x25519Iterated.find(({ steps }) => steps === step)
        if (expected !== undefined) assert.equal(toHex(k), expected.k)
      }
    },
    SLOW_MS,
  )

  test('both sides of RFC 7748 §6.1 have the public keys and the secret written there', () => {
    const alice = x25519.importPrivateKey(fromHex(diffieHellman.alicePrivate))
    const bob = x25519.importPrivateKey(fromHex(diffieHellman.bobPrivate))
    assert.equal(toHex(alice.publicKey), diffieHellman.alicePublic)
    assert.equal(toHex(bob.publicKey), diffieHellman.bobPublic)
    const seenByAlice = x25519.importPublicKey(bob.publicKey)
    assert.equal(toHex(seenByAlice.bytes), diffieHellman.bobPublic)
    assert.equal(hex(x25519.deriveSharedSecret(alice, seenByAlice)), diffieHellman.shared)
    assert.equal(hex(x25519.deriveSharedSecret(bob, x25519.importPublicKey(alice.publicKey))), diffieHellman.shared)
  })

  test('a low-order point is imported and gives null, also with the bit set that X25519 ignores', () => {
    const secret = fromHex(diffieHellman.alicePrivate)
    for (const point of lowOrderPoints) {
      const bytes = fromHex(point)
      assert.equal(multiply(secret, bytes), null, point)
      bytes[31]! |= 0x80
      assert.equal(multiply(secret, bytes), null, `${point} with the highest bit`)
    }
  })

  test('a private key is clamped', () => {
    const clamped = pattern(32, 8)
    clamped[0]! &= 0xf8
    clamped[31] = (clamped[31]! & 0x7f) | 0x40
    const loose = clamped.slice()
    loose[0]! |= 7
    loose[31]! ^= 0xc0
    assert.equal(toHex(x25519.importPrivateKey(loose).publicKey), toHex(x25519.importPrivateKey(clamped).publicKey))
  })

  // The slice of a Buffer shares its memory: keys from node:crypto would change with what they came from.
  for (const [kind, own] of [
    ['typed array', (bytes: Uint8Array) => bytes],
    ['Buffer', (bytes: Uint8Array) => Buffer.from(bytes)],
  ] as const)
    test(`keys imported from a ${kind} outlive the wiping of what they came from, and every secret is fresh`, () => {
      const secret = own(fromHex(diffieHellman.alicePrivate))
      const point = own(fromHex(diffieHellman.bobPublic))
      const privateKey = x25519.importPrivateKey(secret)
      const publicKey = x25519.importPublicKey(point)
      secret.fill(0)
      point.fill(0)
      x25519.deriveSharedSecret(privateKey, publicKey)?.fill(0)
      const again = x25519.deriveSharedSecret(privateKey, publicKey)
      assert.equal(hex(again), diffieHellman.shared)
      assert.equal(Object.getPrototypeOf(again), Uint8Array.prototype)
      assert.equal(toHex(publicKey.bytes), diffieHellman.bobPublic)
    })

  test('wiping a private key, where the engine can, leaves other keys of the same secret alone', () => {
    const secret = fromHex(diffieHellman.alicePrivate)
    const wiped = x25519.importPrivateKey(secret)
    const kept = x25519.importPrivateKey(secret)
    wiped.wipe?.()
    assert.equal(toHex(wiped.publicKey), diffieHellman.alicePublic)
    const publicKey = x25519.importPublicKey(fromHex(diffieHellman.bobPublic))
    assert.equal(hex(x25519.deriveSharedSecret(kept, publicKey)), diffieHellman.shared)
  })

  test('a key for one handshake gives the same public key and secrets, one by one and both at once, in any order', () => {
    const points = x25519Products.map(({ u }) => x25519.importPublicKey(fromHex(u)))
    for (const { scalar, u, product } of x25519Products) {
      const point = x25519.importPublicKey(fromHex(u))
      const { publicKey } = x25519.importPrivateKey(fromHex(scalar))
      const before = importEphemeralKey(x25519, fromHex(scalar))
      assert.equal(toHex(before.publicKey), toHex(publicKey))
      assert.equal(hex(x25519.deriveSharedSecret(before, point)), product)
      const after = importEphemeralKey(x25519, fromHex(scalar))
      assert.equal(hex(x25519.deriveSharedSecret(after, point)), product)
      assert.equal(toHex(after.publicKey), toHex(publicKey))
      for (const other of points) {
        const single = hex(multiply(fromHex(scalar), other.bytes))
        const both = importEphemeralKey(x25519, fromHex(scalar))
        assert.deepEqual(deriveSharedSecrets(x25519, both, point, other)?.map(toHex), [product, single])
        assert.equal(toHex(both.publicKey), toHex(publicKey))
        assert.deepEqual(deriveSharedSecrets(x25519, both, other, point)?.map(toHex), [single, product])
        both.wipe?.()
      }
    }
  })

  test('a key that stays gives both secrets at once, too', () => {
    const [{ scalar, u, product }] = [x25519Products[0]!]
    const key = x25519.importPrivateKey(fromHex(scalar))
    const bob = x25519.importPublicKey(fromHex(diffieHellman.bobPublic))
    const single = hex(x25519.deriveSharedSecret(key, bob))
    const both = deriveSharedSecrets(x25519, key, x25519.importPublicKey(fromHex(u)), bob)
    assert.deepEqual(both?.map(toHex), [product, single])
  })

  test('a low-order point in either place gives no secret at all, and leaves the public key right', () => {
    const secret = fromHex(diffieHellman.alicePrivate)
    const bob = x25519.importPublicKey(fromHex(diffieHellman.bobPublic))
    for (const point of lowOrderPoints) {
      const low = x25519.importPublicKey(fromHex(point))
      for (const [first, second] of [
        [low, bob],
        [bob, low],
        [low, low],
      ] as const) {
        const key = importEphemeralKey(x25519, secret)
        assert.equal(deriveSharedSecrets(x25519, key, first, second), null, point)
        assert.equal(toHex(key.publicKey), diffieHellman.alicePublic, point)
        assert.equal(hex(x25519.deriveSharedSecret(key, bob)), diffieHellman.shared)
      }
      const key = importEphemeralKey(x25519, secret)
      assert.equal(x25519.deriveSharedSecret(key, low), null, point)
      assert.equal(toHex(key.publicKey), diffieHellman.alicePublic, point)
    }
  })

  test('a key of another length is a RangeError, one of another engine a TypeError', () => {
    for (const length of [0, 31, 33, 64]) {
      assert.throws(() => x25519.importPrivateKey(new Uint8Array(length)), RangeError)
      assert.throws(() => importEphemeralKey(x25519, new Uint8Array(length)), RangeError)
      assert.throws(() => x25519.importPublicKey(new Uint8Array(length)), RangeError)
    }
    const publicKey = x25519.importPublicKey(pattern(32))
    assert.throws(() => x25519.deriveSharedSecret({ publicKey: pattern(32) }, publicKey), TypeError)
  })
}

function blake2sSuite(test: Test, suite: Suite): void {
  test('BLAKE2s of "abc" is that of RFC 7693 appendix B', () => {
    assert.equal(toHex(suite.hash(Uint8Array.of(0x61, 0x62, 0x63))), blake2sAbc)
  })

  test('BLAKE2s passes the self-test of RFC 7693 appendix E', () => {
    // A suite offers 32 bytes unkeyed and 16 keyed. For the other sizes of the self-test noble stands in.
    const results: Uint8Array[] = []
    for (const size of [16, 20, 28, 32]) {
      for (const length of [0, 3, 64, 65, 255, 1024]) {
        const message = selfTestBytes(length, length)
        const key = selfTestBytes(size, size)
        results.push(size === 32 ? suite.hash(message) : blake2s(message, { dkLen: size }))
        results.push(size === 16 ? suite.mac(key, message) : blake2s(message, { dkLen: size, key }))
      }
    }
    assert.equal(toHex(suite.hash(...results)), blake2sGrandHash)
  })

  test('hash, mac and hmac agree with Python', () => {
    for (const [length, answer] of hashes) assert.equal(toHex(suite.hash(pattern(length))), answer)
    for (const [keyLength, length, answer] of macs) {
      assert.equal(toHex(suite.mac(pattern(keyLength, 100), pattern(length))), answer)
    }
    for (const [keyLength, length, answer] of hmacs) {
      assert.equal(toHex(suite.hmac(pattern(keyLength, 100), pattern(length))), answer)
    }
  })

  test('KDF1, KDF2 and KDF3 agree with Python', () => {
    const key = pattern(32, 100)
    for (const [length, ...answers] of kdfs) {
      const input = pattern(length)
      assert.deepEqual([toHex(kdf1(suite, key, input))], answers.slice(0, 1))
      assert.deepEqual(kdf2(suite, key, input).map(toHex), answers.slice(0, 2))
      assert.deepEqual(kdf3(suite, key, input).map(toHex), answers)
    }
  })

  test('parts are hashed as if they were one array, whatever their sizes', () => {
    const whole = pattern(200)
    const key = pattern(32)
    for (const cuts of [[], [0], [1], [63], [64], [65], [0, 0], [1, 64], [64, 128], [32, 33, 199], [200]]) {
      const parts = [0, ...cuts].map((cut, i) => whole.subarray(cut, cuts[i] ?? 200))
      assert.equal(toHex(suite.hash(...parts)), toHex(suite.hash(whole)))
      assert.equal(toHex(suite.mac(key, ...parts)), toHex(suite.mac(key, whole)))
      assert.equal(toHex(suite.hmac(key, ...parts)), toHex(suite.hmac(key, whole)))
    }
    assert.equal(toHex(suite.hash()), toHex(suite.hash(NONE)))
    assert.equal(toHex(suite.mac(key)), toHex(suite.mac(key, NONE)))
    assert.equal(toHex(suite.hmac(key)), toHex(suite.hmac(key, NONE)))
  })

  test('a MAC key has 16 to 32 bytes', () => {
    for (const length of [0, 15, 33, 64]) assert.throws(() => suite.mac(new Uint8Array(length), NONE), RangeError)
  })

  test('results are arrays of their own, of the plain type', () => {
    const results = [suite.hash(NONE), suite.mac(pattern(32), NONE), suite.hmac(pattern(32), NONE)]
    for (const result of results) {
      assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype)
      const copy = result.slice()
      result.fill(0)
      assert.notEqual(toHex(copy), toHex(result))
    }
  })
}

/** Appendix E of RFC 7693: a sequence of Fibonacci's kind. */
function selfTestBytes(length: number, seed: number): Uint8Array {
  let a = Math.imul(0xdead4bad, seed)
  let b = 1
  return Uint8Array.from({ length }, () => {
    const sum = (a + b) | 0
    a = b
    b = sum
    return sum >>> 24
  })
}

function aeadSuite(test: Test, suite: Suite): void {
  test('ChaCha20-Poly1305 seals and opens RFC 8439 appendix A.5, whose nonce is of our form', () => {
    const { key, associatedData, plaintext, sealed } = bytesOf(chacha20poly1305[1]!)
    const counter = 0x0807060504030201n
    assert.equal(toHex(suite.seal(key, counter, plaintext, associatedData)), toHex(sealed))
    assert.equal(hex(suite.open(key, counter, sealed, associatedData)), toHex(plaintext))
  })

  test('XChaCha20-Poly1305 seals and opens the example of the draft, A.3.1', () => {
    const { key, nonce, associatedData, plaintext, sealed } = bytesOf(xchacha20poly1305)
    assert.equal(toHex(suite.sealX(key, nonce, plaintext, associatedData)), toHex(sealed))
    assert.equal(hex(suite.openX(key, nonce, sealed, associatedData)), toHex(plaintext))
  })

  test('XChaCha20-Poly1305 is ChaCha20-Poly1305 under the subkey of the draft, §2.2.1', () => {
    const nonce = new Uint8Array(24)
    nonce.set(fromHex(hchacha20.nonce))
    nonce[16] = 5
    const extended = suite.sealX(fromHex(hchacha20.key), nonce, pattern(100), pattern(7))
    assert.equal(toHex(extended), toHex(suite.seal(fromHex(hchacha20.subkey), 5n, pattern(100), pattern(7))))
  })

  test('every short length seals as noble does, and opens again', () => {
    const key = pattern(32, 3)
    const nonce = pattern(24, 9)
    for (let length = 0; length <= 130; length++) {
      const plaintext = pattern(length)
      const ad = pattern(length % 37, 50)
      const counter = BigInt(length) << 40n
      const sealed = suite.seal(key, counter, plaintext, ad)
      assert.equal(toHex(sealed), toHex(nobleSuite.seal(key, counter, plaintext, ad)))
      assert.equal(hex(suite.open(key, counter, sealed, ad)), toHex(plaintext))
      const sealedX = suite.sealX(key, nonce, plaintext, ad)
      assert.equal(toHex(sealedX), toHex(nobleSuite.sealX(key, nonce, plaintext, ad)))
      assert.equal(hex(suite.openX(key, nonce, sealedX, ad)), toHex(plaintext))
    }
  })

  test('what was altered, cut or is too short for a tag does not open', () => {
    const key = pattern(32, 3)
    const nonce = pattern(24, 9)
    const plaintext = pattern(40)
    const ad = pattern(20)
    const sealed = suite.seal(key, 7n, plaintext, ad)
    const sealedX = suite.sealX(key, nonce, plaintext, ad)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      assert.equal(suite.open(key, 7n, flipped(sealed, bit), ad), null)
      assert.equal(suite.openX(key, nonce, flipped(sealedX, bit), ad), null)
    }
    for (let bit = 0; bit < ad.length * 8; bit++) {
      assert.equal(suite.open(key, 7n, sealed, flipped(ad, bit)), null)
      assert.equal(suite.openX(key, nonce, sealedX, flipped(ad, bit)), null)
    }
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(suite.open(key, 7n, sealed.subarray(0, length), ad), null)
      assert.equal(suite.openX(key, nonce, sealedX.subarray(0, length), ad), null)
    }
    assert.equal(suite.open(key, 8n, sealed, ad), null)
    assert.equal(suite.open(flipped(key, 0), 7n, sealed, ad), null)
    assert.equal(suite.openX(key, flipped(nonce, 191), sealedX, ad), null)
  })

  test('the counter has 64 bits; keys and nonces have one length', () => {
    const key = pattern(32)
    const last = (1n << 64n) - 1n
    const sealed = suite.seal(key, last, NONE, NONE)
    assert.equal(toHex(sealed), toHex(nobleSuite.seal(key, last, NONE, NONE)))
    assert.equal(hex(suite.open(key, last, sealed, NONE)), '')
    for (const counter of [-1n, last + 1n]) {
      assert.throws(() => suite.seal(key, counter, NONE, NONE), RangeError)
      assert.throws(() => suite.open(key, counter, sealed, NONE), RangeError)
    }
    for (const length of [0, 16, 31, 33]) {
      const wrong = new Uint8Array(length)
      assert.throws(() => suite.seal(wrong, 0n, NONE, NONE), RangeError)
      assert.throws(() => suite.open(wrong, 0n, sealed, NONE), RangeError)
      assert.throws(() => suite.sealX(key, wrong, NONE, NONE), RangeError)
      assert.throws(() => suite.openX(key, wrong, sealed, NONE), RangeError)
      assert.throws(() => suite.sealX(wrong, pattern(24), NONE, NONE), RangeError)
    }
  })

  test('sealing and opening leave their arguments as they were, and give plain arrays', () => {
    const key = ascending(32)
    const plaintext = ascending(50)
    const ad = ascending(10)
    const sealed = suite.seal(key, 1n, plaintext, ad)
    const kept = sealed.slice()
    const opened = suite.open(key, 1n, sealed, ad)!
    assert.deepEqual([key, plaintext, ad, sealed], [ascending(32), ascending(50), ascending(10), kept])
    for (const result of [sealed, opened]) assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype)
  })
}

function bytesOf<K extends string>(vector: Record<K, string>): Record<K, Uint8Array> {
  const entries = Object.entries<string>(vector).map(([name, text]) => [name, fromHex(text)] as const)
  return Object.fromEntries(entries) as Record<K, Uint8Array>
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >>> 3]! ^= 1 << (bit & 7)
  return copy
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toHex(bytes)
}
