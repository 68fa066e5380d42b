/**
 * Mistakes that other implementations made, where no other test here has the rule by its name:
 * spoofed sources, replays, cookies, keepalives, limits and clocks are in the files of their subject.
 */
import { parseEndpoint } from '@wireweave/tunnel/ip'
import type { PresharedKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { DATA, packet4, Pair, withJitter, withMac1 } from './harness.js'

const ELSEWHERE = parseEndpoint('203.0.113.9:9')!

test('an oversized datagram of any type is dropped, and those behind it are not', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.bob.delivered.length = 0
  pair.ping()
  const [data] = pair.alice.takeSent()
  const oversized = [1, 2, 3, 4, 5].map((type) => {
    const bytes = new Uint8Array(65_507)
    bytes[0] = type
    if (type === DATA) bytes.set([...data!.bytes.subarray(4, 8), 99], 4)
    return { bytes, from: ELSEWHERE }
  })
  pair.bob.receiveOnly([...oversized, { bytes: data!.bytes, from: pair.alice.endpoint }], 0)
  expect(pair.bob.delivered).toHaveLength(1)
  expect(pair.bob.device.stats.drops).toMatchObject({ malformedDatagram: 4, badTag: 1 })
})

test('a forged datagram with a counter far ahead does not move the replay window', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.bob.delivered.length = 0
  pair.ping()
  const [data] = pair.alice.takeSent()
  const forged = data!.bytes.slice()
  forged.fill(0xff, 8, 15)
  pair.bob.receive(forged, ELSEWHERE, 0)
  pair.bob.receive(data!.bytes, pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toHaveLength(1)
})

test('what is sealed for one session is worth nothing in the next', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.ping()
  const [old] = pair.alice.takeSent()
  pair.now = 121_000
  pair.ping()
  pair.exchange()
  const { length } = pair.bob.delivered
  const young = pair.wire.findLast(({ type }) => type === 2)!.bytes
  const moved = old!.bytes.slice()
  moved.set(young.subarray(4, 8), 4)
  pair.bob.receive(moved, ELSEWHERE, pair.now)
  expect(pair.bob.delivered).toHaveLength(length)
  expect(pair.bob.device.stats.drops.badTag).toBe(1)
})

test('neither a snapshot nor an event nor a counter shows a secret', () => {
  const presharedKey = new Uint8Array(32).fill(0xab) as PresharedKey
  const pair = new Pair(withJitter(0), withJitter(0), presharedKey)
  pair.connect()
  pair.pong()
  pair.exchange()
  pair.bob.receive(pair.wire[0]!.bytes, pair.alice.endpoint, 1)
  pair.advanceTo(600_000)
  const shown = JSON.stringify(
    [pair.bob.device.snapshot(), pair.bob.events, pair.bob.device.stats],
    (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? value.join() : value,
  )
  expect(shown).toContain(pair.alice.publicKey.join())
  expect(shown).not.toContain(presharedKey.join())
  expect(shown).not.toContain(pair.bob.device.secrets().privateKey!.join())
  expect(shown).not.toContain(pair.bob.privateKey.subarray(1, 31).join())
  expect(Object.keys(pair.bob.device)).toEqual(['outbound', 'inbound', 'stats'])
})

test('handshake messages that prove nothing take no index, no timer and no memory of their own', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  const before = JSON.stringify(pair.bob.device.nextDeadline())
  const message = new Uint8Array(148)
  message[0] = 1
  for (let i = 0; i < 200; i++) {
    message.fill(i + 1, 8)
    pair.bob.receive(withMac1(message, pair.bob.publicKey), ELSEWHERE, i * 10)
  }
  expect(pair.bob.device.stats.drops.badHandshake).toBe(200)
  expect(JSON.stringify(pair.bob.device.nextDeadline())).toBe(before)
  expect(pair.bob.events.map(({ tag }) => tag)).toEqual(['peerAdded'])
  expect(pair.bob.takeSent()).toEqual([])
})

test('packets that wait do not keep handshakes from being sent and answered', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  for (let round = 0; round < 5; round++)
    pair.bob.send(
      Array.from({ length: 64 }, () => packet4('10.0.0.2', '10.0.0.1', 1400)),
      0,
    )
  pair.bob.takeSent()
  pair.ping()
  pair.exchange()
  expect(pair.bob.delivered).toHaveLength(1)
  expect(pair.alice.delivered).toHaveLength(128)
})
