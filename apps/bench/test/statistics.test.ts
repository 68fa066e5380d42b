import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quantile, ratios, summarize } from '../src/statistics.js'

const samples = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 })

describe('statistics', () => {
  test('the median is the middle, or between the two middles', () => {
    expect(summarize([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5, samples: 3 })
    expect(summarize([4, 1, 3, 2]).median).toBe(2.5)
    expect(() => summarize([])).toThrow(RangeError)
  })

  test('a quantile lies between its neighbours, and the ends are the extremes', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = values.toSorted((a, b) => a - b)
        const value = quantile(sorted, q)
        expect(value).toBeGreaterThanOrEqual(sorted[0]! - 1e-9)
        expect(value).toBeLessThanOrEqual(sorted.at(-1)! + 1e-9)
        expect(quantile(sorted, 0)).toBe(sorted[0])
        expect(quantile(sorted, 1)).toBe(sorted.at(-1))
      }),
    )
  })

  test('ratios are taken round by round: a machine that slows down for a while does not tilt them', () => {
    const theirs = [10, 5, 1, 8, 2]
    expect(
      ratios(
        theirs.map((value) => value * 1.5),
        theirs,
      ),
    ).toMatchObject({ median: 1.5, min: 1.5, max: 1.5 })
    expect(() => ratios([1], [1, 2])).toThrow(RangeError)
  })
})
