/** The public key of a private one: all that showing an interface needs of the protocol. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { KEY_BYTES } from '@wireweave/tunnel/keys'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

/** RFC 8410: a PKCS #8 PrivateKeyInfo of X25519 up to the key itself. */
const PKCS8_HEADER = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32)

export function x25519PublicKey(privateKey: PrivateKey): PublicKey {
  const der = Buffer.alloc(PKCS8_HEADER.length + KEY_BYTES)
  der.set(PKCS8_HEADER)
  der.set(privateKey, PKCS8_HEADER.length)
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  der.fill(0)
  return Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES)) as PublicKey
}
