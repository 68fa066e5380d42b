/** The Internet checksum of RFC 1071, word by word as its §4.1 states it. */

/** The value a header carries: the inverted sum of `bytes` as big-endian 16-bit words, an odd last byte padded with zero. */
export function checksum(bytes: Uint8Array): number {
  return ~onesComplementSum(bytes) & 0xffff
}

/** The sum before it is inverted, folded to 16 bits. A stretch that includes its own right checksum sums to 0xffff. */
export function onesComplementSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return sum
}

/** What a TCP or UDP checksum covers besides the segment (RFC 9293 §3.1, RFC 768, RFC 8200 §8.1). */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array {
  const lengthBytes = [length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]
  // IPv4 has a 16-bit length and IPv6 a 32-bit one; as a sum of words the leading zeros make no difference.
  return Uint8Array.from([...source, ...destination, ...lengthBytes, 0, 0, 0, protocol])
}

/** The checksum of a whole TCP or UDP segment whose checksum field is zero. */
export function transportChecksum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  segment: Uint8Array,
): number {
  const pseudo = pseudoHeader(source, destination, protocol, segment.length)
  const value = checksum(Uint8Array.from([...pseudo, ...segment]))
  // RFC 768: a computed zero is sent as all ones, since zero says "no checksum".
  return protocol === 17 && value === 0 ? 0xffff : value
}
