import type { PeerUpdate } from '@wireweave/tunnel/config'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { maskPrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeConfiguration, encodeUpdate } from '../src/codec.js'

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const key = bytes(32).filter((value) => value.some((byte) => byte !== 0))
const address = fc.oneof(bytes(4), bytes(16))
const prefix = address.chain((ip) => fc.nat(ip.length * 8).map((length) => maskPrefix(ip, length)))
const endpoint = fc
  .tuple(address, fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 0xffffffff }), fc.boolean())
  .map(([ip, port, scopeId, scoped]) =>
    ip.length === 16 && scoped ? { address: ip, port, scopeId } : { address: ip, port },
  )
const peer = fc.record(
  {
    publicKey: key as fc.Arbitrary<PublicKey>,
    presharedKey: fc.option(key as fc.Arbitrary<PresharedKey>),
    endpoint,
    persistentKeepaliveInterval: fc.nat(65535),
    allowedIps: fc.array(prefix, { maxLength: 5 }),
  },
  { requiredKeys: ['publicKey'] },
) as fc.Arbitrary<PeerUpdate>
const update = fc.record({
  privateKey: fc.option(key as fc.Arbitrary<PrivateKey>),
  listenPort: fc.nat(65535),
  peers: fc.array(peer, { maxLength: 6 }),
})

test('what was written is read again', () => {
  fc.assert(
    fc.property(update, (wanted) => {
      const { snapshot, secrets } = decodeConfiguration(encodeUpdate(wanted))
      expect(snapshot.listenPort).toBe(wanted.listenPort)
      expect(secrets.privateKey).toEqual(wanted.privateKey)
      expect(secrets.presharedKeys).toEqual(wanted.peers.map(({ presharedKey = null }) => presharedKey))
      expect(snapshot.peers).toEqual(
        wanted.peers.map(({ publicKey, presharedKey, endpoint: to, persistentKeepaliveInterval, allowedIps }) => ({
          ...{ publicKey, hasPresharedKey: Boolean(presharedKey), endpoint: to ?? null },
          ...{ persistentKeepaliveInterval: persistentKeepaliveInterval ?? 0, allowedIps: allowedIps ?? [] },
          ...{ lastHandshakeTimeNs: null, rxBytes: 0n, txBytes: 0n },
        })),
      )
    }),
  )
})

test('any bytes are read or refused with a WireGuardError, and never read beyond their end', () => {
  const mutated = fc
    .tuple(update, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(200))
    .map(([wanted, changes, cut]) => {
      const encoded = encodeUpdate(wanted)
      for (const [at, value] of changes) encoded[at % encoded.length] = value
      return encoded.subarray(0, Math.max(0, encoded.length - cut))
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), (anything) => {
      try {
        const { snapshot } = decodeConfiguration(anything)
        const records = snapshot.peers.reduce((sum, { allowedIps }) => sum + 136 + 24 * allowedIps.length, 80)
        expect(records).toBeLessThanOrEqual(anything.length)
      } catch (error) {
        if (!isWireGuardError(error)) throw error
      }
    }),
  )
})
