/** The pattern against the published vectors of cacophony (and snow), which have prologues and payloads of their own. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CONSTRUCTION, IDENTIFIER } from '../../src/constants.js'
import * as ikpsk2 from '../../src/internal/ikpsk2.js'
import { INITIAL_CHAINING_KEY, INITIAL_HASH } from '../../src/internal/initial-state.js'
import { split, SymmetricState } from '../../src/internal/symmetric-state.js'
import { fromHex, toHex } from '../support/bytes.js'
import { suite } from '../support/parties.js'

interface Vector {
  protocol_name: string
  init_prologue: string
  init_psks: string[]
  init_static: string
  init_ephemeral: string
  resp_static: string
  resp_ephemeral: string
  handshake_hash: string
  messages: { payload: string; ciphertext: string }[]
}

const FILE = '../../../../../shared/vectors/noise_ikpsk2_25519_chachapoly_blake2s.json'
const file = fileURLToPath(new URL(FILE, import.meta.url))
const missing = !existsSync(file)

if (missing && process.env['CI']) throw new Error('the Noise vectors are missing: a CI run must have them')
if (missing) console.warn('skipped: no Noise vectors at ../shared/vectors beside the repository')

function load(): Vector[] {
  return (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }).vectors
}

function start(vector: Vector, responderStatic: Uint8Array): SymmetricState {
  const c = suite.hash(Buffer.from(vector.protocol_name))
  const state = new SymmetricState(suite, c, c)
  state.mixHash(fromHex(vector.init_prologue))
  state.mixHash(responderStatic)
  return state
}

function bytes(result: Uint8Array | number): Uint8Array {
  if (typeof result === 'number') throw new Error(`dropped: ${result}`)
  return result
}

describe.skipIf(missing)('published vectors', () => {
  test('are there', () => {
    expect(load().length).toBeGreaterThan(0)
  })

  for (const [number, vector] of (missing ? [] : load()).entries()) {
    test(`vector ${number}: both sides write and read every message as published`, () => {
      const { x25519 } = suite
      const [first, second, ...transport] = vector.messages
      const alice = x25519.importPrivateKey(fromHex(vector.init_static))
      const bob = x25519.importPrivateKey(fromHex(vector.resp_static))
      const aliceEphemeral = x25519.importPrivateKey(fromHex(vector.init_ephemeral))
      const bobEphemeral = x25519.importPrivateKey(fromHex(vector.resp_ephemeral))
      const alicePublic = x25519.importPublicKey(alice.publicKey)
      const bobPublic = x25519.importPublicKey(bob.publicKey)
      const staticStatic = x25519.deriveSharedSecret(alice, bobPublic)!
      const psk = fromHex(vector.init_psks[0]!)
      const initiator = start(vector, bob.publicKey)
      const responder = start(vector, bob.publicKey)

      // -> e, es, s, ss
      const payload = fromHex(first!.payload)
      const initiation = bytes(
        ikpsk2.writeInitiation(initiator, aliceEphemeral, alice, bobPublic, staticStatic, payload),
      )
      expect(toHex(initiation)).toBe(first!.ciphertext)
      const remoteEphemeral = x25519.importPublicKey(initiation.slice(0, 32))
      const remoteStatic = ikpsk2.readInitiationStatic(responder, bob, remoteEphemeral, initiation)
      expect(toHex(bytes(remoteStatic))).toBe(toHex(alice.publicKey))
      expect(toHex(bytes(ikpsk2.readInitiationPayload(responder, staticStatic, initiation)))).toBe(first!.payload)

      // <- e, ee, se, psk
      const response = bytes(
        ikpsk2.writeResponse(responder, bobEphemeral, remoteEphemeral, alicePublic, psk, fromHex(second!.payload)),
      )
      expect(toHex(response)).toBe(second!.ciphertext)
      const read = ikpsk2.readResponse(initiator, aliceEphemeral, alice, psk, response)
      expect(toHex(bytes(read))).toBe(second!.payload)

      for (const state of [initiator, responder]) {
        expect(toHex(state.hash)).toBe(vector.handshake_hash)
        const keys = split(suite, state.chainingKey)
        for (const [i, message] of transport.entries()) {
          // The initiator goes on, and each side counts its own messages.
          const sealed = suite.seal(keys[i % 2]!, BigInt(i >> 1), fromHex(message.payload), new Uint8Array(0))
          expect(toHex(sealed)).toBe(message.ciphertext)
        }
      }
    })
  }
})

test('the initial chaining key and hash are what their formulas give', () => {
  const c = suite.hash(Buffer.from(CONSTRUCTION))
  expect(toHex(INITIAL_CHAINING_KEY)).toBe(toHex(c))
  expect(toHex(INITIAL_HASH)).toBe(toHex(suite.hash(c, Buffer.from(IDENTIFIER))))
})
