import { expect, test } from 'vitest'
import { Random } from '../src/random.js'
import { VirtualClock } from '../src/virtual-clock.js'

test('entries run in order of time, then of scheduling', () => {
  const clock = new VirtualClock()
  const random = new Random(3)
  const expected: [number, number][] = []
  const ran: [number, number][] = []
  for (let i = 0; i < 500; i++) {
    const at = random.below(50)
    expected.push([at, i])
    clock.schedule(at, () => ran.push([at, i]))
  }
  expected.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  while (clock.next() !== null) {
    clock.passTo(clock.next()!)
    while (clock.runOne());
  }
  expect(ran).toEqual(expected)
  expect(clock.pending).toBe(0)
})

test('nothing runs before its time, and the past is now', () => {
  const clock = new VirtualClock(100)
  const ran: string[] = []
  clock.schedule(50, () => ran.push('past'))
  clock.schedule(101, () => ran.push('future'))
  while (clock.runOne());
  expect(ran).toEqual(['past'])
  expect(clock.next()).toBe(101)
})

test('time does not fall', () => {
  expect(() => new VirtualClock(5).passTo(4)).toThrow(RangeError)
})
