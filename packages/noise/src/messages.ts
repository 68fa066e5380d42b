/** The four messages (§5.4): types, sizes and offsets. All integers are little-endian. */
import { DROP_UNKNOWN_TYPE, DROP_WRONG_LENGTH } from './drop.js'

export const HANDSHAKE_INITIATION = 1
export const HANDSHAKE_RESPONSE = 2
export const COOKIE_REPLY = 3
export const TRANSPORT_DATA = 4

export const HANDSHAKE_INITIATION_BYTES = 148
export const HANDSHAKE_RESPONSE_BYTES = 92
export const COOKIE_REPLY_BYTES = 64
/** Type, receiver, counter. */
export const TRANSPORT_HEADER_BYTES = 16
/** What a transport message adds to its payload: header and tag. A message of just this size is a keepalive. */
export const TRANSPORT_OVERHEAD_BYTES = 32

/** Both handshake messages, and the index of a sender in them. */
export const SENDER_INDEX = 4
/** Of the two MACs at the end of both handshake messages. */
export const MAC_BYTES = 16
/** How far mac1 lies before the end of a handshake message; mac2 is the rest. */
export const MAC1_FROM_END = 32
export const MAC2_FROM_END = 16

/** §5.4.2. From the ephemeral on, up to mac1, this is the first message of the Noise pattern. */
export const INITIATION_EPHEMERAL = 8

/** §5.4.3. */
export const RESPONSE_RECEIVER_INDEX = 8
export const RESPONSE_EPHEMERAL = 12

/** §5.4.7. */
export const COOKIE_RECEIVER_INDEX = 4
export const COOKIE_NONCE = 8
export const COOKIE_NONCE_BYTES = 24
export const COOKIE_SEALED = 32

/** §5.4.6. */
export const TRANSPORT_RECEIVER_INDEX = 4
export const TRANSPORT_COUNTER = 8

/**
 * The type of the message of `length` bytes at `offset`, or a drop code. The type byte and the three reserved bytes
 * behind it are one word, so a reserved byte that is not zero is an unknown type. Looks at nothing else.
 */
export function classify(bytes: Uint8Array, offset: number, length: number): number {
  // Also keeps the read below inside of the message.
  if (length < TRANSPORT_OVERHEAD_BYTES) return DROP_WRONG_LENGTH
  switch (readU32(bytes, offset)) {
    case TRANSPORT_DATA:
      return TRANSPORT_DATA
    case HANDSHAKE_INITIATION:
      return length === HANDSHAKE_INITIATION_BYTES ? HANDSHAKE_INITIATION : DROP_WRONG_LENGTH
    case HANDSHAKE_RESPONSE:
      return length === HANDSHAKE_RESPONSE_BYTES ? HANDSHAKE_RESPONSE : DROP_WRONG_LENGTH
    case COOKIE_REPLY:
      return length === COOKIE_REPLY_BYTES ? COOKIE_REPLY : DROP_WRONG_LENGTH
    default:
      return DROP_UNKNOWN_TYPE
  }
}

/** Writes the 16 bytes in front of a sealed payload. The counter is two unsigned halves. */
export function writeTransportHeader(
  bytes: Uint8Array,
  offset: number,
  receiverIndex: number,
  counterLow: number,
  counterHigh: number,
): void {
  writeU32(bytes, offset, TRANSPORT_DATA)
  writeU32(bytes, offset + TRANSPORT_RECEIVER_INDEX, receiverIndex)
  writeU32(bytes, offset + TRANSPORT_COUNTER, counterLow)
  writeU32(bytes, offset + TRANSPORT_COUNTER + 4, counterHigh)
}

/** Whose keypair a response, a cookie reply or a transport message is for. */
export function readReceiverIndex(bytes: Uint8Array, offset: number, type: number): number {
  // Offset 4 in a cookie reply as in transport data.
  return readU32(bytes, offset + (type === HANDSHAKE_RESPONSE ? RESPONSE_RECEIVER_INDEX : TRANSPORT_RECEIVER_INDEX))
}

export function readCounterLow(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset + TRANSPORT_COUNTER)
}

export function readCounterHigh(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset + TRANSPORT_COUNTER + 4)
}

export function readU32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}

/** Byte by byte: offsets in the arena need not be aligned, and a DataView over shared memory is no faster. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value >>> 16
  bytes[offset + 3] = value >>> 24
}
