/** Explicit congestion notification through the tunnel, RFC 6040. The other six bits of the traffic class stay inside. */

const NOT_ECT = 0
const ECT_1 = 1
const ECT_0 = 2
const CE = 3

/** Traffic class of the datagram that carries the packet at `at`. */
export function outerTrafficClass(bytes: Uint8Array, at: number, version: 4 | 6): number {
  const ecn = innerEcn(bytes, at, version)
  // Congestion met before the tunnel is told inside; outside, the tunnel's own path starts afresh (RFC 3168 §9.1.1).
  return ecn === CE ? ECT_0 : ecn
}

/**
 * Merges what the outer header met on its way into the inner one (RFC 6040 §4.2). False when the packet must be
 * dropped: it met congestion and its sender does not understand the mark.
 */
export function mergeEcn(bytes: Uint8Array, at: number, version: 4 | 6, outer: number): boolean {
  const mark = outer & 3
  if (mark === NOT_ECT) return true
  const ecn = innerEcn(bytes, at, version)
  if (ecn === NOT_ECT) return mark !== CE
  if (mark === CE && ecn !== CE) setEcn(bytes, at, version, CE)
  else if (mark === ECT_1 && ecn === ECT_0) setEcn(bytes, at, version, ECT_1)
  return true
}

function innerEcn(bytes: Uint8Array, at: number, version: 4 | 6): number {
  return version === 4 ? bytes[at + 1]! & 3 : (bytes[at + 1]! >>> 4) & 3
}

function setEcn(bytes: Uint8Array, at: number, version: 4 | 6, ecn: number): void {
  if (version === 6) {
    bytes[at + 1] = (bytes[at + 1]! & 0xcf) | (ecn << 4)
    return
  }
  const before = bytes[at + 1]!
  const after = (before & 0xfc) | ecn
  bytes[at + 1] = after
  // RFC 1624: HC' = ~(~HC + ~m + m')
  const checksum = (bytes[at + 10]! << 8) | bytes[at + 11]!
  let sum = (~checksum & 0xffff) + (~before & 0xffff) + after
  sum = (sum & 0xffff) + (sum >>> 16)
  sum = (sum & 0xffff) + (sum >>> 16)
  bytes[at + 10] = (~sum >>> 8) & 0xff
  bytes[at + 11] = ~sum & 0xff
}
