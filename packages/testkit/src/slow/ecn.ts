/** Explicit congestion notification through a tunnel, as the tables of RFC 6040 print it. */

export const NOT_ECT = 0
export const ECT_1 = 1
export const ECT_0 = 2
export const CE = 3

/** A packet that must not be delivered: congestion was signalled to a sender that does not understand it. */
export const DROP = 'drop'

/** Figure 4: rows are what the inner packet says, columns what the datagram said when it arrived. */
const DECAPSULATION: Record<number, readonly (number | typeof DROP)[]> = {
  //          NOT_ECT  ECT_1    ECT_0    CE
  [NOT_ECT]: [NOT_ECT, NOT_ECT, NOT_ECT, DROP],
  [ECT_1]: [ECT_1, ECT_1, ECT_1, CE],
  [ECT_0]: [ECT_0, ECT_1, ECT_0, CE],
  [CE]: [CE, CE, CE, CE],
}

/** The inner packet's ECN bits after decapsulation, or {@link DROP}. */
export function mergeEcn(inner: number, outer: number): number | typeof DROP {
  return DECAPSULATION[inner]![outer]!
}

/**
 * The ECN bits of the datagram around a packet. As Linux does it for WireGuard, the full functionality mode of RFC 3168
 * §9.1.1: the inner bits, but CE is not copied out and starts afresh as ECT(0).
 */
export function outerEcn(inner: number): number {
  return inner === CE ? ECT_0 : inner
}
