import { expect, test } from 'vitest'
import { ByteCounter } from '../../src/core/byte-counter.js'

test('counts exactly beyond 2^53', () => {
  const counter = new ByteCounter()
  const step = 2 ** 47 + 1
  for (let i = 0; i < 1000; i++) counter.add(step)
  counter.add(1)
  expect(counter.value).toBe(BigInt(step) * 1000n + 1n)
})
