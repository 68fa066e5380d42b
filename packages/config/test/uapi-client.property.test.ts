import type { DeviceSecrets, DeviceSnapshot } from '@wireweave/tunnel/config'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import type { PublicKey } from '@wireweave/tunnel/keys'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader, encodeSet } from '../src/uapi-client.js'
import { UapiReader, encodeGetAnswer } from '../src/uapi.js'
import { deviceUpdate, endpoint, prefix, presharedKey, privateKey, publicKey } from './support/arbitraries.js'

/** Stands in for X25519. */
const publicKeyOf = (key: Uint8Array): PublicKey => key.map((byte) => byte ^ 0xff) as PublicKey

const peer = fc.record({
  publicKey,
  presharedKey: fc.option(presharedKey),
  endpoint: fc.option(endpoint),
  persistentKeepaliveInterval: fc.nat(65535),
  allowedIps: fc.array(prefix, { maxLength: 4 }),
  lastHandshakeTimeNs: fc.option(fc.bigInt({ min: 1n, max: 2n ** 62n })),
  rxBytes: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  txBytes: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})

const device: fc.Arbitrary<{ snapshot: DeviceSnapshot; secrets: DeviceSecrets }> = fc
  .record({
    privateKey: fc.option(privateKey),
    listenPort: fc.nat(65535),
    fwmark: fc.option(fc.integer({ min: 1, max: 0xffffffff })),
    peers: fc.array(peer, { maxLength: 4 }),
  })
  .map(({ privateKey: secret, peers, ...rest }) => ({
    snapshot: {
      ...rest,
      publicKey: secret === null ? null : publicKeyOf(secret),
      peers: peers.map(({ presharedKey: psk, ...more }) => ({ ...more, hasPresharedKey: psk !== null })),
    },
    secrets: { privateKey: secret, presharedKeys: peers.map(({ presharedKey: psk }) => psk) },
  }))

/** Reads `bytes` in pieces of `size`. */
function readAnswer(bytes: Uint8Array, size: number): AnswerReader {
  const reader = new AnswerReader({ publicKeyOf })
  for (let at = 0; at < bytes.length; at += size) reader.read(bytes.slice(at, at + size))
  return reader
}

test('a device survives its answer, whatever pieces it comes in', () => {
  fc.assert(
    fc.property(device, fc.integer({ min: 1, max: 200 }), ({ snapshot, secrets }, size) => {
      const reader = readAnswer(encodeGetAnswer(snapshot, secrets), size)
      expect(reader.errno).toBe(0)
      expect(reader.device).toEqual({ snapshot, secrets })
    }),
  )
})

test('a server understands an update as it was meant', () => {
  fc.assert(
    fc.property(deviceUpdate, (update) => {
      const meant = update.peers?.map((each) =>
        each.remove === true ? { publicKey: each.publicKey, remove: true } : each,
      )
      const [request] = new UapiReader().read(encodeSet(update))
      expect(request).toEqual({ tag: 'set', update: { ...update, ...(meant && { peers: meant }) } })
    }),
  )
})

test('any bytes give an answer, or an error that repeats nothing of them', () => {
  const line = fc.oneof(
    fc.constantFrom('errno=0', 'errno=', '', '=', 'private_key=ff', 'public_key', 'endpoint=[%]:1', '__proto__=1'),
    fc.string(),
    device.map(({ snapshot, secrets }) => new TextDecoder().decode(encodeGetAnswer(snapshot, secrets))),
  )
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.array(line, { maxLength: 8 }).map((lines) => new TextEncoder().encode(lines.join('\n'))),
  )
  fc.assert(
    fc.property(input, fc.integer({ min: 1, max: 100 }), (bytes, size) => {
      try {
        const reader = readAnswer(bytes, size)
        if (reader.isComplete) expect(reader.errno).toBeGreaterThanOrEqual(0)
      } catch (error) {
        expect(isWireGuardError(error)).toBe(true)
      }
    }),
  )
})
