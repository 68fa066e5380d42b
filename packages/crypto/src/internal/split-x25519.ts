/** X25519 of two engines: one for keys that stay, one for keys that serve a single handshake. */
import { deriveSharedSecrets, importEphemeralKey } from '../ephemeral.js'
import type { DhPrivateKey, DhPublicKey, X25519 } from '../suite.js'
import { checkLength } from './aead.js'

/** Marks a key as the second engine's. */
class EphemeralKey implements DhPrivateKey {
  readonly key: DhPrivateKey

  constructor(key: DhPrivateKey) {
    this.key = key
  }

  get publicKey(): Uint8Array {
    return this.key.publicKey
  }

  wipe(): void {
    this.key.wipe?.()
  }
}

/** Imported into an engine when that is first used with it. */
class SplitPublicKey implements DhPublicKey {
  readonly bytes: Uint8Array
  #lasting: DhPublicKey | null = null
  #ephemeral: DhPublicKey | null = null

  constructor(bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes)
  }

  importLasting(x25519: X25519): DhPublicKey {
    return (this.#lasting ??= x25519.importPublicKey(this.bytes))
  }

  importEphemeral(x25519: X25519): DhPublicKey {
    return (this.#ephemeral ??= x25519.importPublicKey(this.bytes))
  }
}

export function splitX25519(lasting: X25519, ephemeral: X25519): X25519 {
  return {
    importPrivateKey: lasting.importPrivateKey,
    importEphemeralKey: (secret) => new EphemeralKey(importEphemeralKey(ephemeral, secret)),
    importPublicKey: (bytes) => {
      checkLength(bytes, 32, 'a public key')
      return new SplitPublicKey(bytes)
    },
    deriveSharedSecret: (privateKey, publicKey) => {
      checkKey(publicKey)
      return privateKey instanceof EphemeralKey
        ? ephemeral.deriveSharedSecret(privateKey.key, publicKey.importEphemeral(ephemeral))
        : lasting.deriveSharedSecret(privateKey, publicKey.importLasting(lasting))
    },
    deriveSharedSecrets: (privateKey, first, second) => {
      checkKey(first)
      checkKey(second)
      if (!(privateKey instanceof EphemeralKey)) {
        return deriveSharedSecrets(lasting, privateKey, first.importLasting(lasting), second.importLasting(lasting))
      }
      const { key } = privateKey
      return deriveSharedSecrets(ephemeral, key, first.importEphemeral(ephemeral), second.importEphemeral(ephemeral))
    },
  }
}

function checkKey(publicKey: DhPublicKey): asserts publicKey is SplitPublicKey {
  if (!(publicKey instanceof SplitPublicKey)) throw new TypeError('a key was imported by another engine')
}
