/** Two parties that know each other, and the messages between them. */
import { nobleSuite } from '@wireweave/crypto/noble'
import type { DropCode } from '../../src/drop.js'
import {
  type ConsumedInitiation,
  consumeInitiation,
  consumeResponse,
  createIdentity,
  createInitiation,
  createResponse,
  deriveKeypair,
  type Identity,
  type InitiationConsumed,
  type InitiationCreated,
  type KeyLog,
  type Remote,
  type ResponseConsumed,
  type ResponseCreated,
} from '../../src/handshake.js'
import type { Keypair } from '../../src/keypair.js'
import { HANDSHAKE_INITIATION_BYTES, HANDSHAKE_RESPONSE_BYTES } from '../../src/messages.js'
import { encodeTai64n } from '../../src/tai64n.js'
import {
  ALICE,
  ALICE_EPHEMERAL,
  ALICE_INDEX,
  BOB,
  BOB_EPHEMERAL,
  BOB_INDEX,
  PRESHARED,
  UNIX_TIME_MS,
} from './pinned.js'

export const suite = nobleSuite

export interface Party {
  readonly identity: Identity
  /** What this party knows of the other one. */
  readonly remote: Remote
}

/** Secrets are copied where the code under test would wipe them. */
export interface Secrets {
  alice: Uint8Array
  bob: Uint8Array
  presharedKey: Uint8Array | null
}

export const fixed: Secrets = { alice: ALICE, bob: BOB, presharedKey: PRESHARED }
export const TIMESTAMP: Uint8Array = encodeTai64n(UNIX_TIME_MS)

export function createParties(secrets: Secrets = fixed, keyLog: KeyLog | null = null): { alice: Party; bob: Party } {
  const alice = createIdentity(suite, secrets.alice, keyLog)
  const bob = createIdentity(suite, secrets.bob, keyLog)
  return {
    alice: { identity: alice, remote: remoteOf(alice, bob.privateKey.publicKey, secrets.presharedKey) },
    bob: { identity: bob, remote: remoteOf(bob, alice.privateKey.publicKey, secrets.presharedKey) },
  }
}

export function remoteOf(identity: Identity, publicKey: Uint8Array, presharedKey: Uint8Array | null): Remote {
  const imported = suite.x25519.importPublicKey(publicKey)
  const staticStatic = suite.x25519.deriveSharedSecret(identity.privateKey, imported)
  return { publicKey: imported, staticStatic, presharedKey }
}

export function must<T extends object>(result: T | DropCode): T {
  if (typeof result === 'number') throw new Error(`dropped: ${result}`)
  return result
}

/** The message lies at an odd offset in a larger array, as it may in the arena. */
const OFFSET = 5

export function initiation(
  { identity, remote }: Party,
  ephemeralSecret: Uint8Array = ALICE_EPHEMERAL,
): { message: Uint8Array; state: InitiationCreated } {
  const out = new Uint8Array(OFFSET + HANDSHAKE_INITIATION_BYTES)
  const input = { ephemeralSecret: ephemeralSecret.slice(), senderIndex: ALICE_INDEX, timestamp: TIMESTAMP }
  const state = must(createInitiation(identity, remote, input, out, OFFSET))
  return { message: out.slice(OFFSET), state }
}

export function consume({ identity, remote }: Party, message: Uint8Array): ConsumedInitiation<Remote> | DropCode {
  return consumeInitiation(identity, message, 0, (publicKey) =>
    Buffer.from(publicKey).equals(remote.publicKey.bytes) ? remote : null,
  )
}

export function response(
  { identity, remote }: Party,
  state: InitiationConsumed,
  ephemeralSecret: Uint8Array = BOB_EPHEMERAL,
): { message: Uint8Array; state: ResponseCreated } {
  const out = new Uint8Array(OFFSET + HANDSHAKE_RESPONSE_BYTES)
  const input = { ephemeralSecret: ephemeralSecret.slice(), senderIndex: BOB_INDEX }
  const created = must(createResponse(identity, remote, state, input, out, OFFSET))
  return { message: out.slice(OFFSET), state: created }
}

export function receiveResponse(
  { identity, remote }: Party,
  state: InitiationCreated,
  message: Uint8Array,
): ResponseConsumed | DropCode {
  return consumeResponse(identity, remote, state, message, 0)
}

/** A whole handshake; the initiator's keypair first. */
export function shakeHands(secrets: Secrets = fixed, now = 0): [Keypair, Keypair] {
  const { alice, bob } = createParties(secrets)
  const initiated = initiation(alice)
  const responded = response(bob, must(consume(bob, initiated.message)).state)
  const finished = must(receiveResponse(alice, initiated.state, responded.message))
  return [deriveKeypair(suite, finished, now), deriveKeypair(suite, responded.state, now)]
}
