/** The little that WireGuard reads of the IP packets it carries (§5.4.6). */

export const IPV4_HEADER_BYTES = 20
export const IPV6_HEADER_BYTES = 40

export const IPV4_SOURCE = 12
export const IPV4_DESTINATION = 16
export const IPV6_SOURCE = 8
export const IPV6_DESTINATION = 24

/** 4 or 6 when `length` bytes can hold that version's header, else 0. */
export function ipVersion(bytes: Uint8Array, at: number, length: number): 0 | 4 | 6 {
  if (length < IPV4_HEADER_BYTES) return 0
  const version = bytes[at]! >>> 4
  if (version === 4) return 4
  return version === 6 && length >= IPV6_HEADER_BYTES ? 6 : 0
}

/**
 * How long a packet says it is, at most `length`: what follows is padding. -1 when it claims more bytes than there
 * are, or fewer than its header has.
 */
export function ipLength(bytes: Uint8Array, at: number, length: number, version: 4 | 6): number {
  // Plain numbers, not 16 bits: 40 + 65535 must not wrap into a length that fits.
  const claimed =
    version === 4
      ? (bytes[at + 2]! << 8) | bytes[at + 3]!
      : IPV6_HEADER_BYTES + ((bytes[at + 4]! << 8) | bytes[at + 5]!)
  return claimed > length || claimed < IPV4_HEADER_BYTES ? -1 : claimed
}
