/** What the simulator found. */
import { simulate } from '@wireweave/testkit/simulation'
import { expect, test } from 'vitest'

test('who falls asleep while an answer is due is connected at once after waking', () => {
  const net = simulate({ seed: 1 })
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  net.alice.suspend()
  net.advance(3_600_000)
  net.alice.resume()
  net.alice.send(net.packet(net.alice, net.bob))
  net.advance(1000)
  expect(net.bob.received).toHaveLength(2)
})

test.each([80, 150, 270, 400])(
  'two that start at the same moment, %d ms apart, find together within a minute',
  (delayMs) => {
    for (let seed = 10; seed < 30; seed++) {
      const net = simulate({ seed, conditions: { delayMs } })
      net.alice.send(net.packet(net.alice, net.bob))
      net.bob.send(net.packet(net.bob, net.alice))
      // Throws when it does not become so.
      net.advanceUntil(() => net.alice.received.length > 0 && net.bob.received.length > 0, 60_000, 100)
      expect(net.bob.received.length).toBeGreaterThan(0)
    }
  },
  60_000,
)
