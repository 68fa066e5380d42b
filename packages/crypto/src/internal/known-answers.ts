/**
 * Known-answer tests small enough for start-up. Each throws when the part of an engine that it tries gives a wrong answer.
 * Where many lengths matter, the answers (tags, for ciphers) are folded into one by exclusive or; what must come out was
 * computed with OpenSSL and Python (test/vectors/README.md).
 */
import { equal } from '../constant-time.js'
import { deriveSharedSecrets, importEphemeralKey } from '../ephemeral.js'
import { TAG_BYTES } from '../suite.js'
import type { Suite, SuitePart, TransportEngine } from '../suite.js'

/** The bytes that {@link proveTransportEngine} overwrites, from the offset it is given. */
export const SCRATCH_BYTES = 3072

const KEY = pattern(32, 201)

export const suiteProofs: { readonly [Part in SuitePart]: (suite: Suite) => void } = {
  x25519({ x25519 }) {
    // RFC 7748 §6.1; and §5: the highest bit of a point is ignored.
    const alice = x25519.importPrivateKey(fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'))
    expect(alice.publicKey, '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
    const bob = fromHex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    for (const highest of [0, 0x80]) {
      bob[31]! |= highest
      const shared = x25519.deriveSharedSecret(alice, x25519.importPublicKey(bob))
      expect(shared, '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')
    }
    // A point of order 8 must give no secret.
    const low = x25519.importPublicKey(fromHex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'))
    check(x25519.deriveSharedSecret(alice, low) === null)
  },

  ephemeral({ x25519 }) {
    // RFC 7748 §6.1; the base point as the other public key.
    const secret = fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
    const own = '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'
    const bob = x25519.importPublicKey(fromHex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'))
    const base = x25519.importPublicKey(fromHex('09'.padEnd(64, '0')))
    const low = x25519.importPublicKey(new Uint8Array(32))
    const key = importEphemeralKey(x25519, secret)
    check(deriveSharedSecrets(x25519, key, low, bob) === null)
    check(deriveSharedSecrets(x25519, key, bob, low) === null)
    const [first, second] = deriveSharedSecrets(x25519, key, bob, base) ?? []
    expect(first ?? null, shared)
    expect(second ?? null, own)
    expect(key.publicKey, own)
    const other = importEphemeralKey(x25519, secret)
    expect(x25519.deriveSharedSecret(other, bob), shared)
    expect(other.publicKey, own)
  },

  hash({ hash }) {
    const answers = [0, 1, 63, 64, 65, 129].map((length) => {
      const message = pattern(length)
      return hash(message.subarray(0, length >>> 1), message.subarray(length >>> 1))
    })
    expectFolded(answers, 'ab51a45a287717a9c22dd0f641f019fdecc61cabea63c9e7f738fd4690f9b4eb')
  },

  mac({ mac }) {
    const answers = [0, 1, 63, 64, 65, 116].map((length) => mac(pattern(length < 64 ? 32 : 16, 100), pattern(length)))
    expectFolded(answers, '07ccd65f46fe1d22ac458cb05204fc25')
  },

  hmac({ hmac }) {
    const answers = [0, 1, 32, 33].map((length) => hmac(pattern(length < 33 ? 32 : 65, 100), pattern(length)))
    expectFolded(answers, '76d55f7179d0873000621ba9b8915ca823c944aecc3b94c2f8fe5008ab1aa874')
  },

  aead({ seal, open }) {
    const answers = [0, 32, 65, 148].map((length) => {
      const [plaintext, ad] = [pattern(length), pattern(length % 33, 9)]
      const counter = (BigInt(0xffffffff - length) << 32n) | BigInt(length)
      const sealed = seal(KEY, counter, plaintext, ad)
      expectOpens((altered) => open(KEY, counter, altered, ad), sealed, plaintext)
      return sealed.subarray(length)
    })
    expectFolded(answers, 'b75d4f7929de940dcfdd7b075cd5f044')
  },

  xaead({ sealX, openX }) {
    // draft-irtf-cfrg-xchacha-03 A.3.1
    const key = fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
    const nonce = fromHex('404142434445464748494a4b4c4d4e4f5051525354555657')
    const ad = fromHex('50515253c0c1c2c3c4c5c6c7')
    const plaintext = new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    )
    const sealed = sealX(key, nonce, plaintext, ad)
    expect(sealed.subarray(plaintext.length), 'c0875924c1c7987947deafd8780acf49')
    expectOpens((altered) => openX(key, nonce, altered, ad), sealed, plaintext)
  },
}

/** Works in place and apart, at even and odd offsets, over {@link SCRATCH_BYTES} from `scratch` on. */
export function proveTransportEngine(engine: TransportEngine, scratch: number): void {
  const { bytes } = engine
  const answers = [0, 1, 16, 63, 64, 65, 255, 256, 257, 320, 513, 1440].map((length, i) => {
    const [low, high] = [length, 0xffffffff - length]
    const sealedLength = length + TAG_BYTES
    const plaintext = pattern(length)
    const [source, destination] = [scratch, i % 2 === 0 ? scratch : scratch + 1501]
    bytes.set(plaintext, source)
    engine.seal(KEY, low, high, source, length, destination)
    const tag = bytes.slice(destination + length, destination + sealedLength)

    if (i % 4 === 1) {
      // Apart, and with a wrong tag: refused, and nothing released.
      bytes[destination + length]! ^= 1
      bytes.fill(0, source, source + length)
      check(!engine.open(KEY, low, high, destination, sealedLength, source))
      check(bytes.subarray(source, source + length).every((byte) => byte === 0))
      bytes[destination + length]! ^= 1
    }
    check(engine.open(KEY, low, high, destination, sealedLength, source))
    check(equal(bytes.subarray(source, source + length), plaintext))
    return tag
  })
  expectFolded(answers, 'ed00eb4f88411fe696bf5a2db8470d6e')
}

/** The sealed bytes open to the plaintext; with an altered tag they do not. */
function expectOpens(open: (sealed: Uint8Array) => Uint8Array | null, sealed: Uint8Array, plaintext: Uint8Array): void {
  const opened = open(sealed)
  check(opened !== null && equal(opened, plaintext))
  const altered = sealed.slice()
  altered[sealed.length - 1]! ^= 0x80
  check(open(altered) === null)
}

function expectFolded(answers: readonly Uint8Array[], hex: string): void {
  const folded = new Uint8Array(hex.length / 2)
  for (const answer of answers) {
    check(answer.length === folded.length)
    for (let i = 0; i < folded.length; i++) folded[i]! ^= answer[i]!
  }
  expect(folded, hex)
}

function expect(answer: Uint8Array | null, hex: string): void {
  check(answer !== null && equal(answer, fromHex(hex)))
}

function check(right: boolean): void {
  if (!right) throw new Error('wrong answer')
}

/** The parts of `pattern` in the tests: first, first + 7, first + 14 … */
function pattern(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + 7 * i)
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}
