/**
 * The symmetric state of a Noise handshake (Noise §5.2). In IKpsk2 every key seals exactly one message, so each nonce
 * is 0 and none is kept.
 */
import type { Suite } from '@wireweave/crypto/suite'
import { wipe } from '@wireweave/crypto/bytes'
import { kdf1, kdf2, kdf3 } from '@wireweave/crypto/kdf'

const NONCE = 0n

export class SymmetricState {
  readonly suite: Suite
  /** C and H of the whitepaper, the state's own. */
  readonly chainingKey: Uint8Array
  readonly hash: Uint8Array
  /** κ: what {@link SymmetricState.seal} and {@link SymmetricState.open} use next. */
  readonly #key: Uint8Array = new Uint8Array(32)

  /** Copies `chainingKey` and `hash`. */
  constructor(suite: Suite, chainingKey: Uint8Array, hash: Uint8Array) {
    this.suite = suite
    this.chainingKey = chainingKey.slice()
    this.hash = hash.slice()
  }

  /** H := HASH(H || data) */
  mixHash(data: Uint8Array): void {
    const hash = this.suite.hash(this.hash, data)
    this.hash.set(hash)
    wipe(hash)
  }

  /** C := KDF1(C, input), for inputs after which nothing is sealed */
  mixChainingKey(input: Uint8Array): void {
    const chainingKey = kdf1(this.suite, this.chainingKey, input)
    this.chainingKey.set(chainingKey)
    wipe(chainingKey)
  }

  /** (C, κ) := KDF2(C, input) */
  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = kdf2(this.suite, this.chainingKey, input)
    this.chainingKey.set(chainingKey)
    this.#key.set(key)
    wipe(chainingKey, key)
  }

  /** (C, τ, κ) := KDF3(C, input); H := HASH(H || τ) */
  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, τ, key] = kdf3(this.suite, this.chainingKey, input)
    this.chainingKey.set(chainingKey)
    this.#key.set(key)
    this.mixHash(τ)
    wipe(chainingKey, τ, key)
  }

  /** sealed := AEAD(κ, 0, plaintext, H); H := HASH(H || sealed) */
  seal(plaintext: Uint8Array): Uint8Array {
    const sealed = this.suite.seal(this.#key, NONCE, plaintext, this.hash)
    this.mixHash(sealed)
    return sealed
  }

  /** The reverse; `null` when the tag does not match. */
  open(sealed: Uint8Array): Uint8Array | null {
    const plaintext = this.suite.open(this.#key, NONCE, sealed, this.hash)
    if (plaintext !== null) this.mixHash(sealed)
    return plaintext
  }

  wipe(): void {
    wipe(this.chainingKey, this.hash, this.#key)
  }
}

/** (first, second) := KDF2(C, ""): the first key is for messages of the initiator (§5.4.5). */
export function split(suite: Suite, chainingKey: Uint8Array): [Uint8Array, Uint8Array] {
  return kdf2(suite, chainingKey, new Uint8Array(0))
}
