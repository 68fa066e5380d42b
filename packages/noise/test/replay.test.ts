import { describe, expect, test } from 'vitest'
import { DROP_COUNTER_LIMIT, DROP_REPLAYED, DROP_TOO_OLD } from '../src/drop.js'
import { REPLAY_WINDOW, ReplayFilter } from '../src/replay.js'

const ACCEPT = 0
const REPLAYED = DROP_REPLAYED
const TOO_OLD = DROP_TOO_OLD
const LIMIT = DROP_COUNTER_LIMIT

/** 2^64 - 2^13 - 1: the first counter that is refused. */
const REJECT = 2n ** 64n - 2n ** 13n - 1n
const W = BigInt(REPLAY_WINDOW)

function receive(filter: ReplayFilter, counter: bigint): number {
  const low = Number(counter & 0xffff_ffffn)
  const high = Number(counter >> 32n)
  const result = filter.check(low, high)
  if (filter.check(low, high) !== result) throw new Error('a check changed something')
  if (result === 0) filter.accept(low, high)
  return result
}

type Step = [counter: bigint, result: number, why: string]

/** Each row is one filter that receives these counters one after the other. */
const TABLES: Record<string, Step[]> = {
  'the first packets': [
    [0n, ACCEPT, 'the first'],
    [0n, REPLAYED, 'the first again'],
    [1n, ACCEPT, 'in order'],
    [9n, ACCEPT, 'with a gap'],
    [8n, ACCEPT, 'late'],
    [7n, ACCEPT, 'late'],
    [7n, REPLAYED, 'late, again'],
    [9n, REPLAYED, 'the greatest again'],
    [2n, ACCEPT, 'the rest of the gap'],
    [0n, REPLAYED, 'the first, still remembered'],
  ],
  'a first packet that is not number 0': [
    [5n, ACCEPT, 'the first'],
    [0n, ACCEPT, 'late'],
    [0n, REPLAYED, 'again'],
    [5n, REPLAYED, 'again'],
  ],
  'the far edge of the window, from zero': [
    [W, ACCEPT, 'zero is now the oldest'],
    [0n, ACCEPT, 'the oldest'],
    [0n, REPLAYED, 'again'],
    [W + 1n, ACCEPT, 'one further'],
    [0n, TOO_OLD, 'just left behind'],
    [1n, ACCEPT, 'the oldest now'],
    [1n, REPLAYED, 'again'],
    [W, REPLAYED, 'still remembered'],
  ],
  'the far edge of the window, further on': [
    [4n * (W + 1n), ACCEPT, 'a jump beyond all that is remembered'],
    [4n * (W + 1n) - W, ACCEPT, 'the oldest'],
    [4n * (W + 1n) - W - 1n, TOO_OLD, 'one older'],
    [4n * (W + 1n) - W + 1n, ACCEPT, 'one younger'],
    [10n, TOO_OLD, 'long ago'],
    [0n, TOO_OLD, 'as old as can be'],
    [4n * (W + 1n) + 1n, ACCEPT, 'in order'],
    [4n * (W + 1n) - W, TOO_OLD, 'the oldest before, seen or not'],
  ],
  'a jump of a whole ring clears what had the same place': [
    [3n, ACCEPT, 'the bit in question'],
    [3n + 8192n, ACCEPT, 'one ring further'],
    [3n + 8192n, REPLAYED, 'again'],
    [3n, TOO_OLD, 'the former'],
    [3n + 3n * 8192n, ACCEPT, 'two more rings'],
    [4n + 3n * 8192n - 8000n, ACCEPT, 'never seen, though its place was used'],
  ],
  'the end of the first, small bitmap': [
    [255n, ACCEPT, 'its last bit'],
    [254n, ACCEPT, 'the one before'],
    [256n, ACCEPT, 'the first beyond'],
    [255n, REPLAYED, 'carried over'],
    [254n, REPLAYED, 'carried over'],
    [253n, ACCEPT, 'not seen'],
    [256n, REPLAYED, 'again'],
  ],
  'the border between the halves of a counter': [
    [2n ** 32n - 1n, ACCEPT, 'the last with an upper half of zero'],
    [2n ** 32n, ACCEPT, 'the next'],
    [2n ** 32n, REPLAYED, 'again'],
    [2n ** 32n - 1n, REPLAYED, 'again, across the border'],
    [2n ** 32n - 2n, ACCEPT, 'late, across the border'],
    [2n ** 32n - W, ACCEPT, 'the oldest'],
    [2n ** 32n - W - 1n, TOO_OLD, 'one older'],
    [0n, TOO_OLD, 'same lower half, other upper half'],
    [2n ** 33n, ACCEPT, 'same lower half, next upper half'],
    [2n ** 32n, TOO_OLD, 'same lower half, upper half before'],
  ],
  'counters that a double cannot hold': [
    [2n ** 53n + 1n, ACCEPT, 'odd'],
    [2n ** 53n, ACCEPT, 'one less'],
    [2n ** 53n + 2n, ACCEPT, 'one more'],
    [2n ** 53n + 1n, REPLAYED, 'again'],
    [2n ** 63n + 3n, ACCEPT, 'the sign bit of the upper half'],
    [2n ** 63n + 3n - W, ACCEPT, 'the oldest'],
    [2n ** 63n + 2n - W, TOO_OLD, 'one older'],
  ],
  'the limit on counters': [
    [REJECT, LIMIT, 'the first refused'],
    [REJECT + 1n, LIMIT, 'beyond'],
    [2n ** 64n - 1n, LIMIT, 'the greatest there is'],
    [0n, ACCEPT, 'unharmed by those'],
    [REJECT - 1n, ACCEPT, 'the last accepted'],
    [REJECT - 1n, REPLAYED, 'again'],
    [REJECT, LIMIT, 'still'],
    [REJECT - 2n, ACCEPT, 'late'],
    [REJECT - 1n - W, ACCEPT, 'the oldest'],
    [REJECT - 2n - W, TOO_OLD, 'one older'],
    [0n, TOO_OLD, 'as old as can be'],
  ],
}

describe.each(Object.keys(TABLES))('%s', (name) => {
  test('is accepted and refused as listed', () => {
    const filter = new ReplayFilter()
    for (const [counter, result, why] of TABLES[name]!) expect([why, receive(filter, counter)]).toEqual([why, result])
  })
})

describe('many at once', () => {
  const cases: Record<string, { counters: bigint[]; refused?: bigint[] }> = {
    'a window in order': { counters: range(1n, W) },
    'a window in order from zero, then nothing of it again': { counters: range(0n, W), refused: range(0n, W) },
    'a window backwards': { counters: range(0n, W).toReversed() },
    'a window backwards, and the one too many': { counters: range(1n, W + 1n).toReversed(), refused: [0n] },
    'a window backwards from one further': { counters: range(2n, W + 1n).toReversed(), refused: [0n] },
    'a window backwards, then the next': { counters: [...range(0n, W).toReversed(), W + 1n], refused: [0n] },
    'far on, then a window backwards': {
      counters: [...range(0n, 9n), 100_000n, ...range(100_000n - W, 99_999n).toReversed()],
    },
  }
  test.each(Object.keys(cases))('%s', (name) => {
    const filter = new ReplayFilter()
    const { counters, refused = [] } = cases[name]!
    expect(counters.filter((counter) => receive(filter, counter) !== ACCEPT)).toEqual([])
    expect(refused.filter((counter) => receive(filter, counter) === ACCEPT)).toEqual([])
  })
})

test('a packet that was checked but not accepted leaves no trace', () => {
  const filter = new ReplayFilter()
  expect(filter.check(7, 0)).toBe(0)
  expect(filter.check(7, 1)).toBe(0)
  expect(receive(filter, 7n)).toBe(ACCEPT)
  expect(receive(filter, 3n)).toBe(ACCEPT)
})

test('after a reset everything is new', () => {
  const filter = new ReplayFilter()
  receive(filter, 2n ** 40n)
  filter.reset()
  expect(receive(filter, 0n)).toBe(ACCEPT)
  expect(receive(filter, 0n)).toBe(REPLAYED)
})

function range(first: bigint, last: bigint): bigint[] {
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i))
}
