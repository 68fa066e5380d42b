/** Keys that are made here. The caller wipes those that are secret. */
import { randomFillSync } from 'node:crypto'
import { nodeSuite } from '@wireweave/crypto/node'
import { KEY_BYTES } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

export interface KeyPair {
  readonly privateKey: PrivateKey
  readonly publicKey: PublicKey
}

function newPrivateKey(): PrivateKey {
  const key = randomFillSync(new Uint8Array(KEY_BYTES)) as PrivateKey
  // RFC 7748 §5, as wg does: so the text is the scalar that is used.
  key[0]! &= 248
  key[31] = (key[31]! & 127) | 64
  return key
}

export function newKeyPair(): KeyPair {
  const privateKey = newPrivateKey()
  return { privateKey, publicKey: publicKeyOf(privateKey) }
}

export function newPresharedKey(): PresharedKey {
  return randomFillSync(new Uint8Array(KEY_BYTES)) as PresharedKey
}

export function publicKeyOf(privateKey: PrivateKey): PublicKey {
  return nodeSuite.x25519.importPrivateKey(privateKey).publicKey as PublicKey
}
