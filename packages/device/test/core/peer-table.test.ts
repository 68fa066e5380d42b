import { nobleSuite } from '@wireweave/crypto/noble'
import { SipHash24 } from '@wireweave/crypto/siphash'
import { expect, test } from 'vitest'
import { Peer } from '../../src/core/peer.js'
import { PeerTable } from '../../src/core/peer-table.js'

function key(n: number): Uint8Array {
  return new Uint8Array(32).fill(n)
}

function add(table: PeerTable, n: number): Peer {
  const peer = new Peer(table.nextSlot(), key(n), nobleSuite)
  table.add(peer)
  return peer
}

test('peers are found by key and slot, in the order they were added, and slots are used again', () => {
  const table = new PeerTable((bytes) => bytes.fill(3))
  const [one, two, three] = [1, 2, 3].map((n) => add(table, n))
  expect(table.find(key(2))).toBe(two)
  expect(table.find(key(9))).toBe(null)
  table.remove(two!)
  expect(table.find(key(2))).toBe(null)
  expect(table.at(1)).toBe(null)
  const four = add(table, 4)
  expect(four.slot).toBe(1)
  expect([...table]).toEqual([one, three, four])
  expect(table.size).toBe(3)
})

test('keys whose hashes collide are told apart, and removing one leaves the other', () => {
  const table = new PeerTable((bytes) => bytes.fill(3))
  const [first, second] = collidingKeys(new Uint8Array(16).fill(3))
  expect(first).not.toEqual(second)
  const [one, two] = [first, second].map((bytes) => {
    const peer = new Peer(table.nextSlot(), bytes, nobleSuite)
    expect(table.find(bytes)).toBe(null)
    table.add(peer)
    return peer
  })
  expect([table.find(first), table.find(second)]).toEqual([one, two])
  table.remove(one!)
  expect([table.find(first), table.find(second)]).toEqual([null, two])
  table.remove(two!)
  expect(table.find(second)).toBe(null)
  expect(table.size).toBe(0)
})

/** Two keys with one hash of 32 bits: among some 80 000 there is such a pair. */
function collidingKeys(hashKey: Uint8Array): [Uint8Array, Uint8Array] {
  const hash = new SipHash24(hashKey)
  const seen = new Map<number, number>()
  const bytes = new Uint8Array(32)
  const view = new DataView(bytes.buffer)
  for (let n = 0; ; n++) {
    view.setUint32(0, n)
    const low = hash.hash(bytes, 0, 32)
    const other = seen.get(low)
    if (other !== undefined) {
      const second = bytes.slice()
      view.setUint32(0, other)
      return [bytes.slice(), second]
    }
    seen.set(low, n)
  }
}
