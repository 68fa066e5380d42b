import { expect, test } from 'vitest'
import { Slots } from '../src/limits.js'

const fill = (door: { take(): boolean }): number => {
  let taken = 0
  while (door.take()) taken++
  return taken
}

test('a flooded door cannot shut the others, and a single one has all places', () => {
  expect(fill(new Slots(100, 1).door())).toBe(100)
  const slots = new Slots(100, 4)
  const doors = Array.from({ length: 4 }, () => slots.door())
  // Twelve are kept for each; the rest is for whoever comes first.
  expect(doors.map(fill)).toEqual([64, 12, 12, 12])
  expect(slots.used).toBe(100)
  // What the noisy one gives back of the rest is anybody's.
  doors[0]!.give()
  expect(doors[3]!.take()).toBe(true)
  expect(doors[0]!.take()).toBe(false)
  doors[1]!.give()
  expect(doors[2]!.take()).toBe(false)
  expect(doors[1]!.take()).toBe(true)
})

test('few places for many doors: one each, as far as they go, and never more than there are', () => {
  for (const [limit, count] of [
    [5, 5],
    [7, 5],
    [4, 5],
    [1, 3],
    [0, 2],
  ] as const) {
    const slots = new Slots(limit, count)
    const taken = Array.from({ length: count }, () => fill(slots.door()))
    expect(taken.reduce((a, b) => a + b)).toBe(limit)
    if (limit >= count) expect(Math.min(...taken)).toBe(1)
  }
})
