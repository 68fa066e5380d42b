/** X25519 with a key that serves one handshake: in the engine's own way, or else composed of what every engine has. */
import { wipe } from './bytes.js'
import type { DhPrivateKey, DhPublicKey, X25519 } from './suite.js'

/** See {@link X25519.importEphemeralKey}. */
export function importEphemeralKey(x25519: X25519, secret: Uint8Array): DhPrivateKey {
  return (x25519.importEphemeralKey ?? x25519.importPrivateKey)(secret)
}

/** See {@link X25519.deriveSharedSecrets}. */
export function deriveSharedSecrets(
  x25519: X25519,
  privateKey: DhPrivateKey,
  first: DhPublicKey,
  second: DhPublicKey,
): readonly [Uint8Array, Uint8Array] | null {
  if (x25519.deriveSharedSecrets !== undefined) return x25519.deriveSharedSecrets(privateKey, first, second)
  const a = x25519.deriveSharedSecret(privateKey, first)
  const b = x25519.deriveSharedSecret(privateKey, second)
  if (a !== null && b !== null) return [a, b]
  if (a !== null) wipe(a)
  if (b !== null) wipe(b)
  return null
}
