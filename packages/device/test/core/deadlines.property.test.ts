import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines, type Timer } from '../../src/core/deadlines.js'

const SLOTS = 12
const slot = fc.nat(SLOTS - 1)
const timer = fc.nat(4) as fc.Arbitrary<Timer>

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ tag: fc.constant('set' as const), slot, timer, at: fc.nat(1000) }) },
  { weight: 4, arbitrary: fc.record({ tag: fc.constant('cancel' as const), slot, timer }) },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('cancelAll' as const), slot }) },
  { weight: 4, arbitrary: fc.record({ tag: fc.constant('ask' as const) }) },
)

test('after any sequence of setting and cancelling, the earliest deadline is the smallest of a plain table', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const deadlines = new Deadlines()
      const table = Array.from({ length: SLOTS }, () => new Array<number>(5).fill(Infinity))
      let reserved = 0
      for (const action of [...steps, { tag: 'ask' as const }]) {
        if (action.tag === 'ask') {
          const earliest = Math.min(...table.flat())
          const found = deadlines.earliestSlot()
          if (earliest === Infinity) expect(found).toBe(-1)
          else expect(deadlines.at(found, deadlines.earliestTimer(found))).toBe(earliest)
          continue
        }
        // Room is made while deadlines are pending, as peers are added.
        if (action.slot >= reserved) deadlines.reserve((reserved = action.slot + 1))
        if (action.tag === 'set') {
          deadlines.set(action.slot, action.timer, action.at)
          table[action.slot]![action.timer] = action.at
        } else if (action.tag === 'cancel') {
          deadlines.cancel(action.slot, action.timer)
          table[action.slot]![action.timer] = Infinity
        } else {
          deadlines.cancelAll(action.slot)
          table[action.slot]!.fill(Infinity)
        }
        for (let i = 0; i < 5; i++) {
          expect(deadlines.isPending(action.slot, i as Timer)).toBe(table[action.slot]![i]! < Infinity)
        }
      }
    }),
  )
})
