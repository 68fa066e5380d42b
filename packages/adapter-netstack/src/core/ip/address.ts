/** Kinds of addresses, by their bytes. */

/** May one host send to this one host (RFC 1122 §3.2.1.3, RFC 4291 §2.4)? Not multicast, broadcast, unspecified or loopback. */
export function isUnicast(bytes: Uint8Array, at: number, length: number): boolean {
  const first = bytes[at]!
  if (length === 4) return first !== 0 && first !== 127 && first < 224
  if (first === 0xff) return false
  for (let i = 0; i < 15; i++) if (bytes[at + i] !== 0) return true
  // `::` and `::1`.
  return bytes[at + 15]! > 1
}

/** A key for maps; not for people. */
export function addressKey(bytes: Uint8Array, at = 0, length: number = bytes.length): string {
  let key = ''
  for (let i = 0; i < length; i += 2) key += String.fromCharCode((bytes[at + i]! << 8) | bytes[at + i + 1]!)
  return key
}
