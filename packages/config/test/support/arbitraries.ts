/** Random configurations. */
import type { AllowedIpUpdate, DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { type Endpoint, type IpPrefix, maskPrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import * as fc from 'fast-check'

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
// A key of zeros means "none"; it has a case of its own.
const key = bytes(32).map((value) => {
  value[31]! |= 1
  return value
})
export const publicKey = key as fc.Arbitrary<PublicKey>
export const presharedKey = key as fc.Arbitrary<PresharedKey>
export const privateKey = key as fc.Arbitrary<PrivateKey>

const address = fc.oneof(bytes(4), bytes(16))
export const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
  fc.record({ address, port: fc.nat(65535) }),
  fc.record({ address: bytes(16), port: fc.nat(65535), scopeId: fc.integer({ min: 1, max: 0xffffffff }) }),
)
export const prefix: fc.Arbitrary<IpPrefix> = address.chain((value) =>
  fc.nat(value.length * 8).map((length) => maskPrefix(value, length)),
)
const allowedIp: fc.Arbitrary<AllowedIpUpdate> = fc.oneof(
  prefix,
  prefix.map((value) => ({ ...value, remove: true })),
)

const peer: fc.Arbitrary<PeerUpdate> = fc.record(
  {
    publicKey,
    remove: fc.constant(true),
    updateOnly: fc.constant(true),
    presharedKey: fc.option(presharedKey),
    endpoint,
    persistentKeepaliveInterval: fc.nat(65535),
    replaceAllowedIps: fc.constant(true),
    allowedIps: fc.array(allowedIp, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ['publicKey'] },
)

export const deviceUpdate: fc.Arbitrary<DeviceUpdate> = fc.record(
  {
    privateKey: fc.option(privateKey),
    listenPort: fc.nat(65535),
    fwmark: fc.option(fc.integer({ min: 1, max: 0xffffffff })),
    replacePeers: fc.constant(true),
    peers: fc.array(peer, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: [] },
)
