import { describe, expect, test } from 'vitest'
import { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, messageType } from '../src/eavesdropper.js'
import { Network } from '../src/network.js'
import type { Conditions, Passing } from '../src/network.js'
import { Random } from '../src/random.js'
import { VirtualClock } from '../src/virtual-clock.js'

const A = '192.0.2.1:1'
const B = '192.0.2.2:2'

describe('a perfect network', () => {
  test('delivers each datagram once, in order, after its delay', () => {
    const { network, arrivals, run } = rig({ delayMs: 10 })
    for (let i = 0; i < 20; i++) network.send(A, B, Uint8Array.of(1, 0, 0, 0, i))
    run()
    expect(arrivals.map((one) => one.bytes[4])).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(arrivals.every((one) => one.at === 10 && one.from === A && one.to === B)).toBe(true)
  })

  test('loses what nobody listens to, and shows it to the eavesdropper', () => {
    const { network, arrivals, run } = rig({})
    network.send(A, '192.0.2.9:9', Uint8Array.of(1, 0, 0, 0))
    run()
    expect(arrivals).toEqual([])
    expect(network.eve.count(HANDSHAKE_INITIATION)).toBe(1)
  })
})

test('a rule drops exactly what it names', () => {
  const { network, arrivals, run } = rig({}, (datagram) => datagram.type === HANDSHAKE_RESPONSE && datagram.nth === 2)
  for (let i = 0; i < 3; i++) for (const type of [1, 2]) network.send(A, B, Uint8Array.of(type, 0, 0, 0, i))
  run()
  expect(arrivals.map((one) => `${one.bytes[0]}.${one.bytes[4]}`)).toEqual(['1.0', '2.0', '1.1', '1.2', '2.2'])
})

test('chance is about as bad as it was told to be', () => {
  const { network, arrivals, run } = rig({ loss: 0.2, duplicate: 0.1, corrupt: 0.05, reorder: 0.3, reorderMs: 50 })
  for (let i = 0; i < 4000; i++) network.send(A, B, Uint8Array.of(4, 0, 0, 0, i >>> 8, i & 255, 7))
  run()
  const fates = count(network.eve.sightings.map((one) => one.fate))
  expect(fates['lost']).toBeGreaterThan(700)
  expect(fates['lost']).toBeLessThan(900)
  expect(fates['duplicated']).toBeGreaterThan(220)
  expect(fates['corrupted']).toBeGreaterThan(100)
  expect(arrivals.length).toBe(4000 - fates['lost']! + fates['duplicated']!)
  const order = arrivals.map((one) => (one.bytes[4]! << 8) | one.bytes[5]!)
  expect(order).not.toEqual(order.toSorted((a, b) => a - b))
})

test('the same seed gives the same trace, another seed another', () => {
  const digest = (seed: number) => {
    const { network, run } = rig({ loss: 0.5, jitterMs: 30 }, undefined, seed)
    for (let i = 0; i < 100; i++) network.send(A, B, Uint8Array.of(4, 0, 0, 0, i))
    run()
    return network.eve.digest()
  }
  expect(digest(1)).toBe(digest(1))
  expect(digest(1)).not.toBe(digest(2))
})

test('the digest sees a single bit', () => {
  const digest = (last: number) => {
    const { network } = rig({})
    network.send(A, B, Uint8Array.of(4, 0, 0, 0, last))
    return network.eve.digest()
  }
  expect(digest(0)).not.toBe(digest(1))
})

test('a partition cuts between groups and not within, until it heals', () => {
  const { network, arrivals, run } = rig({})
  network.partition(['192.0.2.1'], ['192.0.2.2'])
  network.send(A, B, Uint8Array.of(1))
  network.send(B, B, Uint8Array.of(2))
  network.heal()
  network.send(A, B, Uint8Array.of(3))
  run()
  expect(arrivals.map((one) => one.bytes[0])).toEqual([2, 3])
})

describe('a NAT', () => {
  const PUBLIC = '203.0.113.7'

  test('shows one outside address, and lets answers in', () => {
    const { network, arrivals, run } = rig({})
    network.putBehindNat('192.0.2.1', PUBLIC, 30_000)
    network.send(A, B, Uint8Array.of(1))
    run()
    expect(arrivals[0]!.from).toBe(`${PUBLIC}:40000`)
    network.send(B, arrivals[0]!.from, Uint8Array.of(2))
    run()
    expect(arrivals[1]).toMatchObject({ from: B, to: A })
  })

  test('keeps out who was not asked, who comes late, and who knows the inside address', () => {
    const { network, arrivals, run, clock } = rig({})
    network.putBehindNat('192.0.2.1', PUBLIC, 30_000)
    network.send(A, B, Uint8Array.of(1))
    run()
    network.send('192.0.2.3:3', `${PUBLIC}:40000`, Uint8Array.of(2))
    network.send(B, A, Uint8Array.of(3))
    run()
    clock.passTo(clock.now + 30_001)
    network.send(B, `${PUBLIC}:40000`, Uint8Array.of(4))
    run()
    expect(arrivals.map((one) => one.bytes[0])).toEqual([1])
  })

  test('gives a new port after it forgot', () => {
    const { network, arrivals, run } = rig({})
    const nat = network.putBehindNat('192.0.2.1', PUBLIC, 30_000)
    network.send(A, B, Uint8Array.of(1))
    nat.forget()
    network.send(A, B, Uint8Array.of(2))
    run()
    expect(arrivals.map((one) => one.from)).toEqual([`${PUBLIC}:40000`, `${PUBLIC}:40001`])
  })
})

test('a congested router marks only what can be marked', () => {
  const { network, arrivals, run } = rig({ mark: 1 })
  for (const trafficClass of [0, 1, 2, 3, 0xb8, 0xba]) network.send(A, B, Uint8Array.of(1), trafficClass)
  run()
  expect(arrivals.map((one) => one.trafficClass)).toEqual([0, 3, 3, 3, 0xb8, 0xbb])
})

test('a type needs all four of its bytes', () => {
  expect(messageType(Uint8Array.of(4, 0, 0, 0))).toBe(4)
  expect(messageType(Uint8Array.of(4, 0, 0, 1))).toBe(0)
  expect(messageType(Uint8Array.of(5, 0, 0, 0))).toBe(0)
  expect(messageType(Uint8Array.of(1, 0, 0))).toBe(0)
})

function rig(conditions: Partial<Conditions>, drop?: (datagram: Passing) => boolean, seed = 1) {
  const clock = new VirtualClock()
  const network = new Network({ clock, random: new Random(seed), conditions, ...(drop && { drop }) })
  const arrivals: { at: number; bytes: Uint8Array; from: string; to: string; trafficClass: number }[] = []
  for (const address of [A, B]) {
    network.listen(address, (bytes, from, to, trafficClass) =>
      arrivals.push({ at: clock.now, bytes, from, to, trafficClass }),
    )
  }
  const run = () => {
    for (let next = clock.next(); next !== null; next = clock.next()) {
      clock.passTo(next)
      clock.runOne()
    }
  }
  return { clock, network, arrivals, run }
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
