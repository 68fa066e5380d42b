/** Numbers of the IP protocol registry. */

export const ICMP = 1
export const TCP = 6
export const UDP = 17
export const ICMPV6 = 58

export const IPV4_HEADER_BYTES = 20
export const IPV6_HEADER_BYTES = 40
/** RFC 791 §3.1: every host can take a packet of this size. Below it only an attacker wants us (RFC 5927 §7). */
export const IPV4_MIN_MTU = 552
/** RFC 8200 §5. */
export const IPV6_MIN_MTU = 1280
export const HOP_LIMIT = 64

export function ipHeaderBytes(version: 4 | 6): number {
  return version === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES
}
