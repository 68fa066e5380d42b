import fc from 'fast-check'
import { parseEndpoint } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { packet4, packet6, Pair, withJitter, withMac1 } from './harness.js'

const ELSEWHERE = parseEndpoint('203.0.113.9:9')!

/** Two with a session and a handshake in progress, so that there is something to disturb. */
function busy(): Pair {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.pong()
  pair.exchange()
  pair.now = 121_000
  pair.ping()
  pair.bob.takeSent()
  return pair
}

const pair = busy()
const [data, initiation] = pair.alice.takeSent().map(({ bytes }) => bytes)

function watched(): unknown {
  const { device, events } = pair.bob
  return [device.snapshot(), device.nextDeadline(), events.length, pair.bob.delivered.length]
}

function drops(): number {
  return Object.values(pair.bob.device.stats.drops).reduce((sum, count) => sum + count, 0)
}

/** Noise, types with noise behind them, real messages bent somewhere, handshakes with a right mac1. */
const datagram = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(
      fc.integer({ min: 0, max: 5 }),
      fc.constantFrom(0, 31, 32, 64, 92, 148, 1500),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    .map(([type, length, noise]) => {
      const bytes = new Uint8Array(length)
      for (let i = 0; i < length; i++) bytes[i] = i < 4 ? (i === 0 ? type : 0) : noise[i % 16]!
      return bytes
    }),
  fc.tuple(fc.boolean(), fc.nat(147), fc.integer({ min: 1, max: 255 })).map(([first, at, flip]) => {
    const bytes = (first ? data! : initiation!).slice()
    // Not in mac2, which nobody looks at without load.
    bytes[at % (first ? bytes.length : 132)]! ^= flip
    return bytes
  }),
  fc.tuple(fc.constantFrom(92, 148), fc.uint8Array({ minLength: 32, maxLength: 32 })).map(([length, noise]) => {
    const bytes = new Uint8Array(length)
    for (let i = 4; i < length; i++) bytes[i] = noise[i % 32]!
    bytes[0] = length === 148 ? 1 : 2
    return withMac1(bytes, pair.bob.publicKey)
  }),
)

test('any bytes as a datagram: no exception, no answer, nothing changed but exactly one counter', () => {
  const before = watched()
  fc.assert(
    fc.property(datagram, (bytes) => {
      const count = drops()
      pair.bob.receive(bytes, ELSEWHERE, pair.now)
      expect(watched()).toEqual(before)
      expect(drops()).toBe(count + 1)
      expect(pair.bob.takeSent()).toEqual([])
    }),
    { numRuns: 500 },
  )
  // And the real ones still go through.
  pair.bob.receive(data!, pair.alice.endpoint, pair.now)
  expect(pair.bob.delivered).toHaveLength((before as number[])[3]! + 1)
})

test('any bytes as a packet of the interface: no exception, and it is sent, kept, or counted', () => {
  const busyPair = busy()
  const { alice } = busyPair
  alice.takeSent()
  const packet = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .tuple(fc.constantFrom('10.0.0.2', '10.0.0.3', '224.0.0.1'), fc.integer({ min: 20, max: 1500 }))
      .map(([to, length]) => packet4('10.0.0.1', to, length)),
    fc
      .tuple(fc.constantFrom('fd00::2', 'fd00::3', 'ff02::1'), fc.integer({ min: 40, max: 1500 }))
      .map(([to, length]) => packet6('fd00::1', to, length)),
  )
  let now = busyPair.now
  fc.assert(
    fc.property(packet, (bytes) => {
      const { stats } = alice.device
      const dropped = stats.drops.malformedPacket + stats.drops.noRoute
      const { sentPackets } = stats
      alice.send([bytes], (now += 0.01))
      expect(stats.drops.malformedPacket + stats.drops.noRoute - dropped + stats.sentPackets - sentPackets).toBe(1)
    }),
    { numRuns: 500 },
  )
})

test('any bytes inside of an authentic datagram: no exception, and what is delivered is whole and from the right source', () => {
  const { alice, bob } = busy()
  alice.takeSent()
  const header = fc.constantFrom(packet4('10.0.0.1', '10.0.0.2', 20), packet6('fd00::1', 'fd00::2', 40))
  const inner = fc
    .tuple(header, fc.uint8Array({ maxLength: 80 }), fc.array(fc.tuple(fc.nat(11), fc.nat(255)), { maxLength: 3 }))
    .map(([start, rest, changes]) => {
      const bytes = new Uint8Array([...start, ...rest])
      // Only what Alice's own device lets her send: version and destination stay.
      for (const [at, value] of changes) if (at > 0) bytes[at] = value
      return bytes
    })
  fc.assert(
    fc.property(inner, fc.nat(255), (bytes, trafficClass) => {
      alice.send([bytes], 121_000)
      const [sent] = alice.takeSent().filter((datagramSent) => datagramSent.bytes[0] === 4)
      const { stats } = bob.device
      const before =
        stats.receivedPackets +
        stats.drops.malformedInnerPacket +
        stats.drops.sourceNotAllowed +
        stats.drops.congestionMarked
      bob.delivered.length = 0
      bob.receive(sent!.bytes, alice.endpoint, 121_000, { trafficClass })
      const after =
        stats.receivedPackets +
        stats.drops.malformedInnerPacket +
        stats.drops.sourceNotAllowed +
        stats.drops.congestionMarked
      expect(after).toBe(before + 1)
      for (const packet of bob.delivered) {
        const claimed = packet[0]! >>> 4 === 4 ? (packet[2]! << 8) | packet[3]! : 40 + ((packet[4]! << 8) | packet[5]!)
        expect(packet).toHaveLength(claimed)
        expect(claimed).toBeLessThanOrEqual((bytes.length + 15) & -16)
      }
    }),
    { numRuns: 500 },
  )
})
