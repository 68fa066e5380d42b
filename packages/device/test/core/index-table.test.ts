import { expect, test } from 'vitest'
import { IndexTable } from '../../src/core/index-table.js'

function scripted(...indices: number[]): (bytes: Uint8Array) => void {
  return (bytes) => new DataView(bytes.buffer).setInt32(0, indices.shift() ?? 0, true)
}

test('an index that is in use is not given out again until it is free', () => {
  const table = new IndexTable<string>(scripted(5, 5, 5, 6, 5))
  expect(table.allocate('a')).toBe(5)
  expect(table.allocate('b')).toBe(6)
  expect([table.get(5), table.get(6), table.get(7)]).toEqual(['a', 'b', undefined])
  table.free(5)
  expect(table.get(5)).toBe(undefined)
  expect(table.allocate('c')).toBe(5)
  expect(table.size).toBe(2)
})

test('indices have all 32 random bits and are signed', () => {
  const table = new IndexTable<string>(scripted(-1, -(2 ** 31), 2 ** 31 - 1, 0))
  expect([1, 2, 3, 4].map(() => table.allocate('x'))).toEqual([-1, -(2 ** 31), 2 ** 31 - 1, 0])
})

test('a random source that repeats itself is found out instead of asked for ever', () => {
  const table = new IndexTable<string>((bytes) => bytes.fill(1))
  table.allocate('a')
  expect(() => table.allocate('b')).toThrow(/random source/)
})
