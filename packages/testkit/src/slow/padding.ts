/** How long a packet becomes before it is sealed (§5.4.6): up to the next multiple of 16, but never past the MTU. */

/**
 * Zero bytes behind a packet of `length` bytes. A packet longer than the MTU (the interface's offload lends such) is
 * padded as its last piece would be. An MTU of 0 is no limit.
 */
export function paddingBytes(length: number, mtu: number): number {
  let last = length
  if (mtu > 0) while (last > mtu) last -= mtu
  let padding = 0
  while ((last + padding) % 16 !== 0 && (mtu === 0 || last + padding < mtu)) padding++
  return padding
}
