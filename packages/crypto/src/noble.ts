/**
 * Everything on @noble: audited JavaScript without a native part. The floor that runs in any runtime, and what the other
 * engines borrow where they have nothing faster.
 */
import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake2s } from '@noble/hashes/blake2.js'
import { hmac } from '@noble/hashes/hmac.js'
import { wipe } from './bytes.js'
import { checkLength, counterNonce } from './internal/aead.js'
import type { Aead } from './internal/aead.js'
import { TAG_BYTES } from './suite.js'
import type { DhPrivateKey, DhPublicKey, Suite, TransportEngine, TransportEngineFactory, X25519 } from './suite.js'

/** ChaCha20-Poly1305 with any nonce of 12 bytes. */
export const nobleAead: Aead = {
  seal: (key, nonce, plaintext, associatedData) => {
    checkLength(key, 32, 'a key')
    checkLength(nonce, 12, 'a nonce')
    return chacha20poly1305(key, nonce, associatedData).encrypt(plaintext)
  },
  open: (key, nonce, sealed, associatedData) => {
    checkLength(key, 32, 'a key')
    checkLength(nonce, 12, 'a nonce')
    return openOrNull(chacha20poly1305(key, nonce, associatedData), sealed)
  },
}

/** The copy kept here can be wiped; what noble computes with it cannot, for its field elements are BigInts. */
class NoblePrivateKey implements DhPrivateKey {
  readonly publicKey: Uint8Array
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(secret)
    this.publicKey = x25519.getPublicKey(secret)
  }

  derive(publicKey: DhPublicKey): Uint8Array | null {
    try {
      return x25519.getSharedSecret(this.#secret, publicKey.bytes)
    } catch {
      // Lengths were checked at import: what is left is a result of zero.
      return null
    }
  }

  wipe(): void {
    wipe(this.#secret)
  }
}

const nobleX25519: X25519 = {
  importPrivateKey: (secret) => {
    checkLength(secret, 32, 'a private key')
    return new NoblePrivateKey(secret)
  },
  importPublicKey: (bytes) => {
    checkLength(bytes, 32, 'a public key')
    return { bytes: new Uint8Array(bytes) }
  },
  deriveSharedSecret: (privateKey, publicKey) => {
    if (!(privateKey instanceof NoblePrivateKey)) throw new TypeError('the private key was imported by another engine')
    return privateKey.derive(publicKey)
  },
}

export const nobleSuite: Suite = {
  name: 'noble',
  x25519: nobleX25519,
  hash: (...parts) => {
    const state = blake2s.create()
    for (const part of parts) state.update(part)
    return state.digest()
  },
  mac: (key, ...parts) => {
    if (key.length < 16 || key.length > 32) throw new RangeError('a MAC key has 16 to 32 bytes')
    const state = blake2s.create({ key, dkLen: 16 })
    for (const part of parts) state.update(part)
    return state.digest()
  },
  hmac: (key, ...parts) => {
    const state = hmac.create(blake2s, key)
    for (const part of parts) state.update(part)
    return state.digest()
  },
  seal: (key, counter, plaintext, associatedData) =>
    nobleAead.seal(key, counterNonce(counter), plaintext, associatedData),
  open: (key, counter, sealed, associatedData) => nobleAead.open(key, counterNonce(counter), sealed, associatedData),
  sealX: (key, nonce, plaintext, associatedData) => {
    checkLength(key, 32, 'a key')
    checkLength(nonce, 24, 'a nonce')
    return xchacha20poly1305(key, nonce, associatedData).encrypt(plaintext)
  },
  openX: (key, nonce, sealed, associatedData) => {
    checkLength(key, 32, 'a key')
    checkLength(nonce, 24, 'a nonce')
    return openOrNull(xchacha20poly1305(key, nonce, associatedData), sealed)
  },
}

/** Slower than its rivals and, unlike them, not free of allocation: noble makes a handful of small arrays per packet. */
class NobleTransportEngine implements TransportEngine {
  readonly name = 'noble'
  readonly bytes: Uint8Array
  readonly #nonce = new Uint8Array(12)
  readonly #nonceView = new DataView(this.#nonce.buffer)

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  seal(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): void {
    const plaintext = this.bytes.subarray(source, source + length)
    this.#cipher(key, counterLow, counterHigh).encrypt(plaintext, this.bytes.subarray(to, to + length + TAG_BYTES))
  }

  open(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): boolean {
    const sealed = this.bytes.subarray(source, source + length)
    try {
      this.#cipher(key, counterLow, counterHigh).decrypt(sealed, this.bytes.subarray(to, to + length - TAG_BYTES))
      return true
    } catch {
      // Noble says by an exception that the tag is wrong or not there, before it decrypts.
      return false
    }
  }

  /** Nothing to do: noble wipes its copies of a key itself. */
  forgetKey(): void {}

  #cipher(key: Uint8Array, counterLow: number, counterHigh: number): ReturnType<typeof chacha20poly1305> {
    this.#nonceView.setUint32(4, counterLow, true)
    this.#nonceView.setUint32(8, counterHigh, true)
    return chacha20poly1305(key, this.#nonce)
  }
}

export const nobleTransportEngine: TransportEngineFactory = {
  name: 'noble',
  create: (memory) => new NobleTransportEngine(new Uint8Array(memory.buffer)),
}

function openOrNull(cipher: ReturnType<typeof chacha20poly1305>, sealed: Uint8Array): Uint8Array | null {
  try {
    return cipher.decrypt(sealed)
  } catch {
    return null
  }
}
