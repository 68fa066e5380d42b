import { expect, test } from 'vitest'
import { Random } from '../src/random.js'

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 20 }, () => random.u32())
  }
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  expect(draw(7)).not.toEqual(draw(7 + 2 ** 32))
})

test('numbers stay within their limits and reach both ends', () => {
  const random = new Random(1)
  const seen = new Set(Array.from({ length: 1000 }, () => random.between(3, 6)))
  expect(seen).toEqual(new Set([3, 4, 5, 6]))
  const bytes = random.bytes(20_000)
  expect(new Set(bytes).size).toBe(256)
  expect(Math.abs(bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length - 127.5)).toBeLessThan(3)
})

test('a fork is a stream of its own', () => {
  const [one, two] = [new Random(5), new Random(5)]
  const fork = one.fork()
  two.fork()
  fork.bytes(100)
  expect(one.u32()).toBe(two.u32())
  expect(fork.u32()).not.toBe(one.u32())
})
