/**
 * What node:crypto does faster than JavaScript, as far as the runtime at hand has it: Node and Deno have all of it, Bun
 * has X25519 and BLAKE2s. The rest is borrowed from noble.
 *
 * node:crypto is asked for at run time, not imported, so that this module also loads where there is none.
 */
import type * as NodeCrypto from 'node:crypto'
import { wipe } from './bytes.js'
import { isZero } from './constant-time.js'
import { checkLength, counterNonce } from './internal/aead.js'
import type { Aead } from './internal/aead.js'
import { nobleSuite } from './noble.js'
import { TAG_BYTES } from './suite.js'
import type { DhPrivateKey, DhPublicKey, Suite, TransportEngine, TransportEngineFactory, X25519 } from './suite.js'

type Crypto = typeof NodeCrypto
type Builtins = { process?: { getBuiltinModule?(id: string): unknown } }

const crypto = (globalThis as Builtins).process?.getBuiltinModule?.('node:crypto') as Crypto | undefined

const CIPHER = 'chacha20-poly1305'
const HASH = 'blake2s256'
const TAG_OPTIONS = { authTagLength: TAG_BYTES }
const NO_BYTES = new Uint8Array(0)

/** DER around a raw private key: PKCS #8, RFC 8410. JWK would need the key in a string, which nothing can wipe. */
const PKCS8_PREFIX = Uint8Array.of(0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 34, 4, 32)

class NodePrivateKey implements DhPrivateKey {
  readonly publicKey: Uint8Array
  readonly #crypto: Crypto
  readonly #key: NodeCrypto.KeyObject

  constructor(crypto: Crypto, secret: Uint8Array) {
    const der = new Uint8Array(PKCS8_PREFIX.length + 32)
    der.set(PKCS8_PREFIX)
    der.set(secret, PKCS8_PREFIX.length)
    this.#crypto = crypto
    this.#key = crypto.createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' })
    wipe(der)
    const { x } = crypto.createPublicKey(this.#key).export({ format: 'jwk' })
    this.publicKey = new Uint8Array(Buffer.from(x as string, 'base64url'))
  }

  derive(publicKey: NodePublicKey): Uint8Array | null {
    let secret: Uint8Array
    try {
      secret = plain(this.#crypto.diffieHellman({ privateKey: this.#key, publicKey: publicKey.key }))
    } catch {
      // OpenSSL fails on a result of zero; both keys are well-formed, so there is no other reason to.
      return null
    }
    return isZero(secret) ? null : secret
  }
}

class NodePublicKey implements DhPublicKey {
  readonly bytes: Uint8Array
  readonly key: NodeCrypto.KeyObject

  constructor(crypto: Crypto, bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes)
    // 5 µs; as DER it is 75 µs on Node 20.20.2 (OpenSSL 3.0).
    const x = Buffer.from(bytes).toString('base64url')
    this.key = crypto.createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
  }
}

function createX25519(crypto: Crypto): X25519 {
  return {
    importPrivateKey: (secret) => {
      checkLength(secret, 32, 'a private key')
      return new NodePrivateKey(crypto, secret)
    },
    importPublicKey: (bytes) => {
      checkLength(bytes, 32, 'a public key')
      return new NodePublicKey(crypto, bytes)
    },
    deriveSharedSecret: (privateKey, publicKey) => {
      if (!(privateKey instanceof NodePrivateKey) || !(publicKey instanceof NodePublicKey)) {
        throw new TypeError('a key was imported by another engine')
      }
      return privateKey.derive(publicKey)
    },
  }
}

function createHash(crypto: Crypto): Suite['hash'] {
  return (...parts) => {
    const state = crypto.createHash(HASH)
    for (const part of parts) state.update(part)
    return plain(state.digest())
  }
}

function createHmac(crypto: Crypto): Suite['hmac'] {
  return (key, ...parts) => {
    const state = crypto.createHmac(HASH, key)
    for (const part of parts) state.update(part)
    return plain(state.digest())
  }
}

function createAead(crypto: Crypto): Aead {
  return {
    seal: (key, nonce, plaintext, associatedData) => {
      checkLength(key, 32, 'a key')
      checkLength(nonce, 12, 'a nonce')
      const cipher = crypto.createCipheriv(CIPHER, key, nonce, TAG_OPTIONS)
      if (associatedData.length > 0) cipher.setAAD(associatedData, { plaintextLength: plaintext.length })
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES)
      sealed.set(cipher.update(plaintext))
      cipher.final()
      sealed.set(cipher.getAuthTag(), plaintext.length)
      return sealed
    },
    open: (key, nonce, sealed, associatedData) => {
      checkLength(key, 32, 'a key')
      checkLength(nonce, 12, 'a nonce')
      const plaintext = decrypt(crypto, key, nonce, sealed, associatedData)
      return plaintext === null ? null : plain(plaintext)
    },
  }
}

/** The plaintext leaves this function only after `final()` has found the tag right. */
function decrypt(
  crypto: Crypto,
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
): Buffer | null {
  const length = sealed.length - TAG_BYTES
  if (length < 0) return null
  const decipher = crypto.createDecipheriv(CIPHER, key, nonce, TAG_OPTIONS)
  decipher.setAuthTag(sealed.subarray(length))
  if (associatedData.length > 0) decipher.setAAD(associatedData, { plaintextLength: length })
  const plaintext = decipher.update(sealed.subarray(0, length))
  try {
    decipher.final()
  } catch {
    wipe(plaintext)
    return null
  }
  return plaintext
}

/** Results of node:crypto are Buffers, whose `slice` shares memory; callers get what the contract says. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** A part, if the runtime can do what it needs. Tried, because the lists it offers are not always true (Bun's are short). */
function ifPossible<T>(need: (crypto: Crypto) => unknown, create: (crypto: Crypto) => T): T | null {
  if (crypto === undefined) return null
  try {
    need(crypto)
  } catch {
    return null
  }
  return create(crypto)
}

const ZERO_KEY = new Uint8Array(32)
const x25519 = ifPossible((crypto) => crypto.generateKeyPairSync('x25519'), createX25519)
const hash = ifPossible((crypto) => crypto.createHash(HASH), createHash)
const hmac = ifPossible((crypto) => crypto.createHmac(HASH, ZERO_KEY), createHmac)

/** `null` where the runtime's node:crypto has no ChaCha20-Poly1305. Any nonce of 12 bytes. */
export const nodeAead: Aead | null = ifPossible(
  (crypto) => crypto.createCipheriv(CIPHER, ZERO_KEY, ZERO_KEY.subarray(0, 12), TAG_OPTIONS),
  createAead,
)

/** Functions that are `===` to those of `nobleSuite` are borrowed from there. */
export const nodeSuite: Suite = {
  ...nobleSuite,
  name: 'node',
  ...(x25519 && { x25519 }),
  ...(hash && { hash }),
  ...(hmac && { hmac }),
  ...(nodeAead &&
    ({
      seal: (key, counter, plaintext, ad) => nodeAead.seal(key, counterNonce(counter), plaintext, ad),
      open: (key, counter, sealed, ad) => nodeAead.open(key, counterNonce(counter), sealed, ad),
    } satisfies Partial<Suite>)),
}

/** One cipher object per packet is what limits it, at any size; and it allocates. */
class NodeTransportEngine implements TransportEngine {
  readonly name = 'node'
  readonly bytes: Uint8Array
  readonly #crypto: Crypto
  readonly #nonce = new Uint8Array(12)
  readonly #nonceView = new DataView(this.#nonce.buffer)

  constructor(crypto: Crypto, bytes: Uint8Array) {
    this.#crypto = crypto
    this.bytes = bytes
  }

  seal(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): void {
    this.#setCounter(counterLow, counterHigh)
    const cipher = this.#crypto.createCipheriv(CIPHER, key, this.#nonce, TAG_OPTIONS)
    this.bytes.set(cipher.update(this.bytes.subarray(source, source + length)), to)
    cipher.final()
    this.bytes.set(cipher.getAuthTag(), to + length)
  }

  open(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): boolean {
    this.#setCounter(counterLow, counterHigh)
    const sealed = this.bytes.subarray(source, source + length)
    const plaintext = decrypt(this.#crypto, key, this.#nonce, sealed, NO_BYTES)
    if (plaintext === null) return false
    this.bytes.set(plaintext, to)
    return true
  }

  /** Nothing to do: OpenSSL wipes a cipher's key when the object is freed. */
  forgetKey(): void {}

  #setCounter(low: number, high: number): void {
    this.#nonceView.setUint32(4, low, true)
    this.#nonceView.setUint32(8, high, true)
  }
}

export const nodeTransportEngine: TransportEngineFactory = {
  name: 'node',
  create: (memory) => {
    if (crypto === undefined) throw new Error('this runtime has no node:crypto')
    if (nodeAead === null) throw new Error(`node:crypto of this runtime has no ${CIPHER}`)
    return new NodeTransportEngine(crypto, new Uint8Array(memory.buffer))
  },
}
