/** A session from the first initiation to the first data, over any suite and engine on either side, in shared memory or not. */
import assert from 'node:assert/strict'
import type { Suite, TransportEngineFactory } from '@wireweave/crypto/suite'
import { CookieChecker, CookieGenerator } from '@wireweave/noise/cookie'
import type { DropCode } from '@wireweave/noise/drop'
import { consumeInitiation, consumeResponse, createIdentity, createInitiation } from '@wireweave/noise/handshake'
import { createResponse, deriveKeypair, type Identity, type Remote } from '@wireweave/noise/handshake'
import { classify, COOKIE_REPLY, HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE } from '@wireweave/noise/messages'
import { TRANSPORT_DATA } from '@wireweave/noise/messages'
import { encodeTai64n } from '@wireweave/noise/tai64n'
import { openTransport, paddedLength, sealTransport } from '@wireweave/noise/transport'
import type { Test } from '@wireweave/testkit/portable'
import { bytesOf, fromHex, isZero, toHex } from '../support/bytes.js'
import * as pinned from '../support/pinned.js'

export interface Side {
  readonly suite: Suite
  readonly engine: TransportEngineFactory
}

const SOURCE = fromHex('c0000201ca6c')
/** Where messages lie in the memory, behind what belongs to the engine. */
const AT = 8193

export function sessionSuite(
  test: Test,
  initiator: Side,
  responder: Side,
  memory: () => { buffer: ArrayBufferLike },
): void {
  test('two parties shake hands, with a cookie, as pinned, and exchange data', () => {
    const shared = memory()
    const bytes = new Uint8Array(shared.buffer)
    const alice = createIdentity(initiator.suite, pinned.ALICE)
    const bob = createIdentity(responder.suite, pinned.BOB)
    const toBob = remoteOf(alice, bob.privateKey.publicKey)
    const toAlice = remoteOf(bob, alice.privateKey.publicKey)
    const bobsChecker = new CookieChecker(responder.suite, bob.privateKey.publicKey)
    const toBobMacs = new CookieGenerator(initiator.suite, toBob.publicKey.bytes)

    const initiation = {
      ephemeralSecret: pinned.ALICE_EPHEMERAL.slice(),
      senderIndex: pinned.ALICE_INDEX,
      timestamp: encodeTai64n(pinned.UNIX_TIME_MS),
    }
    const initiated = must(createInitiation(alice, toBob, initiation, bytes, AT))
    toBobMacs.addMacs(bytes, AT, 148, 0)
    assert.equal(classify(bytes, AT, 148), HANDSHAKE_INITIATION)
    assert.equal(toHex(bytes.slice(AT, AT + 148)), pinned.PINNED.initiation)
    assert.equal(bobsChecker.checkMac1(bytes, AT, 148), 0)

    bobsChecker.setSecret(bytesOf(32, 0x66), 0)
    const reply = AT + 200
    bobsChecker.createReply(bytes, AT, 148, SOURCE, bytesOf(24, 0x77), bytes, reply, 0)
    assert.equal(classify(bytes, reply, 64), COOKIE_REPLY)
    assert.equal(toBobMacs.consumeReply(bytes, reply, 0), 0)
    toBobMacs.addMacs(bytes, AT, 148, 0)
    assert.equal(bobsChecker.checkMac2(bytes, AT, 148, SOURCE, 0), 0)

    const consumed = must(consumeInitiation(bob, bytes, AT, () => toAlice))
    const response = { ephemeralSecret: pinned.BOB_EPHEMERAL.slice(), senderIndex: pinned.BOB_INDEX }
    const responded = must(createResponse(bob, toAlice, consumed.state, response, bytes, AT))
    new CookieGenerator(responder.suite, toAlice.publicKey.bytes).addMacs(bytes, AT, 92, 0)
    assert.equal(classify(bytes, AT, 92), HANDSHAKE_RESPONSE)
    assert.equal(toHex(bytes.slice(AT, AT + 92)), pinned.PINNED.response)
    assert.equal(new CookieChecker(initiator.suite, alice.privateKey.publicKey).checkMac1(bytes, AT, 92), 0)

    const finished = must(consumeResponse(alice, toBob, initiated, bytes, AT))
    const alices = deriveKeypair(initiator.suite, finished, 0)
    const bobs = deriveKeypair(responder.suite, responded, 0)
    assert.deepEqual([alices.sendKey, bobs.receiveKey].map(toHex), Array(2).fill(pinned.PINNED.initiatorKey))
    assert.deepEqual([alices.receiveKey, bobs.sendKey].map(toHex), Array(2).fill(pinned.PINNED.responderKey))

    const alicesEngine = initiator.engine.create(shared)
    const bobsEngine = responder.engine.create(shared)
    for (const [from, sender, to, receiver] of [
      [alicesEngine, alices, bobsEngine, bobs],
      [bobsEngine, bobs, alicesEngine, alices],
    ] as const)
      for (const length of [0, 1, 60, 1419, 1420]) {
        bytes.fill(0x5a, AT + 16, AT + 16 + length)
        const padded = paddedLength(length, 1420)
        const sealed = sealTransport(from, sender, AT + 16, length, padded, AT, 0)
        assert.equal(sealed, padded + 32)
        assert.equal(classify(bytes, AT, sealed), TRANSPORT_DATA)
        assert.equal(openTransport(to, receiver, AT, sealed, 0), padded)
        assert(bytes.subarray(AT + 16, AT + 16 + length).every((byte) => byte === 0x5a))
        assert(isZero(bytes.subarray(AT + 16 + length, AT + 16 + padded)))
      }
  })
}

function remoteOf(identity: Identity, publicKey: Uint8Array): Remote {
  const imported = identity.suite.x25519.importPublicKey(publicKey)
  const staticStatic = identity.suite.x25519.deriveSharedSecret(identity.privateKey, imported)
  return { publicKey: imported, staticStatic, presharedKey: pinned.PRESHARED }
}

function must<T extends object>(result: T | DropCode): T {
  if (typeof result === 'number') assert.fail(`dropped: ${result}`)
  return result
}
