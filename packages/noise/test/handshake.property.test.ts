import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CookieChecker, CookieGenerator } from '../src/cookie.js'
import { DROP_BAD_MAC1 } from '../src/drop.js'
import { consumeInitiation, consumeResponse, deriveKeypair } from '../src/handshake.js'
import { flip, toHex } from './support/bytes.js'
import {
  consume,
  createParties,
  initiation,
  must,
  receiveResponse,
  response,
  suite,
  TIMESTAMP,
} from './support/parties.js'
import { ALICE_EPHEMERAL, ALICE_INDEX, BOB_INDEX } from './support/pinned.js'
import * as whitepaper from './support/whitepaper.js'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const secrets = fc.record({ alice: key, bob: key, presharedKey: fc.option(key) })

/** Each X25519 of noble takes a millisecond. */
const RUNS = { numRuns: 15 }

test('two parties with any keys agree on the keys of their session', () => {
  fc.assert(
    fc.property(secrets, key, key, (secrets, aliceEphemeral, bobEphemeral) => {
      const { alice, bob } = createParties(secrets)
      const initiated = initiation(alice, aliceEphemeral)
      const responded = response(bob, must(consume(bob, initiated.message)).state, bobEphemeral)
      const initiator = deriveKeypair(suite, must(receiveResponse(alice, initiated.state, responded.message)), 0)
      const responder = deriveKeypair(suite, responded.state, 0)
      expect(initiator.sendKey).toEqual(responder.receiveKey)
      expect(initiator.receiveKey).toEqual(responder.sendKey)
      expect(initiator.sendKey).not.toEqual(initiator.receiveKey)
    }),
    RUNS,
  )
})

test('either side shakes hands with the second implementation', () => {
  fc.assert(
    fc.property(secrets, key, key, (secrets, aliceEphemeral, bobEphemeral) => {
      const { alice, bob } = createParties(secrets)
      const presharedKey = secrets.presharedKey ?? new Uint8Array(32)
      const ours = initiation(alice, aliceEphemeral)
      const theirs = { staticSecret: secrets.bob, ephemeralSecret: bobEphemeral, presharedKey, senderIndex: BOB_INDEX }
      const answer = whitepaper.respond(ours.message, theirs)
      expect(toHex(answer.timestamp)).toBe(toHex(TIMESTAMP))
      const initiator = deriveKeypair(suite, must(receiveResponse(alice, ours.state, answer.message)), 0)
      expect([initiator.sendKey, initiator.receiveKey].map(toHex)).toEqual(answer.keys.map(toHex))

      const responderStatic = bob.identity.privateKey.publicKey
      const own = { staticSecret: secrets.alice, ephemeralSecret: aliceEphemeral, presharedKey }
      const initiated = whitepaper.initiate({ ...own, responderStatic, senderIndex: ALICE_INDEX, timestamp: TIMESTAMP })
      const responded = response(bob, must(consume(bob, initiated.message)).state, bobEphemeral)
      const responder = deriveKeypair(suite, responded.state, 0)
      const keys = whitepaper.finish(initiated, responded.message, own).map(toHex)
      expect([responder.receiveKey, responder.sendKey].map(toHex)).toEqual(keys)
    }),
    RUNS,
  )
})

test('one flipped bit anywhere before mac2 is refused by mac1', () => {
  const { alice, bob } = createParties()
  const initiated = initiation(alice).message
  const responded = response(bob, must(consume(bob, initiated)).state).message
  for (const [message, receiver] of [
    [initiated, bob],
    [responded, alice],
  ] as const) {
    const publicKey = receiver.identity.privateKey.publicKey
    new CookieGenerator(suite, publicKey).addMacs(message, 0, message.length, 0)
    const checker = new CookieChecker(suite, publicKey)
    expect(checker.checkMac1(message, 0, message.length)).toBe(0)
    for (let bit = 0; bit < (message.length - 16) * 8; bit++)
      expect(checker.checkMac1(flip(message, bit), 0, message.length)).toBe(DROP_BAD_MAC1)
  }
})

test('one flipped bit in what the pattern covers is refused without mac1 as well, and the state stays usable', () => {
  const { alice, bob } = createParties()
  const initiated = initiation(alice)
  const responded = response(bob, must(consume(bob, initiated.message)).state)
  const state = structuredClone({ chainingKey: initiated.state.chainingKey, hash: initiated.state.hash })
  // Indices are covered by mac1 alone.
  const inInitiation = fc.integer({ min: 8 * 8, max: 116 * 8 - 1 })
  const inResponse = fc.integer({ min: 12 * 8, max: 60 * 8 - 1 })
  fc.assert(
    fc.property(inInitiation, inResponse, (a, b) => {
      expect(consume(bob, flip(initiated.message, a))).toBeLessThan(0)
      expect(receiveResponse(alice, initiated.state, flip(responded.message, b))).toBeLessThan(0)
    }),
    { numRuns: 60, examples: [[8 * 8 + 255, 12 * 8 + 255]] },
  )
  expect(initiated.state).toMatchObject(state)
  const keypair = deriveKeypair(suite, must(receiveResponse(alice, initiated.state, responded.message)), 0)
  expect(keypair.sendKey).toEqual(deriveKeypair(suite, responded.state, 0).receiveKey)
})

test('any bytes at any place are refused without an exception, and leave the state as it was', () => {
  const { alice, bob } = createParties()
  const initiated = initiation(alice, ALICE_EPHEMERAL)
  const state = structuredClone({ chainingKey: initiated.state.chainingKey, hash: initiated.state.hash })
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 148, maxLength: 148, size: 'max' }),
    fc.uint8Array({ minLength: 92, maxLength: 92, size: 'max' }),
    fc.uint8Array({ maxLength: 200 }),
  )
  fc.assert(
    fc.property(bytes, fc.nat(250), (message, offset) => {
      expect(consumeInitiation(bob.identity, message, offset, () => bob.remote)).toBeLessThan(0)
      expect(consumeResponse(alice.identity, alice.remote, initiated.state, message, offset)).toBeLessThan(0)
    }),
    { numRuns: 40 },
  )
  expect(initiated.state).toMatchObject(state)
})
