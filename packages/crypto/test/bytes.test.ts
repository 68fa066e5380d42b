import { expect, test } from 'vitest'
import { wipe } from '../src/bytes.js'

test('wiping zeroes every array, and only the part that a view shows', () => {
  const whole = new Uint8Array(8).fill(1)
  const other = new Uint8Array(3).fill(2)
  wipe(whole.subarray(2, 5), other)
  expect([...whole]).toEqual([1, 1, 0, 0, 0, 1, 1, 1])
  expect([...other]).toEqual([0, 0, 0])
})
