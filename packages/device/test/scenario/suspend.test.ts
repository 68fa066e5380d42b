import { expect, test } from 'vitest'
import { HANDSHAKE_INITIATION, TRANSPORT_DATA } from '@wireweave/testkit/eavesdropper'
import { simulate } from '@wireweave/testkit/simulation'

const HOUR_MS = 3_600_000

test.each([190_000, HOUR_MS, 30 * 24 * HOUR_MS])('after %d ms of sleep one handshake is all it takes', (ms) => {
  const net = simulate({ seed: 1 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(11_000)
  net.alice.suspend()
  net.advance(ms)
  const [initiations, data] = [net.eve.count(HANDSHAKE_INITIATION), net.eve.count(TRANSPORT_DATA)]
  net.alice.resume()
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(5)
  // The key of before the sleep is too old to send with.
  expect(net.eve.count(TRANSPORT_DATA)).toBe(data)
  net.advance(1000)
  expect(net.bob.received).toHaveLength(2)
  expect(net.eve.count(HANDSHAKE_INITIATION) - initiations).toBe(1)
})

test('a short sleep does not end a session', () => {
  const net = simulate({ seed: 2 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(11_000)
  net.alice.suspend()
  net.advance(60_000)
  net.alice.resume()
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(100)
  expect(net.bob.received).toHaveLength(2)
  expect(net.eve.count(HANDSHAKE_INITIATION)).toBe(1)
})

test('who wakes up makes up for nothing: timers that ran out fire once', () => {
  const net = simulate({ seed: 3, peers: { persistentKeepaliveInterval: 10 } })
  net.advance(60_000)
  net.alice.suspend()
  net.advance(HOUR_MS)
  const before = net.eve.count()
  net.alice.resume()
  net.advance(5)
  expect(net.eve.sightings.slice(before).filter((seen) => seen.from === net.alice.address).length).toBeLessThanOrEqual(
    1,
  )
  net.advance(HOUR_MS)
  expect(net.alice.peer(net.bob)!.lastHandshakeTimeNs).not.toBeNull()
})

test('a handshake that was under way when the host fell asleep is taken up again', () => {
  const net = simulate({ seed: 4, drop: () => true })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(7000)
  net.alice.suspend()
  net.advance(HOUR_MS)
  const before = net.eve.count()
  net.network.drop = undefined
  net.alice.resume()
  net.advance(100)
  expect(
    net.eve
      .of(HANDSHAKE_INITIATION)
      .slice(before)
      .filter((seen) => seen.from === net.alice.address),
  ).toHaveLength(1)
  expect(net.bob.received).toHaveLength(1)
})

test('after a long sleep of both no key of before is left', () => {
  const net = simulate({ seed: 5 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(11_000)
  for (const host of net.hosts) host.suspend()
  net.advance(HOUR_MS)
  for (const host of net.hosts) host.resume()
  net.advance(1)
  for (const host of net.hosts) expect(host.device.load.indices).toBe(0)
})
