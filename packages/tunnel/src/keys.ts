/**
 * WireGuard keys: 32 bytes each, told apart by brand so that one kind cannot be passed for another.
 *
 * A brand is erased at run time, and a `Uint8Array` prints its bytes when it is interpolated: never put a private or
 * preshared key into a message. Lint and tests look for it; `formatKey` takes public keys only.
 */

declare const brand: unique symbol

/** Curve25519 secret scalar. Clamped by whoever uses it. */
export type PrivateKey = Uint8Array & { readonly [brand]: 'PrivateKey' }
/** Curve25519 public point; names a peer. */
export type PublicKey = Uint8Array & { readonly [brand]: 'PublicKey' }
/** Optional symmetric key mixed into the handshake (the "psk" of IKpsk2). */
export type PresharedKey = Uint8Array & { readonly [brand]: 'PresharedKey' }
export type AnyKey = PrivateKey | PublicKey | PresharedKey

export const KEY_BYTES = 32

const PADDING = 61
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Reads 44 characters of base64, as `wg` prints them. `null` when the text is not exactly one key. */
export function decodeKey<K extends AnyKey>(text: string): K | null {
  if (text.length !== 44 || text[43] !== '=') return null
  const key = new Uint8Array(KEY_BYTES)
  let accumulator = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < 43; i++) {
    const digit = BASE64.indexOf(text[i]!)
    if (digit < 0) return null
    accumulator = (accumulator << 6) | digit
    bits += 6
    if (bits >= 8) {
      bits -= 8
      key[at++] = accumulator >>> bits
      accumulator &= (1 << bits) - 1
    }
  }
  // 43 digits carry 258 bits: the last two must be zero, or two texts would name one key.
  return accumulator === 0 ? (key as K) : null
}

/** Reads 64 hexadecimal digits of either case, as the UAPI has them. `null` when the text is not exactly one key. */
export function decodeHexKey<K extends AnyKey>(text: string): K | null {
  if (!/^[0-9a-f]{64}$/i.test(text)) return null
  const key = new Uint8Array(KEY_BYTES)
  for (let i = 0; i < KEY_BYTES; i++) key[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16)
  return key as K
}

/** The 44 characters of base64 that name a peer. Public keys only: secrets go through {@link encodeSecretKey}. */
export function formatKey(key: PublicKey): string {
  return base64(key)
}

/** Lower-case hexadecimal, as in UAPI text. Public keys only. */
export function formatHexKey(key: PublicKey): string {
  return hex(key)
}

/**
 * Text of a secret key, for the few places whose purpose is to print one (`genkey`, `showconf`, a UAPI answer).
 * The long name is the warning: search for it to find every place a secret becomes a string.
 */
export function encodeSecretKey(key: PrivateKey | PresharedKey, encoding: 'base64' | 'hex'): string {
  return encoding === 'hex' ? hex(key) : base64(key)
}

/** True when every byte is zero: "no key" in UAPI, netlink and WireGuardNT. Looks at every byte whatever it finds. */
export function isZeroKey(key: Uint8Array): boolean {
  let seen = 0
  for (let i = 0; i < key.length; i++) seen |= key[i]!
  return seen === 0
}

function hex(key: Uint8Array): string {
  let text = ''
  for (const byte of key) text += byte.toString(16).padStart(2, '0')
  return text
}

function base64(key: Uint8Array): string {
  const codes: number[] = []
  for (let i = 0; i < KEY_BYTES; i += 3) {
    const word = (key[i]! << 16) | ((key[i + 1] ?? 0) << 8) | (key[i + 2] ?? 0)
    for (let shift = 18; shift >= 0; shift -= 6) codes.push(BASE64.charCodeAt((word >>> shift) & 63))
  }
  // 32 bytes end with one digit of padding. One flat string: as a key of a map it would be flattened anyway.
  codes[43] = PADDING
  return String.fromCharCode(...codes)
}
