import { describe, expect, test } from 'vitest'
import { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA } from '@wireweave/testkit/eavesdropper'
import { RawPeer } from '@wireweave/testkit/raw-peer'
import { simulate } from '@wireweave/testkit/simulation'
import type { PublicKey } from '@wireweave/tunnel/keys'

const HOUR_MS = 3_600_000

test('a lost response costs exactly one retransmit', () => {
  const net = simulate({ seed: 1, drop: (seen) => seen.type === HANDSHAKE_RESPONSE && seen.nth === 1 })
  const packet = net.packet(net.alice, net.bob)
  net.alice.send(packet)
  net.advance(60_000)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(2)
  expect(net.bob.received).toEqual([packet])
})

test('a response that takes almost five seconds is in time', () => {
  const net = simulate({ seed: 2, conditions: { delayMs: 2450 } })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(10_000)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(1)
  expect(net.bob.received).toHaveLength(1)
})

test('a silent peer gets 20 initiations, 5 s and a little apart, then is left alone until there is something new', () => {
  const net = simulate({ seed: 3, drop: () => true })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(10 * 60_000)
  const times = net.eve.sightings.map((seen) => seen.at)
  expect(times).toHaveLength(20)
  const pauses = times.slice(1).map((at, i) => at - times[i]!)
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(5000)
  expect(Math.max(...pauses)).toBeLessThan(5334)
  // Jitter, or two of them would stay in step for ever.
  expect(new Set(pauses).size).toBeGreaterThan(10)
  expect(net.alice.device.load.stagedBytes).toBe(0)
  expect(net.alice.device.stats.drops.stagedExpired).toBe(1)

  net.network.drop = undefined
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(1)
})

test('a peer that forgot its keys is found out when nothing answers for 15 s and a little', () => {
  const net = simulate({ seed: 20 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(20_000)
  net.bob.down()
  net.bob.up()
  const start = net.now
  net.clock.schedule(start + 14_000, () => net.alice.send(net.packet(net.alice, net.bob)))
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(14_990)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(1)
  net.advance(400)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(2)
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(2)
})

test('however much is to be sent, there is one initiation in 5 s', () => {
  const net = simulate({ seed: 4, drop: () => true })
  for (let i = 0; i < 600; i++) {
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(100)
  }
  const times = net.eve.sightings.map((seen) => seen.at)
  expect(times.length).toBeGreaterThanOrEqual(11)
  expect(times.slice(1).every((at, i) => at - times[i]! >= 5000)).toBe(true)
})

// Jitter parts them, the sooner the less time a message takes.
test.each([
  [1, 15_000],
  [10, 30_000],
  [80, 60_000],
])('two that start at the same moment, %d ms apart, find together within %d ms', (delayMs, limitMs) => {
  for (let seed = 10; seed < 30; seed++) {
    const net = simulate({ seed, conditions: { delayMs } })
    net.alice.send(net.packet(net.alice, net.bob))
    net.bob.send(net.packet(net.bob, net.alice))
    net.advanceUntil(() => net.alice.received.length > 0 && net.bob.received.length > 0, limitMs, 100)
  }
})

test('the responder never rekeys on time: the initiator does when it hears from it, once, in the last 15 s of the key', () => {
  const net = simulate({ seed: 5 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  for (let second = 0; second < 175; second++) {
    net.bob.send(net.packet(net.bob, net.alice))
    // Nor does alice send, but for keepalives, which rekey after 120 s like data does.
    net.advance(1000)
  }
  const initiations = net.eve.of(HANDSHAKE_INITIATION)
  expect(initiations.map((seen) => seen.from)).toEqual([net.alice.address, net.alice.address])
  expect(net.alice.received).toHaveLength(175)
})

test('a low-order public key can be configured, and nothing ever leaves for it', () => {
  const net = simulate({ seed: 6 })
  const points = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ]
  for (const [i, point] of points.entries()) {
    const publicKey = Uint8Array.from(Buffer.from(point, 'hex')) as PublicKey
    const allowedIps = [{ address: Uint8Array.of(10, 78, 0, i), length: 32 }]
    net.alice.apply({ peers: [{ publicKey, endpoint: net.bob.endpoint, allowedIps, persistentKeepaliveInterval: 1 }] })
    const packet = net.packet(net.alice, net.bob)
    packet.set([10, 78, 0, i], 16)
    net.alice.send(packet)
  }
  net.advance(20_000)
  expect(net.eve.count()).toBe(0)
})

describe('a wall clock', () => {
  test('that is set back an hour does not end a session, nor keep the next from beginning', () => {
    const net = simulate({ seed: 7 })
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(1000)
    net.alice.wallClockError -= HOUR_MS
    for (let i = 0; i < 10; i++) {
      net.alice.send(net.packet(net.alice, net.bob))
      net.advance(50_000)
    }
    expect(net.bob.received).toHaveLength(11)
    net.alice.down()
    net.alice.up()
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(100)
    expect(net.bob.received).toHaveLength(12)
  })

  test('that is set forward years does no harm to anyone', () => {
    const net = simulate({ seed: 8 })
    net.alice.wallClockError += 20 * 365 * 24 * HOUR_MS
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(200_000)
    net.alice.wallClockError = 0
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(100)
    expect(net.bob.received).toHaveLength(2)
  })
})

test('an initiation played back is not answered, from anywhere, ever', () => {
  const net = simulate({ seed: 9 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  const played = net.eve.of(HANDSHAKE_INITIATION)[0]!.bytes
  for (const pause of [0, 1000, 10_000, 700_000]) {
    net.advance(pause)
    net.bob.deliver(played.slice(), '198.51.100.9:9')
    net.bob.deliver(played.slice(), net.alice.address)
  }
  expect(net.eve.count(HANDSHAKE_RESPONSE)).toBe(1)
  expect(net.bob.peer(net.alice)!.endpoint).toEqual(net.alice.endpoint)
})

test('counters of all 64 bits are accepted, up to the limit of the protocol', () => {
  const net = simulate({ seed: 10 })
  const { network } = net
  const raw = new RawPeer({ network, random: net.random, number: 1, host: net.bob })
  net.bob.apply({ peers: [raw.asPeer()] })
  raw.send(raw.initiation())
  net.advance(100)
  const packet = net.packet(net.alice, net.bob)
  packet.set(raw.tunnelIp4, 12)
  const limit = 2n ** 64n - 2n ** 13n - 1n
  const accepted = (counter: bigint) => {
    const before = net.bob.received.length
    net.bob.deliver(raw.seal(packet, counter), raw.address)
    return net.bob.received.length > before
  }
  const counters = [
    0n,
    0n,
    2n ** 32n,
    2n ** 53n + 1n,
    2n ** 53n + 1n,
    2n ** 53n,
    limit - 1n,
    limit,
    2n ** 64n - 1n,
    limit - 1n,
    limit - 2n,
  ]
  expect(counters.map(accepted)).toEqual([true, false, true, true, false, true, true, false, false, false, true])
})

test('a message that was sealed before its key was 180 s old is refused after', () => {
  const net = simulate({ seed: 11 })
  const raw = new RawPeer({ network: net.network, random: net.random, number: 1, host: net.bob })
  net.bob.apply({ peers: [raw.asPeer()] })
  raw.send(raw.initiation())
  net.advance(100)
  const packet = net.packet(net.alice, net.bob)
  packet.set(raw.tunnelIp4, 12)
  const sealed = [0, 1, 2].map(() => raw.seal(packet))
  net.bob.deliver(sealed[0]!, raw.address)
  net.advance(179_800)
  net.bob.deliver(sealed[1]!, raw.address)
  expect(net.bob.received).toHaveLength(2)
  net.advance(200)
  net.bob.deliver(sealed[2]!, raw.address)
  expect(net.bob.received).toHaveLength(2)
  expect(net.bob.device.stats.drops.expiredKeypair).toBe(1)
})

test('nobody sends with a key older than 180 s: what is to be sent waits for the next', () => {
  const net = simulate({ seed: 12 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  const data = net.eve.count(TRANSPORT_DATA)
  net.network.drop = (seen) => seen.type === HANDSHAKE_INITIATION
  net.advance(181_000)
  const before = net.eve.count(TRANSPORT_DATA)
  net.alice.send(net.packet(net.alice, net.bob))
  net.bob.send(net.packet(net.bob, net.alice))
  net.advance(4000)
  expect(net.eve.count(TRANSPORT_DATA)).toBe(before)
  expect(before).toBeGreaterThanOrEqual(data)
  net.network.drop = undefined
  net.advance(20_000)
  expect(net.bob.received).toHaveLength(2)
  expect(net.alice.received).toHaveLength(1)
})
