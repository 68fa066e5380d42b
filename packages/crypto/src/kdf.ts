/** KDF1, KDF2 and KDF3 of the whitepaper (§5.4): HKDF of RFC 5869 over HMAC-BLAKE2s with empty info. */
import type { Suite } from './suite.js'
import { wipe } from './bytes.js'

const ONE = new Uint8Array([1])
const TWO = new Uint8Array([2])
const THREE = new Uint8Array([3])

/** τ1 = HMAC(HMAC(key, input), 0x1). 32 bytes, the caller's to wipe. */
export function kdf1(suite: Suite, key: Uint8Array, input: Uint8Array): Uint8Array {
  const τ0 = suite.hmac(key, input)
  const τ1 = suite.hmac(τ0, ONE)
  wipe(τ0)
  return τ1
}

/** τ1 as above, τ2 = HMAC(τ0, τ1 || 0x2). */
export function kdf2(suite: Suite, key: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const τ0 = suite.hmac(key, input)
  const τ1 = suite.hmac(τ0, ONE)
  const τ2 = suite.hmac(τ0, τ1, TWO)
  wipe(τ0)
  return [τ1, τ2]
}

/** τ1 and τ2 as above, τ3 = HMAC(τ0, τ2 || 0x3). */
export function kdf3(suite: Suite, key: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const τ0 = suite.hmac(key, input)
  const τ1 = suite.hmac(τ0, ONE)
  const τ2 = suite.hmac(τ0, τ1, TWO)
  const τ3 = suite.hmac(τ0, τ2, THREE)
  wipe(τ0)
  return [τ1, τ2, τ3]
}
