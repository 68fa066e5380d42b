import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leastRankSumP, quantile, rankSumP, ratios, summarize } from '../src/statistics.js'

const samples = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 })
const short = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 7 })

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

describe('rank sums', () => {
  test('the textbook values: complete separation of n against n is the rarest of all divisions', () => {
    expect(rankSumP([1, 2, 3], [4, 5, 6])).toBeCloseTo(2 / 20)
    expect(rankSumP([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(2 / 252)
    expect(leastRankSumP(5, 5)).toBeCloseTo(2 / 252)
    // Mann and Whitney 1947, U = 3 for 4 against 4: 2 · 7 / 70.
    expect(rankSumP([1, 2, 4, 6], [3, 5, 7, 8])).toBeCloseTo(14 / 70)
  })

  test('samples of one and the same thing are not apart', () => {
    expect(rankSumP([1, 1, 1], [1, 1, 1])).toBe(1)
    fc.assert(
      fc.property(short, (values) => {
        expect(rankSumP(values, values)).toBe(1)
      }),
    )
  })

  test('many samples take no time, and little is lost where exactness ends', () => {
    const drawn = (length: number, shift: number) => Array.from({ length }, (_, i) => ((i * 37) % 101) + shift)
    for (const shift of [0, 0.5, 5, 10, 15, 25, 40]) {
      for (const [one, other] of [
        [drawn(30, 0), drawn(30, shift)],
        [drawn(12, 0), drawn(40, shift)],
      ] as const)
        expect(Math.abs(rankSumP(one, other) - rankSumP(one, other, 0))).toBeLessThan(0.01)
    }
    expect(rankSumP(drawn(5000, 0), drawn(5000, 0.5))).toBeGreaterThan(0.05)
    expect(rankSumP(drawn(5000, 0), drawn(5000, 20))).toBeLessThan(1e-6)
    expect(rankSumP(new Array<number>(40).fill(1), new Array<number>(40).fill(1))).toBe(1)
  })

  test('neither the order nor which side is first matters, nor what keeps the ranks', () => {
    fc.assert(
      fc.property(short, short, (one, other) => {
        const p = rankSumP(one, other)
        // Ties make the sums lopsided: one extreme may have no counterpart.
        const isTied = new Set([...one, ...other]).size < one.length + other.length
        expect(p).toBeGreaterThanOrEqual(leastRankSumP(one.length, other.length) / (isTied ? 2 : 1) - 1e-12)
        expect(p).toBeLessThanOrEqual(1)
        expect(rankSumP(other, one)).toBeCloseTo(p, 10)
        expect(rankSumP(one.toReversed(), other)).toBeCloseTo(p, 10)
        const cube = (values: readonly number[]): number[] => values.map((value) => value ** 3)
        expect(rankSumP(cube(one), cube(other))).toBeCloseTo(p, 10)
      }),
    )
  })
})
