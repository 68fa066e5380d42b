import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { maskPrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { syncUpdate } from '../src/conf/sync.js'
import { ModelDevice } from './support/model-device.js'

const key = <K>(n: number): K => new Uint8Array(32).fill(n) as K
const prefix = fc.nat(5).map((n) => maskPrefix(Uint8Array.of(10, n, 0, 0), 16))
const endpoint = fc.nat(3).map((n) => ({ address: Uint8Array.of(192, 0, 2, n), port: 51820 }))

const peer: fc.Arbitrary<PeerUpdate> = fc.record(
  {
    publicKey: fc.nat(4).map((n) => key<PublicKey>(n + 1)),
    presharedKey: fc.option(
      fc.nat(2).map((n) => key<PresharedKey>(n + 10)),
      { nil: null },
    ),
    endpoint,
    persistentKeepaliveInterval: fc.constantFrom(0, 25),
    replaceAllowedIps: fc.constant(true),
    allowedIps: fc.array(prefix, { maxLength: 4 }),
  },
  { requiredKeys: ['publicKey', 'presharedKey', 'replaceAllowedIps', 'allowedIps'] },
)

/** What `setUpdate` makes of a file. */
const wholeDevice: fc.Arbitrary<DeviceUpdate> = fc.record({
  privateKey: fc.option(
    fc.nat(2).map((n) => key<PrivateKey>(n + 20)),
    { nil: null },
  ),
  listenPort: fc.constantFrom(1, 2),
  fwmark: fc.option(fc.constantFrom(1, 2), { nil: null }),
  replacePeers: fc.constant(true),
  peers: fc.array(peer, { maxLength: 6 }),
})

test('the smallest update leads to the same device as setting it anew, but for endpoints that the file leaves open', () => {
  fc.assert(
    fc.property(wholeDevice, wholeDevice, (before, wanted) => {
      const device = new ModelDevice().apply(before)
      const fresh = new ModelDevice().apply(wanted)
      for (const [name, model] of fresh.peers) model.endpoint ??= device.peers.get(name)?.endpoint ?? null
      device.apply(syncUpdate(device.snapshot(), device.secrets(), wanted))
      expect(device.meaning()).toEqual(fresh.meaning())
    }),
  )
})

test('a device that is what the file says gets an update of nothing', () => {
  fc.assert(
    fc.property(wholeDevice, (wanted) => {
      const device = new ModelDevice().apply(wanted)
      expect(syncUpdate(device.snapshot(), device.secrets(), wanted)).toEqual({})
    }),
  )
})

test('a peer that stays is neither removed nor created anew', () => {
  fc.assert(
    fc.property(wholeDevice, wholeDevice, (before, wanted) => {
      const device = new ModelDevice().apply(before)
      const stays = new Set(new ModelDevice().apply(wanted).peers.keys())
      const update = syncUpdate(device.snapshot(), device.secrets(), wanted)
      expect(update.replacePeers).toBeUndefined()
      for (const change of update.peers ?? []) {
        const name = Buffer.from(change.publicKey).toString('base64')
        if (device.peers.has(name)) expect(change.remove ?? false).toBe(!stays.has(name))
        if (device.peers.has(name) && stays.has(name)) expect(change).toMatchObject({ updateOnly: true })
      }
    }),
  )
})
