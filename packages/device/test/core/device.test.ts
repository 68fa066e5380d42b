import { expect, test } from 'vitest'
import { packet4, packet6, Pair } from './harness.js'

test('a first packet brings about a handshake and then goes through, both ways', () => {
  const pair = new Pair()
  const ping = packet4('10.0.0.1', '10.0.0.2', 84)
  pair.alice.send([ping], 0)
  pair.exchange()
  expect(pair.wire.map(({ from, type }) => [from === pair.alice ? 'alice' : 'bob', type])).toEqual([
    ['alice', 1],
    ['bob', 2],
    ['alice', 4],
  ])
  expect(pair.bob.delivered).toEqual([ping])

  const pong = packet6('fd00::2', 'fd00::1', 100)
  pair.bob.send([pong], 1)
  pair.exchange()
  expect(pair.alice.delivered).toEqual([pong])
})
