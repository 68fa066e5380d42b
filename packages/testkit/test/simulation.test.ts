import { describe, expect, test } from 'vitest'
import { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA } from '../src/eavesdropper.js'
import { simulate } from '../src/simulation.js'

test('a packet starts a handshake and arrives as it was', () => {
  const net = simulate({ seed: 1 })
  const packet = net.packet(net.alice, net.bob)
  net.alice.send(packet)
  net.advance(30)
  expect(net.bob.received).toEqual([packet])
  expect(net.eve.sightings.map((seen) => seen.type)).toEqual([HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA])
})

test('a lost response costs exactly one retransmit', () => {
  const net = simulate({ seed: 7, drop: (datagram) => datagram.type === HANDSHAKE_RESPONSE && datagram.nth === 1 })
  const packet = net.packet(net.alice, net.bob)
  net.alice.send(packet)
  net.advance(10_000)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(2)
  expect(net.bob.received).toEqual([packet])
})

describe('the same seed', () => {
  const run = (seed: number) => {
    const net = simulate({
      seed,
      hosts: ['a', 'b', 'c'],
      conditions: { loss: 0.3, duplicate: 0.1, corrupt: 0.1, jitterMs: 40 },
    })
    for (let i = 0; i < 50; i++) {
      net.hosts[i % 3]!.send(net.packet(net.hosts[i % 3]!, net.hosts[(i + 1) % 3]!))
      net.advance(net.random.below(8000))
    }
    return net.eve.digest()
  }

  test('gives the same trace', () => expect(run(3)).toBe(run(3)))
  test('and another seed another', () => expect(run(3)).not.toBe(run(4)))
})

test('IPv6 outside works as IPv4 does', () => {
  const net = simulate({ seed: 2, family: 6 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(1)
  expect(net.eve.sightings[0]!.to).toBe('[2001:db8::2]:51820')
})

test('who sleeps does nothing and loses what comes', () => {
  const net = simulate({ seed: 3 })
  net.bob.suspend()
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  expect(net.eve.count(HANDSHAKE_RESPONSE)).toBe(0)
  net.bob.resume()
  net.advance(10_000)
  expect(net.bob.received).toHaveLength(1)
})

test('advanceUntil says how long it took, and gives up', () => {
  const net = simulate({ seed: 4, conditions: { delayMs: 25 } })
  net.alice.send(net.packet(net.alice, net.bob))
  expect(net.advanceUntil(() => net.bob.received.length > 0, 1000)).toBe(75)
  expect(() => net.advanceUntil(() => false, 10)).toThrow(/within 10 ms/)
})
