/**
 * The handshake (§5.4.2 to §5.4.5): what each side writes, what it accepts, and the states in between.
 *
 * Functions change nothing of a peer: they take a state and return the next, and the caller stores it once it has
 * checked what only it can check. A message that is not accepted is a {@link DropCode} and leaves every state usable.
 * MACs are added and checked in cookie.ts; consume nothing whose mac1 was not right.
 *
 *   initiator                          responder
 *   createInitiation                ->  consumeInitiation, then timestamp and flood checks
 *   initiationCreated                   initiationConsumed
 *   consumeResponse                 <-  createResponse
 *   responseConsumed                    responseCreated
 *   deriveKeypair                       deriveKeypair
 */
import type { DhPrivateKey, DhPublicKey, Suite } from '@wireweave/crypto/suite'
import { wipe } from '@wireweave/crypto/bytes'
import { importEphemeralKey } from '@wireweave/crypto/ephemeral'
import type { DropCode } from './drop.js'
import { DROP_LOW_ORDER_POINT, DROP_UNKNOWN_PEER } from './drop.js'
import { copyRange } from './internal/copy-range.js'
import * as ikpsk2 from './internal/ikpsk2.js'
import { INITIAL_CHAINING_KEY, INITIAL_HASH } from './internal/initial-state.js'
import { split, SymmetricState } from './internal/symmetric-state.js'
import { KEY_BYTES, Keypair } from './keypair.js'
import {
  HANDSHAKE_INITIATION,
  HANDSHAKE_INITIATION_BYTES,
  HANDSHAKE_RESPONSE,
  HANDSHAKE_RESPONSE_BYTES,
  INITIATION_EPHEMERAL,
  MAC1_FROM_END,
  readU32,
  RESPONSE_EPHEMERAL,
  RESPONSE_RECEIVER_INDEX,
  SENDER_INDEX,
  writeU32,
} from './messages.js'

/** Who we are. Made once for each private key. */
export interface Identity {
  readonly suite: Suite
  readonly privateKey: DhPrivateKey
  readonly keyLog: KeyLog | null
}

/**
 * Told the secret ephemeral of each message we create, so that a dissector can follow the handshake. Defeats the whole
 * purpose of encryption: only ever at the operator's wish. The secret is wiped after the call.
 */
export type KeyLog = (localEphemeralSecret: Uint8Array, remote: Remote) => void

/** What a handshake needs to know of a peer. */
export interface Remote {
  readonly publicKey: DhPublicKey
  /** DH of our private key and the peer's public key, computed ahead; `null` when it is all zero: nothing succeeds then. */
  readonly staticStatic: Uint8Array | null
  /** 32 bytes, or `null` for none, which is the same as all zero. */
  readonly presharedKey: Uint8Array | null
}

/** No handshake in progress. */
export interface Zeroed {
  readonly tag: 'zeroed'
}

export interface InitiationCreated {
  readonly tag: 'initiationCreated'
  readonly localIndex: number
  readonly ephemeral: DhPrivateKey
  readonly chainingKey: Uint8Array
  readonly hash: Uint8Array
}

export interface InitiationConsumed {
  readonly tag: 'initiationConsumed'
  readonly remoteIndex: number
  readonly remoteEphemeral: DhPublicKey
  readonly chainingKey: Uint8Array
  readonly hash: Uint8Array
}

export interface ResponseCreated {
  readonly tag: 'responseCreated'
  readonly localIndex: number
  readonly remoteIndex: number
  readonly chainingKey: Uint8Array
}

export interface ResponseConsumed {
  readonly tag: 'responseConsumed'
  readonly localIndex: number
  readonly remoteIndex: number
  readonly chainingKey: Uint8Array
}

export type HandshakeState = Zeroed | InitiationCreated | InitiationConsumed | ResponseCreated | ResponseConsumed

export const ZEROED: Zeroed = Object.freeze({ tag: 'zeroed' })

const NO_PRESHARED_KEY = new Uint8Array(KEY_BYTES)
const EMPTY = new Uint8Array(0)

/** Copies `secret`, 32 bytes. */
export function createIdentity(suite: Suite, secret: Uint8Array, keyLog: KeyLog | null = null): Identity {
  return { suite, privateKey: suite.x25519.importPrivateKey(secret), keyLog }
}

/** Erases the secrets of a state that is no longer wanted. Every state but `zeroed` ends here or in the next function. */
export function wipeHandshake(state: HandshakeState): void {
  if ('chainingKey' in state) wipe(state.chainingKey)
  if ('hash' in state) wipe(state.hash)
  if ('ephemeral' in state) state.ephemeral.wipe?.()
}

export interface InitiationInput {
  /** 32 random bytes, used nowhere else. Wiped here. */
  readonly ephemeralSecret: Uint8Array
  /** Unique among the indices in use. */
  readonly senderIndex: number
  /** Of {@link encodeTai64n}; greater than in any initiation before. */
  readonly timestamp: Uint8Array
}

/** Writes the 148 bytes of an initiation at `out[offset]`, MACs still missing. */
export function createInitiation(
  identity: Identity,
  remote: Remote,
  input: InitiationInput,
  out: Uint8Array,
  offset: number,
): InitiationCreated | DropCode {
  const ephemeral = takeEphemeral(identity, remote, input.ephemeralSecret)
  const symmetric = begin(identity.suite, remote.publicKey.bytes)
  let state: InitiationCreated | null = null
  try {
    if (remote.staticStatic === null) return DROP_LOW_ORDER_POINT
    const message = ikpsk2.writeInitiation(
      symmetric,
      ephemeral,
      identity.privateKey,
      remote.publicKey,
      remote.staticStatic,
      input.timestamp,
    )
    if (typeof message === 'number') return message
    writeU32(out, offset, HANDSHAKE_INITIATION)
    writeU32(out, offset + SENDER_INDEX, input.senderIndex)
    out.set(message, offset + INITIATION_EPHEMERAL)
    const chainingKey = symmetric.chainingKey.slice()
    const hash = symmetric.hash.slice()
    state = { tag: 'initiationCreated', localIndex: input.senderIndex, ephemeral, chainingKey, hash }
    return state
  } finally {
    symmetric.wipe()
    if (state === null) ephemeral.wipe?.()
  }
}

/** An initiation that is authentic, but may be an old one played back: see {@link consumeInitiation}. */
export interface ConsumedInitiation<R extends Remote> {
  readonly remote: R
  readonly timestamp: Uint8Array
  readonly state: InitiationConsumed
}

/**
 * Reads the initiation at `bytes[offset]`. `find` is asked for the peer with a public key that is not yet proven: it
 * must change nothing.
 *
 * What comes back is authentic. The caller then drops it, with {@link wipeHandshake}, unless its timestamp is greater
 * than any it accepted from this peer, and INITIATION_INTERVAL_MS have passed since the last one.
 */
export function consumeInitiation<R extends Remote>(
  identity: Identity,
  bytes: Uint8Array,
  offset: number,
  find: (publicKey: Uint8Array) => R | null,
): ConsumedInitiation<R> | DropCode {
  const message = noiseMessage(bytes, offset, INITIATION_EPHEMERAL, HANDSHAKE_INITIATION_BYTES)
  const { suite, privateKey } = identity
  const symmetric = begin(suite, privateKey.publicKey)
  try {
    const remoteEphemeral = suite.x25519.importPublicKey(message.slice(0, KEY_BYTES))
    const publicKey = ikpsk2.readInitiationStatic(symmetric, privateKey, remoteEphemeral, message)
    if (typeof publicKey === 'number') return publicKey
    const remote = find(publicKey)
    if (remote === null) return DROP_UNKNOWN_PEER
    if (remote.staticStatic === null) return DROP_LOW_ORDER_POINT
    const timestamp = ikpsk2.readInitiationPayload(symmetric, remote.staticStatic, message)
    if (typeof timestamp === 'number') return timestamp
    const remoteIndex = readU32(bytes, offset + SENDER_INDEX)
    const chainingKey = symmetric.chainingKey.slice()
    const hash = symmetric.hash.slice()
    return { remote, timestamp, state: { tag: 'initiationConsumed', remoteIndex, remoteEphemeral, chainingKey, hash } }
  } finally {
    symmetric.wipe()
  }
}

export interface ResponseInput {
  /** 32 random bytes, used nowhere else. Wiped here. */
  readonly ephemeralSecret: Uint8Array
  /** Unique among the indices in use. */
  readonly senderIndex: number
}

/** Writes the 92 bytes of a response at `out[offset]`, MACs still missing. `state` is used up, whatever comes back. */
export function createResponse(
  identity: Identity,
  remote: Remote,
  state: InitiationConsumed,
  input: ResponseInput,
  out: Uint8Array,
  offset: number,
): ResponseCreated | DropCode {
  const ephemeral = takeEphemeral(identity, remote, input.ephemeralSecret)
  const symmetric = new SymmetricState(identity.suite, state.chainingKey, state.hash)
  try {
    const presharedKey = remote.presharedKey ?? NO_PRESHARED_KEY
    const message = ikpsk2.writeResponse(
      symmetric,
      ephemeral,
      state.remoteEphemeral,
      remote.publicKey,
      presharedKey,
      EMPTY,
    )
    if (typeof message === 'number') return message
    writeU32(out, offset, HANDSHAKE_RESPONSE)
    writeU32(out, offset + SENDER_INDEX, input.senderIndex)
    writeU32(out, offset + RESPONSE_RECEIVER_INDEX, state.remoteIndex)
    out.set(message, offset + RESPONSE_EPHEMERAL)
    const chainingKey = symmetric.chainingKey.slice()
    return { tag: 'responseCreated', localIndex: input.senderIndex, remoteIndex: state.remoteIndex, chainingKey }
  } finally {
    symmetric.wipe()
    ephemeral.wipe?.()
    wipeHandshake(state)
  }
}

/**
 * Reads the response at `bytes[offset]` to the initiation that `state` belongs to: the caller looked it up by the
 * receiver index. Success uses `state` up; otherwise it goes on waiting for the right response.
 */
export function consumeResponse(
  identity: Identity,
  remote: Remote,
  state: InitiationCreated,
  bytes: Uint8Array,
  offset: number,
): ResponseConsumed | DropCode {
  const message = noiseMessage(bytes, offset, RESPONSE_EPHEMERAL, HANDSHAKE_RESPONSE_BYTES)
  const symmetric = new SymmetricState(identity.suite, state.chainingKey, state.hash)
  try {
    const presharedKey = remote.presharedKey ?? NO_PRESHARED_KEY
    const payload = ikpsk2.readResponse(symmetric, state.ephemeral, identity.privateKey, presharedKey, message)
    if (typeof payload === 'number') return payload
    wipeHandshake(state)
    const remoteIndex = readU32(bytes, offset + SENDER_INDEX)
    const chainingKey = symmetric.chainingKey.slice()
    return { tag: 'responseConsumed', localIndex: state.localIndex, remoteIndex, chainingKey }
  } finally {
    symmetric.wipe()
  }
}

/** The keys of the session that a finished handshake leads to (§5.4.5). `state` is used up. */
export function deriveKeypair(suite: Suite, state: ResponseCreated | ResponseConsumed, now: number): Keypair {
  const isInitiator = state.tag === 'responseConsumed'
  const [first, second] = split(suite, state.chainingKey)
  const sendKey = isInitiator ? first : second
  const receiveKey = isInitiator ? second : first
  const keypair = new Keypair(sendKey, receiveKey, state.localIndex, state.remoteIndex, isInitiator, now)
  wipe(first, second)
  wipeHandshake(state)
  return keypair
}

/** C := HASH(CONSTRUCTION); H := HASH(HASH(C || IDENTIFIER) || S_r) */
function begin(suite: Suite, responderStatic: Uint8Array): SymmetricState {
  const symmetric = new SymmetricState(suite, INITIAL_CHAINING_KEY, INITIAL_HASH)
  symmetric.mixHash(responderStatic)
  return symmetric
}

function takeEphemeral(identity: Identity, remote: Remote, secret: Uint8Array): DhPrivateKey {
  const ephemeral = importEphemeralKey(identity.suite.x25519, secret)
  identity.keyLog?.(secret, remote)
  wipe(secret)
  return ephemeral
}

/** What lies between the header and mac1. */
function noiseMessage(bytes: Uint8Array, offset: number, start: number, length: number): Uint8Array {
  return copyRange(bytes, offset + start, length - MAC1_FROM_END - start)
}
