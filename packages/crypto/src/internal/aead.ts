/** ChaCha20-Poly1305 (RFC 8439) with its full nonce: what the halves of an engine are built from. */

/** Lengths are checked here: a key of 32 bytes, a nonce of 12. */
export interface Aead {
  /** Ciphertext and tag in a fresh array. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Uint8Array
  /** `null` when the tag does not match or is not there. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associatedData: Uint8Array): Uint8Array | null
}

const COUNTER_LIMIT = 1n << 64n

/** WireGuard's nonce: 4 zero bytes, then the counter, little-endian (§5.4.6). */
export function counterNonce(counter: bigint): Uint8Array {
  if (counter < 0n || counter >= COUNTER_LIMIT) throw new RangeError('the counter has 64 bits')
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(4, counter, true)
  return nonce
}

export function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what} has ${length} bytes, not ${bytes.length}`)
}
