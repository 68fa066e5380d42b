import { expect, test } from 'vitest'
import { COOKIE_REPLY, HANDSHAKE_INITIATION, TRANSPORT_DATA } from '@wireweave/testkit/eavesdropper'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import { forgeInitiation } from '@wireweave/testkit/forgery'
import { nodeSuite } from '@wireweave/crypto/node'
import { simulate } from '@wireweave/testkit/simulation'
import type { Simulation } from '@wireweave/testkit/simulation'

const ELSEWHERE = '198.51.100.7:7000'

test('answers follow a peer to where it speaks from', () => {
  const net = withSession(1)
  net.alice.moveTo('203.0.113.5:1234', false)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(endpointOfAlice(net)).toBe('203.0.113.5:1234')
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(100)
  expect(net.alice.received).toHaveLength(1)
  expect(net.bob.events.filter((event) => event.tag === 'roamed')).toHaveLength(1)
})

test('a peer behind a translator that lost its mapping is found again by what it sends', () => {
  const net = simulate({ seed: 2, peers: { persistentKeepaliveInterval: 20 } })
  const nat = net.network.putBehindNat('192.0.2.1', '203.0.113.1', 120_000)
  net.advance(60_000)
  nat.forget()
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(100)
  expect(net.alice.received).toHaveLength(0)
  net.advance(25_000)
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(100)
  expect(net.alice.received).toHaveLength(1)
  expect(endpointOfAlice(net)).toBe('203.0.113.1:40001')
})

test('nothing that was played back or changed moves an endpoint', () => {
  const net = withSession(3)
  for (const { bytes, to } of net.eve.sightings) {
    if (to !== net.bob.address) continue
    net.bob.deliver(bytes.slice(), ELSEWHERE)
    const changed = bytes.slice()
    changed[20]! ^= 1
    net.bob.deliver(changed, ELSEWHERE)
  }
  expect(endpointOfAlice(net)).toBe(net.alice.address)
})

test('a cookie reply moves no endpoint and hurries no handshake', () => {
  const net = simulate({ seed: 4 })
  flood(net, 600)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(15)
  const reply = net.eve.of(COOKIE_REPLY).find((seen) => seen.to === net.alice.address)!
  net.network.drop = (seen) => seen.type === COOKIE_REPLY
  net.alice.deliver(reply.bytes.slice(), ELSEWHERE)
  expect(net.alice.events.some((event) => event.tag === 'cookieReplyReceived')).toBe(true)
  expect(formatEndpoint(net.alice.peer(net.bob)!.endpoint!)).toBe(net.bob.address)
  net.advance(4900)
  expect(ofAlice(net)).toHaveLength(1)
  net.advance(600)
  expect(ofAlice(net)).toHaveLength(2)
  // The next one shows the cookie.
  expect(
    ofAlice(net)[1]!
      .bytes.subarray(132)
      .some((byte) => byte !== 0),
  ).toBe(true)
})

test('a source that is owned by another peer is refused, however wide the prefix of the sender is', () => {
  const net = simulate({ seed: 5, hosts: ['alice', 'bob', 'carol'] })
  const wide = { address: Uint8Array.of(10, 77, 0, 0), length: 24 }
  net.bob.apply({ peers: [{ publicKey: net.alice.publicKey, allowedIps: [wide] }] })
  const carol = net.hosts[2]!
  net.alice.send(net.packet(net.alice, net.bob), net.packet(carol, net.bob))
  net.advance(100)
  expect(net.bob.received).toEqual([net.packet(net.alice, net.bob)])
  expect(net.bob.device.stats.drops.sourceNotAllowed).toBe(1)
})

test('an allowed IP that moves takes traffic of both directions with it', () => {
  const net = simulate({ seed: 6, hosts: ['alice', 'bob', 'carol'] })
  const carol = net.hosts[2]!
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  net.bob.apply({ peers: [{ publicKey: carol.publicKey, allowedIps: net.alice.asPeer().allowedIps! }] })
  net.alice.send(net.packet(net.alice, net.bob))
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(100)
  expect(net.bob.received).toHaveLength(1)
  expect(net.alice.received).toHaveLength(0)
  expect(carol.received).toHaveLength(1)
})

test('a host that notices it moved may start a handshake at once', () => {
  const net = simulate({ seed: 7, drop: () => true })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  net.network.drop = undefined
  net.alice.moveTo('203.0.113.5:1234')
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(2)
})

test('a peer whose endpoint nobody told is answered where it came from', () => {
  const net = simulate({ seed: 8, peers: {} })
  net.bob.apply({
    replacePeers: true,
    peers: [{ publicKey: net.alice.publicKey, allowedIps: net.alice.asPeer().allowedIps! }],
  })
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(100)
  expect(net.eve.count()).toBe(0)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(100)
  expect(net.alice.received.some((packet) => packet[9] === 253)).toBe(true)
})

function withSession(seed: number): Simulation {
  const net = simulate({ seed })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  expect(net.eve.count(TRANSPORT_DATA)).toBe(1)
  return net
}

function endpointOfAlice(net: Simulation): string {
  return formatEndpoint(net.bob.peer(net.alice)!.endpoint!)
}

function ofAlice(net: Simulation) {
  return net.eve.of(HANDSHAKE_INITIATION).filter((seen) => seen.from === net.alice.address)
}

/** Puts bob under load. */
function flood(net: Simulation, count: number): void {
  for (let i = 0; i < count; i++) {
    net.network.send(
      `198.51.${i >>> 8}.${i & 255}:5000`,
      net.bob.address,
      forgeInitiation(nodeSuite, net.bob.publicKey, net.random),
    )
  }
}
