import type { DhPrivateKey, Suite } from '@wireweave/crypto/suite'
import { describe, expect, test } from 'vitest'
import { CookieGenerator } from '../src/cookie.js'
import { DROP_BAD_TAG, DROP_LOW_ORDER_POINT, DROP_UNKNOWN_PEER } from '../src/drop.js'
import {
  consumeInitiation,
  consumeResponse,
  createIdentity,
  createInitiation,
  createResponse,
  deriveKeypair,
  type Remote,
  wipeHandshake,
  ZEROED,
} from '../src/handshake.js'
import { bytesOf, fromHex, isZero, toHex } from './support/bytes.js'
import {
  consume,
  createParties,
  fixed,
  initiation,
  must,
  receiveResponse,
  remoteOf,
  response,
  shakeHands,
  suite,
  TIMESTAMP,
} from './support/parties.js'
import { ALICE_EPHEMERAL, ALICE_INDEX, BOB_EPHEMERAL, BOB_INDEX, PINNED } from './support/pinned.js'
import * as whitepaper from './support/whitepaper.js'

describe('a handshake of fixed secrets', () => {
  const bobPublic = whitepaper.publicKeyOf(fixed.bob)
  const alicePublic = whitepaper.publicKeyOf(fixed.alice)

  test('is byte for byte what is pinned, in both implementations', () => {
    const { alice, bob } = createParties()
    const initiated = initiation(alice)
    new CookieGenerator(suite, bobPublic).addMacs(initiated.message, 0, 148, 0)
    expect(toHex(initiated.message)).toBe(PINNED.initiation)
    const consumed = must(consume(bob, initiated.message))
    expect(consumed.remote).toBe(bob.remote)
    expect(consumed.timestamp).toEqual(TIMESTAMP)
    expect(consumed.state.remoteIndex).toBe(ALICE_INDEX)
    const responded = response(bob, consumed.state)
    new CookieGenerator(suite, alicePublic).addMacs(responded.message, 0, 92, 0)
    expect(toHex(responded.message)).toBe(PINNED.response)
    const finished = must(receiveResponse(alice, initiated.state, responded.message))
    const initiator = deriveKeypair(suite, finished, 7)
    const responder = deriveKeypair(suite, responded.state, 8)
    expect(initiator).toMatchObject({
      localIndex: ALICE_INDEX,
      remoteIndex: BOB_INDEX,
      isInitiator: true,
      createdAt: 7,
    })
    expect(responder).toMatchObject({
      localIndex: BOB_INDEX,
      remoteIndex: ALICE_INDEX,
      isInitiator: false,
      createdAt: 8,
    })
    for (const key of [initiator.sendKey, responder.receiveKey]) expect(toHex(key)).toBe(PINNED.initiatorKey)
    for (const key of [initiator.receiveKey, responder.sendKey]) expect(toHex(key)).toBe(PINNED.responderKey)

    const twin = whitepaper.initiate({
      staticSecret: fixed.alice,
      ephemeralSecret: ALICE_EPHEMERAL,
      responderStatic: bobPublic,
      senderIndex: ALICE_INDEX,
      timestamp: TIMESTAMP,
    })
    expect(toHex(twin.message)).toBe(PINNED.initiation)
    const presharedKey = fixed.presharedKey!
    const twinResponse = whitepaper.respond(twin.message, {
      staticSecret: fixed.bob,
      ephemeralSecret: BOB_EPHEMERAL,
      presharedKey,
      senderIndex: BOB_INDEX,
    })
    expect(toHex(twinResponse.message)).toBe(PINNED.response)
    expect(twinResponse.keys.map(toHex)).toEqual([PINNED.initiatorKey, PINNED.responderKey])
    const own = { staticSecret: fixed.alice, ephemeralSecret: ALICE_EPHEMERAL, presharedKey }
    expect(whitepaper.finish(twin, twinResponse.message, own).map(toHex)).toEqual(twinResponse.keys.map(toHex))
  })

  test('no preshared key is the same as one of zeros, and not the same as another', () => {
    const keys = (presharedKey: Uint8Array | null) => toHex(shakeHands({ ...fixed, presharedKey })[0].sendKey)
    expect(keys(null)).toBe(keys(bytesOf(32, 0)))
    expect(keys(null)).not.toBe(keys(bytesOf(32, 1)))
  })
})

describe('what is refused', () => {
  test('an initiation to somebody else, from nobody, or from a peer without a usable key', () => {
    const { alice, bob } = createParties()
    const { message } = initiation(alice)
    const carol = createIdentity(suite, bytesOf(32, 0x66))
    expect(consume({ identity: carol, remote: bob.remote }, message)).toBe(DROP_BAD_TAG)
    expect(consumeInitiation(bob.identity, message, 0, () => null)).toBe(DROP_UNKNOWN_PEER)
    expect(consumeInitiation(bob.identity, message, 0, () => ({ ...bob.remote, staticStatic: null }))).toBe(
      DROP_LOW_ORDER_POINT,
    )
  })

  test('an initiation whose sender lacks the private key of the static key it names', () => {
    const { alice, bob } = createParties()
    // Mallory knows all public keys, and so can seal Alice's static key, but not the timestamp behind it.
    const mallory = suite.x25519.importPrivateKey(bytesOf(32, 0x77))
    const privateKey: DhPrivateKey = { publicKey: alice.identity.privateKey.publicKey }
    const staticStatic = suite.x25519.deriveSharedSecret(mallory, alice.remote.publicKey)
    const { message } = initiation({
      identity: { ...alice.identity, privateKey },
      remote: { ...alice.remote, staticStatic },
    })
    const asked: string[] = []
    const result = consumeInitiation(bob.identity, message, 0, (publicKey) => {
      asked.push(toHex(publicKey))
      return bob.remote
    })
    expect(asked).toEqual([toHex(alice.identity.privateKey.publicKey)])
    expect(result).toBe(DROP_BAD_TAG)
  })

  test('a response of another preshared key, and the wait for the right one goes on', () => {
    const { alice, bob } = createParties()
    const initiated = initiation(alice)
    const wrong = { ...bob, remote: { ...bob.remote, presharedKey: bytesOf(32, 0x34) } }
    const forged = response(wrong, must(consume(bob, initiated.message)).state, bytesOf(32, 0x56)).message
    const right = response(bob, must(consume(bob, initiated.message)).state).message
    expect(receiveResponse(alice, initiated.state, forged)).toBe(DROP_BAD_TAG)
    expect(must(receiveResponse(alice, initiated.state, right)).tag).toBe('responseConsumed')
  })

  test('a response to an earlier initiation', () => {
    const { alice, bob } = createParties()
    const first = initiation(alice)
    const second = initiation(alice, bytesOf(32, 0x45))
    const { message } = response(bob, must(consume(bob, first.message)).state)
    expect(receiveResponse(alice, second.state, message)).toBe(DROP_BAD_TAG)
  })
})

/** Points whose product with any clamped scalar is zero: RFC 7748 §6.1, https://cr.yp.to/ecdh.html#validate. */
const LOW_ORDER_POINTS = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

describe.each(LOW_ORDER_POINTS)('the low-order point %s', (hex) => {
  const point = fromHex(hex)
  const imported = suite.x25519.importPublicKey(point)

  test('as the static key of a peer: no initiation to it, none from it', () => {
    const { alice, bob } = createParties()
    const remote = remoteOf(alice.identity, point, null)
    expect(remote.staticStatic).toBeNull()
    const out = new Uint8Array(148)
    const input = () => ({ ephemeralSecret: ALICE_EPHEMERAL.slice(), senderIndex: 1, timestamp: TIMESTAMP })
    expect(createInitiation(alice.identity, remote, input(), out, 0)).toBe(DROP_LOW_ORDER_POINT)
    // Nor when the caller pretends to have a static-static secret: the ephemeral one is zero as well.
    const pretended: Remote = { ...remote, staticStatic: new Uint8Array(32) }
    expect(createInitiation(alice.identity, pretended, input(), out, 0)).toBe(DROP_LOW_ORDER_POINT)
    expect(isZero(out)).toBe(true)

    const privateKey: DhPrivateKey = { publicKey: point }
    const zeros = { ...alice.remote, staticStatic: new Uint8Array(32) }
    const { message } = initiation({ identity: { ...alice.identity, privateKey }, remote: zeros })
    const self = remoteOf(bob.identity, point, null)
    expect(consumeInitiation(bob.identity, message, 0, () => self)).toBe(DROP_LOW_ORDER_POINT)
    const consumed = must(
      consumeInitiation(bob.identity, message, 0, () => ({ ...self, staticStatic: new Uint8Array(32) })),
    )
    const reply = { ephemeralSecret: BOB_EPHEMERAL.slice(), senderIndex: 2 }
    expect(createResponse(bob.identity, self, consumed.state, reply, new Uint8Array(92), 0)).toBe(DROP_LOW_ORDER_POINT)
    expect(isZero(consumed.state.chainingKey) && isZero(consumed.state.hash)).toBe(true)
  })

  test('as the ephemeral of an initiation', () => {
    const { alice, bob } = createParties()
    const { message } = initiation(alice)
    message.set(point, 8)
    expect(consume(bob, message)).toBe(DROP_LOW_ORDER_POINT)
  })

  test('as the ephemeral that a response answers, or that comes in one', () => {
    const { alice, bob } = createParties()
    const initiated = initiation(alice)
    const { state } = must(consume(bob, initiated.message))
    const input = { ephemeralSecret: BOB_EPHEMERAL.slice(), senderIndex: 2 }
    const lowOrder = { ...state, remoteEphemeral: imported }
    expect(createResponse(bob.identity, bob.remote, lowOrder, input, new Uint8Array(92), 0)).toBe(DROP_LOW_ORDER_POINT)
    const message = new Uint8Array(92)
    message.set(point, 12)
    expect(consumeResponse(alice.identity, alice.remote, initiated.state, message, 0)).toBe(DROP_LOW_ORDER_POINT)
    expect(isZero(initiated.state.chainingKey)).toBe(false)
  })
})

describe('secrets do not outlive their use', () => {
  test('the ephemeral secret is wiped by both create functions, also on failure', () => {
    const { alice, bob } = createParties()
    const unusable = { ...alice.remote, staticStatic: null }
    const out = new Uint8Array(148)
    for (const remote of [alice.remote, unusable]) {
      const ephemeralSecret = ALICE_EPHEMERAL.slice()
      createInitiation(alice.identity, remote, { ephemeralSecret, senderIndex: 1, timestamp: TIMESTAMP }, out, 0)
      expect(isZero(ephemeralSecret)).toBe(true)
    }
    const ephemeralSecret = BOB_EPHEMERAL.slice()
    const { state } = must(consume(bob, initiation(alice).message))
    createResponse(bob.identity, bob.remote, state, { ephemeralSecret, senderIndex: 1 }, out, 0)
    expect(isZero(ephemeralSecret)).toBe(true)
  })

  test('a state is zero once the next one exists', () => {
    const { alice, bob } = createParties()
    const initiated = initiation(alice)
    const consumed = must(consume(bob, initiated.message)).state
    const responded = response(bob, consumed)
    expect(isZero(consumed.chainingKey) && isZero(consumed.hash)).toBe(true)
    const finished = must(receiveResponse(alice, initiated.state, responded.message))
    expect(isZero(initiated.state.chainingKey) && isZero(initiated.state.hash)).toBe(true)
    deriveKeypair(suite, finished, 0)
    deriveKeypair(suite, responded.state, 0)
    expect(isZero(finished.chainingKey) && isZero(responded.state.chainingKey)).toBe(true)
  })

  test('wipeHandshake empties every state and asks the engine to erase the ephemeral', () => {
    const { alice, bob } = createParties()
    const initiated = initiation(alice).state
    let erased = 0
    wipeHandshake({ ...initiated, ephemeral: { ...initiated.ephemeral, wipe: () => erased++ } })
    expect(erased).toBe(1)
    expect(isZero(initiated.chainingKey) && isZero(initiated.hash)).toBe(true)
    const consumed = must(consume(bob, initiation(alice).message)).state
    wipeHandshake(consumed)
    expect(isZero(consumed.chainingKey) && isZero(consumed.hash)).toBe(true)
    const responded = response(bob, must(consume(bob, initiation(alice).message)).state).state
    wipeHandshake(responded)
    expect(isZero(responded.chainingKey)).toBe(true)
    wipeHandshake(ZEROED)
  })

  test('every array that the suite gave out during a handshake is zero or public at its end', () => {
    const given: Uint8Array[] = []
    const keep = (bytes: Uint8Array): Uint8Array => {
      given.push(bytes)
      return bytes
    }
    const watched: Suite = {
      ...suite,
      hmac: (key, ...parts) => keep(suite.hmac(key, ...parts)),
      x25519: {
        ...suite.x25519,
        deriveSharedSecret: (privateKey, publicKey) => keep(suite.x25519.deriveSharedSecret(privateKey, publicKey)!),
      },
    }
    const { alice, bob } = createParties()
    const watchedAlice = { ...alice, identity: { ...alice.identity, suite: watched } }
    const watchedBob = { ...bob, identity: { ...bob.identity, suite: watched } }
    const initiated = initiation(watchedAlice)
    const responded = response(watchedBob, must(consume(watchedBob, initiated.message)).state)
    const bad = responded.message.slice()
    bad[50]! ^= 1
    expect(receiveResponse(watchedAlice, initiated.state, bad)).toBe(DROP_BAD_TAG)
    deriveKeypair(watched, must(receiveResponse(watchedAlice, initiated.state, responded.message)), 0)
    deriveKeypair(watched, responded.state, 0)
    expect(given.length).toBeGreaterThan(50)
    expect(given.filter((bytes) => !isZero(bytes))).toEqual([])
  })
})

test('the key log is told the ephemeral of each message we create, and only then', () => {
  const told: [string, Remote][] = []
  const { alice, bob } = createParties(fixed, (secret, remote) => told.push([toHex(secret), remote]))
  const initiated = initiation(alice)
  const responded = response(bob, must(consume(bob, initiated.message)).state)
  receiveResponse(alice, initiated.state, responded.message)
  expect(told).toEqual([
    [toHex(ALICE_EPHEMERAL), alice.remote],
    [toHex(BOB_EPHEMERAL), bob.remote],
  ])
})
