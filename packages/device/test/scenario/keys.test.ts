import { expect, test } from 'vitest'
import { nodeSuite } from '@wireweave/crypto/node'
import { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA } from '@wireweave/testkit/eavesdropper'
import { simulate } from '@wireweave/testkit/simulation'
import type { Simulation } from '@wireweave/testkit/simulation'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

test('a preshared key that both sides get leaves the session alone and holds for the next', () => {
  const net = withSession(1)
  setPresharedKey(net, net.random.bytes(32) as PresharedKey, 'both')
  for (let minute = 0; minute < 5; minute++) {
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(60_000)
  }
  expect(net.bob.received).toHaveLength(6)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(2)
})

test('a preshared key that one side got ends things when the next handshake is due, and not before; the other side mends it', () => {
  const net = withSession(2)
  const presharedKey = net.random.bytes(32) as PresharedKey
  setPresharedKey(net, presharedKey, 'alice')
  net.advance(100_000)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(2)
  net.advance(100_000)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(30_000)
  expect(net.bob.received).toHaveLength(2)
  setPresharedKey(net, presharedKey, 'bob')
  net.advance(6000)
  expect(net.bob.received).toHaveLength(3)
})

test('a preshared key taken away again is no preshared key', () => {
  const net = simulate({ seed: 3 })
  setPresharedKey(net, net.random.bytes(32) as PresharedKey, 'alice')
  net.alice.apply({ peers: [{ publicKey: net.bob.publicKey, presharedKey: null }] })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(1)
})

test('with a new private key the first packet starts a handshake at once, and nothing goes out under the old', () => {
  const net = withSession(4)
  const privateKey = net.random.bytes(32) as PrivateKey
  const { publicKey } = nodeSuite.x25519.importPrivateKey(privateKey)
  const { endpoint, allowedIps } = net.alice.asPeer()
  net.bob.apply({
    replacePeers: true,
    peers: [{ publicKey: publicKey as PublicKey, endpoint: endpoint!, allowedIps: allowedIps! }],
  })
  net.alice.apply({ privateKey })
  const data = net.eve.count(TRANSPORT_DATA)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(5)
  expect(net.eve.count(TRANSPORT_DATA)).toBe(data)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(2)
  net.advance(100)
  expect(net.bob.received).toHaveLength(2)
})

test('a host whose private key was taken away is silent and deaf', () => {
  const net = withSession(5)
  net.bob.apply({ privateKey: null })
  net.alice.device.down(net.now)
  net.alice.device.up(net.now)
  const before = net.eve.count()
  net.bob.send(net.packet(net.bob, net.alice))
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(30_000)
  expect(
    net.eve.sightings
      .slice(before)
      .every((seen) => seen.type === HANDSHAKE_INITIATION && seen.from === net.alice.address),
  ).toBe(true)
  expect(net.eve.count(HANDSHAKE_RESPONSE)).toBe(1)
})

test('540 s after the last handshake no key is left, and no timer', () => {
  const net = withSession(6)
  net.advance(530_000)
  expect(net.alice.device.load.indices).toBe(1)
  net.advance(11_000)
  for (const host of net.hosts) {
    expect(host.device.load).toEqual({ indices: 0, waitingPeers: 0, stagedBytes: 0, queuedHandshakes: 0 })
    expect(host.device.nextDeadline()).toBeNull()
    expect(host.events.at(-1)).toMatchObject({ tag: 'keysZeroed' })
  }
})

test('a peer that is removed in the middle of a handshake leaves nothing, and its response is for nobody', () => {
  const net = simulate({ seed: 7 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(5)
  net.alice.apply({ peers: [{ publicKey: net.bob.publicKey, remove: true }] })
  expect(net.alice.device.load).toEqual({ indices: 0, waitingPeers: 0, stagedBytes: 0, queuedHandshakes: 0 })
  expect(net.alice.device.nextDeadline()).toBeNull()
  net.advance(1000)
  expect(net.eve.count(TRANSPORT_DATA)).toBe(0)
})

test('a session survives nothing of down and up, and fifty times leaves nothing behind', () => {
  const net = simulate({ seed: 8 })
  for (let i = 1; i <= 50; i++) {
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(net.random.below(300))
    net.alice.down()
    expect(net.alice.device.load).toEqual({ indices: 0, waitingPeers: 0, stagedBytes: 0, queuedHandshakes: 0 })
    expect(net.alice.device.nextDeadline()).toBeNull()
    net.advance(net.random.below(300))
    net.alice.up()
  }
  net.alice.send(net.packet(net.alice, net.bob))
  net.bob.received.length = 0
  net.advance(1000)
  expect(net.bob.received).toHaveLength(1)
  expect(net.bob.device.load.indices).toBeLessThanOrEqual(4)
})

test('secrets told for a dissector are those of the handshake, and only on request', () => {
  const told: string[] = []
  const net = simulate({ seed: 9, onHandshakeSecrets: (host) => void told.push(host) })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(told).toEqual(['alice', 'bob'])
})

function withSession(seed: number): Simulation {
  const net = simulate({ seed })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(1)
  return net
}

function setPresharedKey(net: Simulation, presharedKey: PresharedKey, side: 'alice' | 'bob' | 'both'): void {
  if (side !== 'bob') net.alice.apply({ peers: [{ publicKey: net.bob.publicKey, presharedKey }] })
  if (side !== 'alice') net.bob.apply({ peers: [{ publicKey: net.alice.publicKey, presharedKey }] })
}
