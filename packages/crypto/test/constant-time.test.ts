import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equal, equalRanges, isZero } from '../src/constant-time.js'

const bytes = fc.uint8Array({ maxLength: 80 })

describe('comparisons in constant time', () => {
  test('an array equals its copy and nothing that differs in one bit or in length', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), (a, where) => {
        expect(equal(a, a.slice())).toBe(true)
        expect(equal(a, Uint8Array.of(...a, 0))).toBe(false)
        expect(equal(Uint8Array.of(...a, 0), a)).toBe(false)
        if (a.length === 0) return
        const b = a.slice()
        b[where % a.length]! ^= 1 << (where & 7)
        expect(equal(a, b)).toBe(false)
      }),
    )
  })

  test('two arrays are equal exactly when a plain comparison says so', () => {
    const short = fc.uint8Array({ maxLength: 2, max: 2 })
    fc.assert(
      fc.property(short, short, (a, b) => {
        expect(equal(a, b)).toBe(Buffer.compare(a, b) === 0)
      }),
    )
  })

  test('ranges are compared without what lies around them', () => {
    const a = Uint8Array.of(9, 1, 2, 3, 9)
    const b = Uint8Array.of(1, 2, 3, 7)
    expect(equalRanges(a, 1, b, 0, 3)).toBe(true)
    expect(equalRanges(a, 1, b, 0, 4)).toBe(false)
    expect(equalRanges(a, 5, b, 4, 0)).toBe(true)
  })

  test('a range outside its array is a RangeError, never an equality with what is not there', () => {
    const zeros = new Uint8Array(4)
    const calls: [number, number, number][] = [
      [1, 0, 4],
      [0, 1, 4],
      [-1, 0, 1],
      [0, 0, 5],
      [0, 0, -1],
      [Number.NaN, 0, 1],
    ]
    for (const [a, b, length] of calls) expect(() => equalRanges(zeros, a, zeros, b, length)).toThrow(RangeError)
  })

  test('zero is zero in every byte', () => {
    expect(isZero(new Uint8Array(0))).toBe(true)
    expect(isZero(new Uint8Array(32))).toBe(true)
    for (let i = 0; i < 32; i++) {
      const one = new Uint8Array(32)
      one[i] = 0x80
      expect(isZero(one)).toBe(false)
    }
  })
})
