import { expect, test } from 'vitest'
import { StagedPackets } from '../../src/core/staged-packets.js'

const bytes = new Uint8Array(4096)

test('packets are copies, oldest first', () => {
  const staged = new StagedPackets<string>()
  const source = Uint8Array.of(1, 2, 3, 4)
  staged.add('a', source, 0, 2)
  staged.add('a', source, 1, 3)
  source.fill(9)
  expect(staged.take('a')).toEqual([Uint8Array.of(1, 2), Uint8Array.of(2, 3, 4)])
  expect(staged.take('a')).toEqual([])
  expect(staged.bytes).toBe(0)
})

test('a peer keeps its 128 youngest', () => {
  const staged = new StagedPackets<string>()
  let dropped = 0
  for (let i = 0; i < 130; i++) {
    bytes[0] = i
    dropped += staged.add('a', bytes, 0, 1)
  }
  expect(dropped).toBe(2)
  expect(staged.countOf('a')).toBe(128)
  expect(staged.take('a').map((packet) => packet[0])).toEqual(Array.from({ length: 128 }, (_, i) => i + 2))
})

test('all peers together keep no more bytes than the cap: who waits longest pays', () => {
  const staged = new StagedPackets<string>(1000)
  staged.add('a', bytes, 0, 400)
  staged.add('b', bytes, 0, 400)
  expect(staged.add('a', bytes, 0, 300)).toBe(1)
  expect(staged.bytes).toBe(700)
  expect([staged.countOf('a'), staged.countOf('b')]).toEqual([1, 1])
  expect(staged.add('c', bytes, 0, 900)).toBe(2)
  expect([staged.countOf('a'), staged.countOf('b'), staged.countOf('c')]).toEqual([0, 0, 1])
  expect(staged.add('d', bytes, 0, 1001)).toBe(2)
  expect(staged.bytes).toBe(0)
})

test('empty packets, keepalives, count as packets and cost no bytes', () => {
  const staged = new StagedPackets<string>(10)
  staged.add('a', bytes, 0, 0)
  expect([staged.countOf('a'), staged.bytes]).toEqual([1, 0])
})
