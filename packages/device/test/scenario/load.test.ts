import { expect, test } from 'vitest'
import { nodeSuite } from '@wireweave/crypto/node'
import { COOKIE_REPLY, HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE } from '@wireweave/testkit/eavesdropper'
import { forgeInitiation } from '@wireweave/testkit/forgery'
import { RawPeer } from '@wireweave/testkit/raw-peer'
import { simulate } from '@wireweave/testkit/simulation'
import type { Simulation } from '@wireweave/testkit/simulation'

test('a flood that knows our public key gets cookies, one for each message at most, and no answers', () => {
  const net = simulate({ seed: 1 })
  flood(net, 2000)
  net.advance(1000)
  expect(net.eve.count(HANDSHAKE_RESPONSE)).toBe(0)
  expect(net.eve.count(COOKIE_REPLY)).toBeGreaterThan(1000)
  expect(net.eve.count(COOKIE_REPLY)).toBeLessThanOrEqual(2000)
  // Smaller than what it answers: no amplifier.
  expect(net.eve.of(COOKIE_REPLY).every((seen) => seen.length < 148)).toBe(true)
  expect(net.bob.device.load).toEqual({ indices: 0, waitingPeers: 0, stagedBytes: 0, queuedHandshakes: 0 })
})

test('a flood that does not know it gets nothing', () => {
  const net = simulate({ seed: 2 })
  for (let i = 0; i < 2000; i++) {
    const bytes = net.random.bytes(148)
    bytes.set([1, 0, 0, 0])
    net.network.send(source(i), net.bob.address, bytes)
  }
  net.advance(1000)
  expect(net.eve.count(COOKIE_REPLY)).toBe(0)
})

test('a peer gets through the flood with the cookie it was given, on its second initiation', () => {
  const net = simulate({ seed: 3 })
  keepFlooding(net, 7000)
  net.advance(1000)
  net.alice.send(net.packet(net.alice, net.bob))
  const took = net.advanceUntil(() => net.bob.received.length > 0, 30_000, 10)
  expect(took).toBeLessThan(5500)
  expect(net.eve.of(HANDSHAKE_INITIATION).filter((seen) => seen.from === net.alice.address)).toHaveLength(2)
})

test('a flood does not stop the data of sessions that exist', () => {
  const net = simulate({ seed: 4 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  keepFlooding(net, 10_000)
  for (let i = 0; i < 100; i++) {
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(100)
  }
  net.advance(1000)
  expect(net.bob.received).toHaveLength(101)
}, 300_000)

test('who has a cookie and sends too much is limited, and nobody else is', () => {
  const net = simulate({ seed: 5 })
  const greedy = new RawPeer({ network: net.network, random: net.random, number: 1, host: net.bob })
  net.bob.apply({ peers: [greedy.asPeer()] })
  keepFlooding(net, 12_000)
  net.advance(500)
  greedy.send(greedy.initiation())
  net.advance(100)
  expect(greedy.cookieReplies).toHaveLength(1)

  const answered = () => net.eve.of(HANDSHAKE_RESPONSE).filter((seen) => seen.to === greedy.address).length
  for (let i = 0; i < 1000; i++) {
    greedy.send(greedy.initiation())
    net.advance(5)
  }
  // Five at once and 20 a second, for five seconds.
  expect(answered()).toBeGreaterThan(20)
  expect(answered()).toBeLessThanOrEqual(5 + 20 * 5)
  expect(net.bob.device.stats.drops.rateLimited).toBeGreaterThan(800)

  net.alice.send(net.packet(net.alice, net.bob))
  const start = net.now
  while (net.bob.received.length === 0 && net.now - start < 20_000) {
    greedy.send(greedy.initiation())
    net.advance(5)
  }
  expect(net.now - start).toBeLessThan(5500)
}, 300_000)

test('load ends a second after the flood: cookies are no longer asked for', () => {
  const net = simulate({ seed: 6 })
  flood(net, 600)
  net.advance(1100)
  const cookies = net.eve.count(COOKIE_REPLY)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(1)
  expect(net.eve.count(COOKIE_REPLY)).toBe(cookies)
})

test('both sides under load still find together', () => {
  const net = simulate({ seed: 7 })
  keepFlooding(net, 20_000)
  keepFlooding(net, 20_000, net.alice.address, net.alice.publicKey)
  net.advance(1000)
  net.alice.send(net.packet(net.alice, net.bob))
  // The response, too, needs a cookie: that takes a third round.
  expect(net.advanceUntil(() => net.bob.received.length > 0, 35_000, 50)).toBeLessThan(20_000)
}, 300_000)

function source(nth: number): string {
  return `198.${18 + (nth >>> 16)}.${(nth >>> 8) & 255}.${nth & 255}:5000`
}

function flood(net: Simulation, count: number, to = net.bob.address, publicKey: Uint8Array = net.bob.publicKey): void {
  for (let i = 0; i < count; i++) net.network.send(source(i), to, forgeInitiation(nodeSuite, publicKey, net.random))
}

/** Enough at every moment that the queue is long. */
function keepFlooding(
  net: Simulation,
  ms: number,
  to = net.bob.address,
  publicKey: Uint8Array = net.bob.publicKey,
): void {
  for (let at = 0; at < ms; at += 900) net.clock.schedule(net.now + at, () => flood(net, 520, to, publicKey))
}
