/**
 * The pattern IKpsk2 (Noise §7.5, §9.4) with its payloads left open; handshake.ts makes WireGuard's messages of it.
 *
 *   <- s
 *   ...
 *   -> e, es, s, ss
 *   <- e, ee, se, psk
 *
 * Formulas are those of the whitepaper (§5.4.2, §5.4.3), i the initiator, r the responder. Functions change the
 * symmetric state also when they fail; it belongs to one message and is thrown away.
 */
import type { DhPrivateKey, DhPublicKey } from '@wireweave/crypto/suite'
import { wipe } from '@wireweave/crypto/bytes'
import { deriveSharedSecrets } from '@wireweave/crypto/ephemeral'
import { DROP_BAD_TAG, DROP_LOW_ORDER_POINT, type DropCode } from '../drop.js'
import type { SymmetricState } from './symmetric-state.js'

const DH_BYTES = 32
const TAG_BYTES = 16
const SEALED_STATIC = DH_BYTES
const INITIATION_PAYLOAD = SEALED_STATIC + DH_BYTES + TAG_BYTES
const RESPONSE_PAYLOAD = DH_BYTES

/** `staticStatic` is DH(S_i, S_r). The message: ephemeral, sealed static, sealed payload. */
export function writeInitiation(
  state: SymmetricState,
  ephemeral: DhPrivateKey,
  localStatic: DhPrivateKey,
  remoteStatic: DhPublicKey,
  staticStatic: Uint8Array,
  payload: Uint8Array,
): Uint8Array | DropCode {
  const message = new Uint8Array(INITIATION_PAYLOAD + payload.length + TAG_BYTES)
  // Before its turn: the public key of an ephemeral costs less afterwards.
  const es = state.suite.x25519.deriveSharedSecret(ephemeral, remoteStatic)
  if (es === null) return DROP_LOW_ORDER_POINT
  // C := KDF1(C, E_i); msg.ephemeral := E_i; H := HASH(H || msg.ephemeral)
  state.mixChainingKey(ephemeral.publicKey)
  message.set(ephemeral.publicKey)
  state.mixHash(ephemeral.publicKey)
  // (C, κ) := KDF2(C, DH(E_i, S_r))
  state.mixKey(es)
  wipe(es)
  // msg.static := AEAD(κ, 0, S_i, H); H := HASH(H || msg.static)
  message.set(state.seal(localStatic.publicKey), SEALED_STATIC)
  // (C, κ) := KDF2(C, DH(S_i, S_r))
  state.mixKey(staticStatic)
  // msg.timestamp := AEAD(κ, 0, TAI64N(), H); H := HASH(H || msg.timestamp)
  message.set(state.seal(payload), INITIATION_PAYLOAD)
  return message
}

/** The first half of reading an initiation: whose it claims to be, S_i. Proven only by the second half. */
export function readInitiationStatic(
  state: SymmetricState,
  localStatic: DhPrivateKey,
  remoteEphemeral: DhPublicKey,
  message: Uint8Array,
): Uint8Array | DropCode {
  // C := KDF1(C, E_i); H := HASH(H || msg.ephemeral)
  state.mixChainingKey(remoteEphemeral.bytes)
  state.mixHash(remoteEphemeral.bytes)
  // (C, κ) := KDF2(C, DH(S_r, E_i))
  const es = state.suite.x25519.deriveSharedSecret(localStatic, remoteEphemeral)
  if (es === null) return DROP_LOW_ORDER_POINT
  state.mixKey(es)
  wipe(es)
  // S_i := open(κ, 0, msg.static, H); H := HASH(H || msg.static)
  return state.open(message.subarray(SEALED_STATIC, INITIATION_PAYLOAD)) ?? DROP_BAD_TAG
}

/** The second half. Success proves that the sender has the private key of S_i. */
export function readInitiationPayload(
  state: SymmetricState,
  staticStatic: Uint8Array,
  message: Uint8Array,
): Uint8Array | DropCode {
  // (C, κ) := KDF2(C, DH(S_r, S_i))
  state.mixKey(staticStatic)
  // timestamp := open(κ, 0, msg.timestamp, H); H := HASH(H || msg.timestamp)
  return state.open(message.subarray(INITIATION_PAYLOAD)) ?? DROP_BAD_TAG
}

/** Starts from the state after the initiation was read. The message: ephemeral, sealed payload. */
export function writeResponse(
  state: SymmetricState,
  ephemeral: DhPrivateKey,
  remoteEphemeral: DhPublicKey,
  remoteStatic: DhPublicKey,
  presharedKey: Uint8Array,
  payload: Uint8Array,
): Uint8Array | DropCode {
  const message = new Uint8Array(RESPONSE_PAYLOAD + payload.length + TAG_BYTES)
  // Before their turn: together they cost less, and so does the public key afterwards.
  const secrets = deriveSharedSecrets(state.suite.x25519, ephemeral, remoteEphemeral, remoteStatic)
  if (secrets === null) return DROP_LOW_ORDER_POINT
  // C := KDF1(C, E_r); msg.ephemeral := E_r; H := HASH(H || msg.ephemeral)
  state.mixChainingKey(ephemeral.publicKey)
  message.set(ephemeral.publicKey)
  state.mixHash(ephemeral.publicKey)
  // C := KDF1(C, DH(E_r, E_i)); C := KDF1(C, DH(E_r, S_i))
  for (const secret of secrets) state.mixChainingKey(secret)
  wipe(...secrets)
  // (C, τ, κ) := KDF3(C, Q); H := HASH(H || τ)
  state.mixKeyAndHash(presharedKey)
  // msg.empty := AEAD(κ, 0, ε, H); H := HASH(H || msg.empty)
  message.set(state.seal(payload), RESPONSE_PAYLOAD)
  return message
}

/** Starts from the state after the initiation was written. */
export function readResponse(
  state: SymmetricState,
  ephemeral: DhPrivateKey,
  localStatic: DhPrivateKey,
  presharedKey: Uint8Array,
  message: Uint8Array,
): Uint8Array | DropCode {
  const remoteEphemeral = state.suite.x25519.importPublicKey(message.slice(0, DH_BYTES))
  // C := KDF1(C, E_r); H := HASH(H || msg.ephemeral)
  state.mixChainingKey(remoteEphemeral.bytes)
  state.mixHash(remoteEphemeral.bytes)
  // C := KDF1(C, DH(E_i, E_r)); C := KDF1(C, DH(S_i, E_r))
  if (!mixSharedSecret(state, ephemeral, remoteEphemeral)) return DROP_LOW_ORDER_POINT
  if (!mixSharedSecret(state, localStatic, remoteEphemeral)) return DROP_LOW_ORDER_POINT
  // (C, τ, κ) := KDF3(C, Q); H := HASH(H || τ)
  state.mixKeyAndHash(presharedKey)
  // ε := open(κ, 0, msg.empty, H); H := HASH(H || msg.empty)
  return state.open(message.subarray(RESPONSE_PAYLOAD)) ?? DROP_BAD_TAG
}

function mixSharedSecret(state: SymmetricState, privateKey: DhPrivateKey, publicKey: DhPublicKey): boolean {
  const secret = state.suite.x25519.deriveSharedSecret(privateKey, publicKey)
  if (secret === null) return false
  state.mixChainingKey(secret)
  wipe(secret)
  return true
}
