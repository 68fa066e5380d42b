import { expect, test } from 'vitest'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import {
  buffersOf,
  plainError,
  revivedError,
  wipeSecretsOf,
  withMovableSecrets,
} from '../../../src/shell/internal/worker-messages.js'

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)

test('secrets of an update move to the other thread as copies, and are wiped there', () => {
  const privateKey = key(1) as PrivateKey
  const presharedKey = Buffer.from(key(2)) as unknown as PresharedKey
  const publicKey = key(3) as PublicKey
  const { update, move } = withMovableSecrets({
    privateKey,
    listenPort: 7,
    peers: [{ publicKey, presharedKey }, { publicKey }, { publicKey, presharedKey: null }],
  })
  expect(move.map((buffer) => buffer.byteLength)).toEqual([32, 32])
  const there = structuredClone(update, { transfer: move })
  expect(there).toEqual({
    privateKey: key(1),
    listenPort: 7,
    peers: [{ publicKey, presharedKey: key(2) }, { publicKey }, { publicKey, presharedKey: null }],
  })
  // What was moved is here no more; what the caller holds is untouched.
  expect(update.privateKey!.byteLength).toBe(0)
  expect([privateKey, new Uint8Array(presharedKey)]).toEqual([key(1), key(2)])
  wipeSecretsOf(there)
  expect([there.privateKey, there.peers![0]!.presharedKey]).toEqual([key(0), key(0)])
  expect(publicKey).toEqual(key(3))
})

test('an update without secrets moves nothing, and clearing stays clearing', () => {
  const { update, move } = withMovableSecrets({ privateKey: null, fwmark: null })
  expect([update, move]).toEqual([{ privateKey: null, fwmark: null }, []])
})

test('keys that share their memory with something else are copied, not moved', () => {
  const shared = new Uint8Array(64)
  const secrets = { privateKey: key(1) as PrivateKey, presharedKeys: [null, shared.subarray(0, 32) as PresharedKey] }
  expect(buffersOf(secrets)).toEqual([secrets.privateKey.buffer])
})

test('errors keep class, code and what else they know', () => {
  const refused = new WireGuardError('ADDRESS_IN_USE', 'taken', { errno: 'EADDRINUSE', recoverable: true })
  const revived = revivedError(structuredClone(plainError(refused)))
  expect(revived).toBeInstanceOf(WireGuardError)
  expect(revived).toMatchObject({ code: 'ADDRESS_IN_USE', message: 'taken', errno: 'EADDRINUSE', recoverable: true })
  expect(revivedError(plainError(new RangeError('wide')))).toBeInstanceOf(RangeError)
  expect(revivedError(plainError(new TypeError('odd')))).toBeInstanceOf(TypeError)
  expect(revivedError(plainError('text'))).toMatchObject({ name: 'Error', message: 'text' })
})
