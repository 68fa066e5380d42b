/** Kinds of addresses, by their bytes. */

/**
 * May one host send to this one host (RFC 1122 §3.2.1.3, RFC 4291 §2.4)? Not multicast, broadcast, unspecified or loopback,
 * nor an address that only stands for one of IPv4: `::ffff:127.0.0.1` would be taken for this host by applications.
 */
export function isUnicast(bytes: Uint8Array, at: number, length: number): boolean {
  const first = bytes[at]!
  if (length === 4) return first !== 0 && first !== 127 && first < 224
  if (first === 0xff || isMapped(bytes, at)) return false
  for (let i = 0; i < 15; i++) if (bytes[at + i] !== 0) return true
  // `::` and `::1`.
  return bytes[at + 15]! > 1
}

/** `::ffff:10.0.0.1`, which sockets of both families understand as 10.0.0.1 (RFC 4291 §2.5.5.2). */
export function withoutMapping(address: Uint8Array): Uint8Array {
  return address.length === 16 && isMapped(address, 0) ? address.subarray(12) : address
}

function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff
}

/** A key for maps; not for people. */
export function addressKey(bytes: Uint8Array, at = 0, length: number = bytes.length): string {
  let key = ''
  for (let i = 0; i < length; i += 2) key += String.fromCharCode((bytes[at + i]! << 8) | bytes[at + i + 1]!)
  return key
}
