/** A whole handshake, each role by itself, with the suite that a device would choose here. */
import { randomBytes } from 'node:crypto'
import { selectSuite } from '@wireweave/crypto/select'
import type { Suite } from '@wireweave/crypto/suite'
import {
  consumeInitiation,
  consumeResponse,
  createIdentity,
  createInitiation,
  createResponse,
  deriveKeypair,
} from '@wireweave/noise/handshake'
import type { Identity, InitiationCreated, Remote } from '@wireweave/noise/handshake'
import { HANDSHAKE_INITIATION_BYTES, HANDSHAKE_RESPONSE_BYTES } from '@wireweave/noise/messages'
import { encodeTai64n } from '@wireweave/noise/tai64n'
import type { Case } from './case.js'

interface Ends {
  readonly suite: Suite
  readonly initiator: Identity
  readonly responder: Identity
  readonly toResponder: Remote
  readonly toInitiator: Remote
  readonly timestamp: Uint8Array
}

let made: Ends | null = null

function ends(): Ends {
  if (made !== null) return made
  const { suite } = selectSuite()
  const initiator = createIdentity(suite, randomBytes(32))
  const responder = createIdentity(suite, randomBytes(32))
  const remote = (us: Identity, them: Identity): Remote => {
    const publicKey = suite.x25519.importPublicKey(them.privateKey.publicKey)
    const staticStatic = suite.x25519.deriveSharedSecret(us.privateKey, publicKey)
    return { publicKey, staticStatic, presharedKey: null }
  }
  made = {
    ...{ suite, initiator, responder, timestamp: encodeTai64n(Date.now()) },
    ...{ toResponder: remote(initiator, responder), toInitiator: remote(responder, initiator) },
  }
  return made
}

function initiate({ initiator, toResponder, timestamp }: Ends, message: Uint8Array): InitiationCreated {
  const input = { ephemeralSecret: randomBytes(32), senderIndex: 1, timestamp }
  const state = createInitiation(initiator, toResponder, input, message, 0)
  if (typeof state === 'number') throw new Error(`no initiation: ${state}`)
  return state
}

function respond({ suite, responder, toInitiator }: Ends, initiation: Uint8Array, message: Uint8Array): void {
  const consumed = consumeInitiation(responder, initiation, 0, () => toInitiator)
  if (typeof consumed === 'number') throw new Error(`initiation dropped: ${consumed}`)
  const input = { ephemeralSecret: randomBytes(32), senderIndex: 2 }
  const state = createResponse(responder, toInitiator, consumed.state, input, message, 0)
  if (typeof state === 'number') throw new Error(`no response: ${state}`)
  deriveKeypair(suite, state, 0)
}

export const handshakeCases: readonly Case[] = [
  {
    name: 'handshake, initiator: write the initiation',
    prepare() {
      const message = new Uint8Array(HANDSHAKE_INITIATION_BYTES)
      return () => initiate(ends(), message)
    },
  },
  {
    name: 'handshake, initiator: read the response, derive keys',
    prepare() {
      const all = ends()
      const initiation = new Uint8Array(HANDSHAKE_INITIATION_BYTES)
      const response = new Uint8Array(HANDSHAKE_RESPONSE_BYTES)
      const state = initiate(all, initiation)
      respond(all, initiation, response)
      // Success uses a state up. Here one serves for all calls, so that only its reading is timed.
      Object.defineProperty(state.ephemeral, 'wipe', { value() {} })
      return () => {
        const copy = { ...state, chainingKey: state.chainingKey.slice(), hash: state.hash.slice() }
        const consumed = consumeResponse(all.initiator, all.toResponder, copy, response, 0)
        if (typeof consumed === 'number') throw new Error(`response dropped: ${consumed}`)
        deriveKeypair(all.suite, consumed, 0)
      }
    },
  },
  {
    name: 'handshake, responder: read the initiation, answer, derive keys',
    prepare() {
      const all = ends()
      const initiation = new Uint8Array(HANDSHAKE_INITIATION_BYTES)
      const response = new Uint8Array(HANDSHAKE_RESPONSE_BYTES)
      initiate(all, initiation)
      return () => respond(all, initiation, response)
    },
  },
]
