import { expect, test } from 'vitest'
import { Backoff } from '../../../src/shell/internal/backoff.js'
import { FakeClock } from '../support/fake-clock.js'

test('at once, then doubling up to five seconds, for ever', () => {
  const clock = new FakeClock()
  const backoff = new Backoff(clock)
  const delays = Array.from({ length: 10 }, () => {
    const delay = backoff.next()
    clock.time += delay
    return delay
  })
  expect(delays).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
})

test('what worked for half a minute begins anew', () => {
  const clock = new FakeClock()
  const backoff = new Backoff(clock)
  expect([backoff.next(), backoff.next()]).toEqual([0, 100])
  clock.time += 100 + 29_000
  expect(backoff.next()).toBe(200)
  clock.time += 200 + 30_001
  expect(backoff.next()).toBe(0)
})
