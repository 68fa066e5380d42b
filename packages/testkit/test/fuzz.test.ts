import { expect, test } from 'vitest'
import { FUZZ_TARGETS, runRound } from '../src/fuzz/run.js'
import type { FuzzTarget } from '../src/fuzz/target.js'

test.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))(
  '%s stand a few rounds',
  (_, target) => {
    for (let seed = 9001; seed <= 9004; seed++) expect(runRound(target, seed).failure).toBeNull()
  },
  60_000,
)

test('a failure names the case and the input, and comes back with its seed', () => {
  const target: FuzzTarget = {
    name: 'fails at 8',
    begin: (random) => ({
      step: () => {
        if (random.below(10) === 8) throw new Error('eight')
      },
      finish: () => {},
    }),
  }
  const outcome = runRound(target, 5)
  expect(outcome.failure).toMatch(/^case \d+: eight$/)
  expect(runRound(target, 5)).toEqual(outcome)
})
