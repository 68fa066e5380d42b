/**
 * Why a message was not accepted. Functions return one of these, all below zero, where others return a length, a
 * message type or an object: a bad datagram is a counter, never an exception.
 */

/** The type word is none of ours, or one of its reserved bytes is not zero. */
export const DROP_UNKNOWN_TYPE = -1
/** Not the length that its type has. */
export const DROP_WRONG_LENGTH = -2
export const DROP_BAD_MAC1 = -3
export const DROP_BAD_MAC2 = -4
/** A Diffie-Hellman result is all zero. */
export const DROP_LOW_ORDER_POINT = -5
/** An authentication tag does not match. */
export const DROP_BAD_TAG = -6
/** An initiation from a static key that is nobody's. */
export const DROP_UNKNOWN_PEER = -7
/** A cookie reply to no message of ours, or to one that was answered already. */
export const DROP_UNEXPECTED_COOKIE = -8
/** The counter was received before. */
export const DROP_REPLAYED = -9
/** The counter is older than the replay window. */
export const DROP_TOO_OLD = -10
/** The counter is at or above REJECT_AFTER_MESSAGES. */
export const DROP_COUNTER_LIMIT = -11
/** The keypair is too old, has sent too much, or was wiped. */
export const DROP_EXPIRED_KEYPAIR = -12

export type DropCode =
  | typeof DROP_UNKNOWN_TYPE
  | typeof DROP_WRONG_LENGTH
  | typeof DROP_BAD_MAC1
  | typeof DROP_BAD_MAC2
  | typeof DROP_LOW_ORDER_POINT
  | typeof DROP_BAD_TAG
  | typeof DROP_UNKNOWN_PEER
  | typeof DROP_UNEXPECTED_COOKIE
  | typeof DROP_REPLAYED
  | typeof DROP_TOO_OLD
  | typeof DROP_COUNTER_LIMIT
  | typeof DROP_EXPIRED_KEYPAIR
