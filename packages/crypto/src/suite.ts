/**
 * What WireGuard asks of a cryptography library, in two halves: a {@link Suite} for handshakes, where clarity matters,
 * and a {@link TransportEngine} for data, where every packet counts.
 */

/** An imported X25519 private key. Opaque: an engine keeps what makes its next use fast. */
export interface DhPrivateKey {
  /** The public key that belongs to it, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Erases the secret; the key is not used afterwards. Absent where the engine has no means to, as in a KeyObject. */
  wipe?(): void
}

/** An imported X25519 public key. Opaque. */
export interface DhPublicKey {
  readonly bytes: Uint8Array
}

/** X25519 of RFC 7748. Scalars are clamped here. */
export interface X25519 {
  /** Copies the 32 bytes of `secret`; the caller may wipe them. */
  importPrivateKey(secret: Uint8Array): DhPrivateKey
  /** Accepts any 32 bytes, low-order points included: those fail in {@link deriveSharedSecret}. */
  importPublicKey(bytes: Uint8Array): DhPublicKey
  /** 32 fresh bytes, the caller's to wipe, or `null` when the result is all zero (low-order point, RFC 7748 §6.1). */
  deriveSharedSecret(privateKey: DhPrivateKey, publicKey: DhPublicKey): Uint8Array | null
  /**
   * As `importPrivateKey`, for a key that serves one handshake and is wiped then. Its `publicKey` costs least when asked for
   * after the first shared secret; not after `wipe`. Absent in an engine that has nothing better than `importPrivateKey`.
   */
  importEphemeralKey?(secret: Uint8Array): DhPrivateKey
  /**
   * The shared secrets with both, for less than two calls; `null` when either is all zero. Absent in an engine that has
   * nothing better than two calls. {@link ./ephemeral.ts} stands in for both.
   */
  deriveSharedSecrets?(
    privateKey: DhPrivateKey,
    first: DhPublicKey,
    second: DhPublicKey,
  ): readonly [Uint8Array, Uint8Array] | null
}

/**
 * Primitives over byte arrays. Results are fresh and the caller's to wipe. Randomness is never drawn here.
 * Members are functions without `this`: a suite may be put together from parts of several.
 */
export interface Suite {
  readonly name: string
  readonly x25519: X25519
  /** BLAKE2s (RFC 7693) of the concatenated parts, unkeyed, 32 bytes. */
  readonly hash: (...parts: readonly Uint8Array[]) => Uint8Array
  /** Keyed BLAKE2s with 16 bytes of output: WireGuard's MAC (§5.4.4). `key` has 16 to 32 bytes. */
  readonly mac: (key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array
  /** HMAC-BLAKE2s (RFC 2104, block 64 bytes), 32 bytes. */
  readonly hmac: (key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array
  /** ChaCha20-Poly1305 (RFC 8439) with nonce = 4 zero bytes, then `counter` little-endian. Returns ciphertext and tag. */
  readonly seal: (key: Uint8Array, counter: bigint, plaintext: Uint8Array, associatedData: Uint8Array) => Uint8Array
  /** `null` when the tag does not match; nothing of the plaintext is released before that is known. */
  readonly open: (key: Uint8Array, counter: bigint, sealed: Uint8Array, associatedData: Uint8Array) => Uint8Array | null
  /** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a nonce of 24 bytes. */
  readonly sealX: (key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array) => Uint8Array
  readonly openX: (
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    associatedData: Uint8Array,
  ) => Uint8Array | null
}

/**
 * What of a suite can come from one engine or another: `x25519` is for keys that stay, `ephemeral` for those that serve one
 * handshake; `aead` is `seal` and `open`, `xaead` is `sealX` and `openX`.
 */
export type SuitePart = 'x25519' | 'ephemeral' | 'hash' | 'mac' | 'hmac' | 'aead' | 'xaead'

/** Bytes at the start of the memory that belong to the engine: key, working state. Nobody else touches them. */
export const ENGINE_RESERVED_BYTES = 4096

export const TAG_BYTES = 16

/**
 * ChaCha20-Poly1305 with empty associated data over packets that lie in one memory, by offset. No allocation, no
 * exception, no promise. Counters are two unsigned 32-bit halves of the 64-bit nonce (§5.4.6).
 */
export interface TransportEngine {
  readonly name: string
  /** The memory all offsets refer to. */
  readonly bytes: Uint8Array
  /**
   * Encrypts `length` bytes at `source` to `destination` and puts the tag behind them.
   * `destination` may equal `source`; otherwise the two must not overlap. Any length, any alignment.
   * An engine may remember the array of the last key: do not change some of its bytes without {@link forgetKey}.
   */
  seal(
    key: Uint8Array,
    counterLow: number,
    counterHigh: number,
    source: number,
    length: number,
    destination: number,
  ): void
  /**
   * Checks the tag of `length` bytes (ciphertext and tag) at `source`, and decrypts to `destination`, which may equal
   * `source`. On `false` the destination holds nothing of the plaintext.
   */
  open(
    key: Uint8Array,
    counterLow: number,
    counterHigh: number,
    source: number,
    length: number,
    destination: number,
  ): boolean
  /** Wipes every trace of a key from the engine's part of the memory. Call when a keypair is dropped. */
  forgetKey(): void
  /** Present when several packets at once are sealed faster than one by one. */
  readonly batch?: BatchSealer
}

/**
 * Seals packets some time before {@link BatchSealer.settle} returns, in any order, on other threads too. Until then nobody
 * may write to a source or destination, nor let a destination go anywhere: it holds whatever was there before. The key is
 * copied.
 */
export interface BatchSealer extends Pick<TransportEngine, 'bytes' | 'seal'> {
  /** Takes part in the work, and returns when every packet given before is sealed. Cheap when there is none. */
  settle(): void
}

/** Builds an engine over a memory that the caller made. `memory` is a WebAssembly.Memory. */
export interface TransportEngineFactory {
  readonly name: string
  create(memory: { readonly buffer: ArrayBufferLike }): TransportEngine
}
