import { describe, expect, test } from 'vitest'
import {
  firstIndex,
  HANDSHAKE_INITIATION,
  HANDSHAKE_RESPONSE,
  KEEPALIVE_BYTES,
  secondIndex,
  TRANSPORT_DATA,
} from '@wireweave/testkit/eavesdropper'
import { innerPacket, payloadOf, ping } from '@wireweave/testkit/inner-packet'
import { simulate } from '@wireweave/testkit/simulation'
import type { Simulation } from '@wireweave/testkit/simulation'

const HEADER_AND_TAG = 32

test('every packet that goes in comes out, once, in order, and nothing else is sent', () => {
  const net = simulate({ seed: 1 })
  const packets = numbered(net, 100)
  net.alice.send(...packets)
  net.advance(1000)
  expect(net.bob.received).toEqual(packets)
  expect(net.eve.count()).toBe(102)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(1)
  expect(net.eve.count(HANDSHAKE_RESPONSE)).toBe(1)
})

test('all traffic of two minutes takes one handshake', () => {
  const net = simulate({ seed: 2 })
  for (let second = 0; second < 119; second++) {
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(500)
    net.bob.send(net.packet(net.bob, net.alice))
    net.advance(500)
  }
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(1)
  // Nobody owes an answer that data has given.
  expect(net.eve.of(TRANSPORT_DATA).filter((seen) => seen.length === KEEPALIVE_BYTES)).toHaveLength(0)
  expect(net.bob.received).toHaveLength(119)
  expect(net.alice.received).toHaveLength(119)
})

test('half an hour of traffic at a fixed pace loses nothing over its rekeys, which the initiator makes every 120 s', () => {
  const net = simulate({ seed: 3 })
  const seconds = 1800
  for (let i = 0; i < seconds * 4; i++) {
    net.alice.send(net.packet(net.alice, net.bob, Uint8Array.of(i >>> 8, i & 255)))
    net.advance(100)
    net.bob.send(net.packet(net.bob, net.alice, Uint8Array.of(i >>> 8, i & 255)))
    net.advance(150)
  }
  for (const host of net.hosts) {
    const order = host.received.map((packet) => payloadOf(packet)[0]! * 256 + payloadOf(packet)[1]!)
    expect(order).toEqual(Array.from({ length: seconds * 4 }, (_, i) => i))
  }
  const times = net.eve.of(HANDSHAKE_INITIATION).map((seen) => seen.at)
  expect(times).toHaveLength(15)
  for (const [i, at] of times.slice(1).entries()) {
    expect(at - times[i]!).toBeGreaterThanOrEqual(120_000)
    expect(at - times[i]!).toBeLessThan(120_600)
  }
  expect(new Set(net.eve.of(HANDSHAKE_INITIATION).map((seen) => seen.from))).toEqual(new Set([net.alice.address]))
}, 300_000)

test('one keepalive answers data that nothing else answers, 10 s after it came', () => {
  const net = simulate({ seed: 4 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100_000)
  const [data, keepalive, ...rest] = net.eve.of(TRANSPORT_DATA)
  expect(rest).toEqual([])
  expect(keepalive).toMatchObject({ from: net.bob.address, length: KEEPALIVE_BYTES, at: data!.at + 10 + 10_000 })
})

test('a keepalive is not answered with a keepalive', () => {
  const net = simulate({ seed: 5, peers: { persistentKeepaliveInterval: 25 } })
  net.bob.apply({ peers: [{ publicKey: net.alice.publicKey, persistentKeepaliveInterval: 0 }] })
  net.advance(110_000)
  const keepalives = net.eve.of(TRANSPORT_DATA)
  expect(keepalives.every((seen) => seen.length === KEEPALIVE_BYTES)).toBe(true)
  // The session of alice begins with one; bob had one under way before his were turned off.
  expect(keepalives.filter((seen) => seen.from === net.bob.address).length).toBeLessThanOrEqual(1)
  expect(keepalives.filter((seen) => seen.from === net.alice.address).length).toBeGreaterThanOrEqual(4)
})

test('every data message is 32 bytes and a multiple of 16 long, or fills the MTU', () => {
  const net = simulate({ seed: 6 })
  for (let length = 0; length <= 1400; length += 7) {
    net.alice.send(net.packet(net.alice, net.bob, new Uint8Array(length)))
    net.advance(1)
  }
  net.alice.send(net.packet(net.alice, net.bob, new Uint8Array(1395)))
  net.advance(1000)
  expect(net.bob.received.map((packet) => packet.length - 20)).toEqual([
    ...Array.from({ length: 201 }, (_, i) => i * 7),
    1395,
  ])
  for (const { length } of net.eve.of(TRANSPORT_DATA)) {
    const inner = length - HEADER_AND_TAG
    expect(inner % 16 === 0 || inner === 1420).toBe(true)
  }
})

test('a message is sent to the index that its receiver chose, and indices do not repeat', () => {
  const net = simulate({ seed: 7 })
  for (let i = 0; i < 30; i++) {
    net.alice.send(net.packet(net.alice, net.bob))
    net.advance(i % 2 === 0 ? 20 : 185_000)
    net.bob.send(net.packet(net.bob, net.alice))
    net.advance(1000)
  }
  const indices = new Set<number>()
  let [aliceIndex, bobIndex] = [0, 0]
  for (const { type, bytes, from } of net.eve.sightings) {
    if (type === HANDSHAKE_INITIATION) {
      expect(indices.has(firstIndex(bytes))).toBe(false)
      indices.add((aliceIndex = firstIndex(bytes)))
    } else if (type === HANDSHAKE_RESPONSE) {
      expect(secondIndex(bytes)).toBe(aliceIndex)
      expect(indices.has(firstIndex(bytes))).toBe(false)
      indices.add((bobIndex = firstIndex(bytes)))
    } else {
      // Whoever initiates, the two indices are the two sides'.
      const isToResponder = firstIndex(bytes) === bobIndex
      expect(isToResponder || firstIndex(bytes) === aliceIndex).toBe(true)
      expect(from).not.toBe('')
    }
  }
  expect(indices.size).toBeGreaterThan(20)
  // Random: no two of them are neighbours.
  const sorted = [...indices].toSorted((a, b) => a - b)
  expect(Math.min(...sorted.slice(1).map((index, i) => index - sorted[i]!))).toBeGreaterThan(1000)
})

test('ten pings and their answers count exactly what the kernel counts: 1428 bytes out, 1372 in', () => {
  const net = simulate({ seed: 8 })
  for (let i = 1; i <= 10; i++) {
    net.alice.send(ping(net.alice.tunnelIp4, net.bob.tunnelIp4, i))
    net.advance(500)
    net.bob.send(ping(net.bob.tunnelIp4, net.alice.tunnelIp4, i))
    net.advance(500)
  }
  expect(net.alice.peer(net.bob)).toMatchObject({ txBytes: 1428n, rxBytes: 1372n })
  expect(net.bob.peer(net.alice)).toMatchObject({ txBytes: 1372n, rxBytes: 1428n })
})

describe('ECN', () => {
  test.each([
    // sent inside, marked on the way or not, received inside
    [0, false, [0]],
    [1, false, [1]],
    [2, false, [2]],
    [3, false, [3]],
    [0, true, [0]],
    [1, true, [3]],
    [2, true, [3]],
    [3, true, [3]],
  ])('%d inside, congestion on the way: %s, comes out as %j', (ecn, congested, expected) => {
    const net = simulate({ seed: 9, conditions: { mark: congested ? 1 : 0 } })
    net.alice.send(net.packet(net.alice, net.bob, Uint8Array.of(1), 0xb8 | ecn))
    net.alice.send(
      innerPacket({
        source: net.alice.tunnelIp6,
        destination: net.bob.tunnelIp6,
        payload: Uint8Array.of(1),
        trafficClass: 0xb8 | ecn,
      }),
    )
    net.advance(1000)
    // DSCP stays inside: what the outside sees of data is ECN alone.
    for (const seen of net.eve.of(TRANSPORT_DATA)) expect(seen.trafficClass & 0xfc).toBe(0)
    expect(net.bob.received.map((packet) => packet[1]! & 0xff)[0]! & 3).toEqual(expected[0])
    expect((net.bob.received[1]![1]! >>> 4) & 3).toBe(expected[0])
    expect(net.bob.received[0]![1]! & 0xfc).toBe(0xb8)
  })
})

function numbered(net: Simulation, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => net.packet(net.alice, net.bob, Uint8Array.of(i, 1, 2)))
}
