/** Datagrams that an attacker can make who knows no secret: right where only public keys are needed, wrong elsewhere. */
import type { Suite } from '@wireweave/crypto/suite'
import { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE } from './eavesdropper.js'
import type { Random } from './random.js'

const LABEL_MAC1: Uint8Array = new TextEncoder().encode('mac1----')
const INITIATION_BYTES = 148
const RESPONSE_BYTES = 92
const MAC_BYTES = 16

/** Garbage as long as an initiation, with the mac1 that shows knowledge of the responder's public key (§5.4.4). */
export function forgeInitiation(suite: Suite, responder: Uint8Array, random: Random): Uint8Array {
  return withMac1(suite, responder, HANDSHAKE_INITIATION, random.bytes(INITIATION_BYTES))
}

/** The same of a response to the sender index `index`. */
export function forgeResponse(suite: Suite, initiator: Uint8Array, index: number, random: Random): Uint8Array {
  const bytes = random.bytes(RESPONSE_BYTES)
  new DataView(bytes.buffer).setUint32(8, index, true)
  return withMac1(suite, initiator, HANDSHAKE_RESPONSE, bytes)
}

/** Puts a right mac1 and an empty mac2 behind a handshake message, wherever its other bytes come from. */
export function withMac1(suite: Suite, receiver: Uint8Array, type: number, bytes: Uint8Array): Uint8Array {
  const mac1At = bytes.length - 2 * MAC_BYTES
  bytes.set([type, 0, 0, 0])
  bytes.set(suite.mac(suite.hash(LABEL_MAC1, receiver), bytes.subarray(0, mac1At)), mac1At)
  bytes.fill(0, mac1At + MAC_BYTES)
  return bytes
}
