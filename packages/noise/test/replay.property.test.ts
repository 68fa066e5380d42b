import { SlowReplayFilter } from '@wireweave/testkit/slow/replay'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReplayFilter } from '../src/replay.js'

const MAX = 2n ** 64n - 1n

/** A counter near an edge: of the window, the ring, a word, a half, the limit. */
const edge = fc
  .tuple(
    fc.constantFrom(0n, 32n, 256n, 8128n, 8192n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 2n ** 13n),
    fc.bigInt(-40n, 40n),
  )
  .map(([base, off]) => clamp(base + off))

/** Steps from the greatest counter so far, of any size, forward and back. */
const step = fc.oneof(
  fc.bigInt(-70n, 70n),
  fc.bigInt(-8200n, 8200n),
  fc.constantFrom(-8129n, -8128n, -8127n, 8128n, 8160n, 8191n, 8192n, 8193n),
  fc.bigInt(-(2n ** 34n), 2n ** 34n),
)

const input = fc.oneof(fc.record({ jump: edge }), {
  weight: 8,
  arbitrary: fc.record({ step, authentic: fc.boolean() }),
})

test('agrees with the filter that remembers everything, for any order of counters', () => {
  fc.assert(
    fc.property(fc.array(input, { maxLength: 200, size: 'max' }), (inputs) => {
      const fast = new ReplayFilter()
      const slow = new SlowReplayFilter()
      let greatest = 0n
      for (const each of inputs) {
        const counter = 'jump' in each ? each.jump : clamp(greatest + each.step)
        const low = Number(counter & 0xffff_ffffn)
        const high = Number(counter >> 32n)
        const expected = slow.check(counter)
        expect([counter, fast.check(low, high) === 0]).toEqual([counter, expected])
        if (!expected || ('authentic' in each && !each.authentic)) continue
        slow.accept(counter)
        fast.accept(low, high)
        if (counter > greatest) greatest = counter
      }
    }),
    { numRuns: 300 },
  )
})

function clamp(counter: bigint): bigint {
  return counter < 0n ? 0n : counter > MAX ? MAX : counter
}
