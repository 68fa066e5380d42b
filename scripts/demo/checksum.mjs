/** The internet checksum (RFC 1071) of `bytes[from..to)`. */
export function checksum(bytes, from, to) {
  let sum = 0
  for (let i = from; i < to; i++) sum += (i - from) % 2 === 0 ? bytes[i] << 8 : bytes[i]
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
