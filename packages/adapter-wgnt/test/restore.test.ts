import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { decodeConfiguration, encodeUpdate } from '../src/codec.js'
import type { DecodedDevice } from '../src/codec.js'
import { fixedGuid } from '../src/guid.js'
import { restoreUpdate } from '../src/restore.js'

const key = <K>(fill: number): K => new Uint8Array(32).fill(fill) as K
const peer = (n: number, more: Partial<PeerUpdate> = {}): PeerUpdate => ({
  ...{ publicKey: key<PublicKey>(n), presharedKey: null, persistentKeepaliveInterval: 0, allowedIps: [], ...more },
})
const device = (update: DeviceUpdate): DecodedDevice => decodeConfiguration(encodeUpdate(update))

test('what is as it was is left alone', () => {
  const same = { privateKey: key<PrivateKey>(9), listenPort: 1, peers: [peer(1), peer(2)] }
  expect(restoreUpdate(device(same), device(same))).toBeNull()
  expect(restoreUpdate(device(same), device({ ...same, peers: same.peers.toReversed() }))).toBeNull()
})

test('new peers go, lost ones come back whole, changed ones are what they were', () => {
  const endpoint = parseEndpoint('192.0.2.1:9')!
  const prefix = parsePrefix('10.0.0.0/8')!
  const whole = peer(1, {
    presharedKey: key<PresharedKey>(7),
    endpoint,
    persistentKeepaliveInterval: 25,
    allowedIps: [prefix],
  })
  const before = device({ peers: [whole, peer(2), peer(3)] })
  const after = device({ peers: [peer(2, { allowedIps: [prefix] }), peer(3), peer(4)] })
  expect(restoreUpdate(before, after)).toEqual({
    peers: [
      { publicKey: key(4), remove: true },
      { ...whole, replaceAllowedIps: true },
      { ...peer(2), replaceAllowedIps: true },
    ],
  })
})

test('key and port are put back only when they changed', () => {
  const before = device({ privateKey: key<PrivateKey>(1), listenPort: 7 })
  expect(restoreUpdate(before, device({ privateKey: key<PrivateKey>(2), listenPort: 7 }))).toEqual({
    ...{ privateKey: key(1), peers: [] },
  })
  expect(restoreUpdate(device({}), device({ listenPort: 8, privateKey: key<PrivateKey>(2) }))).toEqual({
    ...{ privateKey: null, listenPort: 0, peers: [] },
  })
})

test('a changed preshared key is seen', () => {
  const of = (fill: number): DecodedDevice => device({ peers: [peer(1, { presharedKey: key<PresharedKey>(fill) })] })
  expect(restoreUpdate(of(1), of(1))).toBeNull()
  expect(restoreUpdate(of(1), of(2))?.peers).toMatchObject([{ presharedKey: key(1) }])
})

test('the GUID of an adapter is what other programs that embed the driver derive from its name', () => {
  expect(Buffer.from(fixedGuid('wg0')).toString('hex')).toBe('c3de1e967f78a4e0b9d0883090cebf6d')
  expect(fixedGuid('wg1')).not.toEqual(fixedGuid('wg0'))
})
