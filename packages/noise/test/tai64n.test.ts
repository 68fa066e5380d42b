import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareTai64n, encodeTai64n } from '../src/tai64n.js'
import { fromHex, toHex } from './support/bytes.js'

describe('TAI64N', () => {
  test('seconds begin at 2^62 + 10 and nanoseconds are whitened', () => {
    expect(toHex(encodeTai64n(0))).toBe('400000000000000a00000000')
    // 123 457 000 ns = 0x075bcde8
    expect(toHex(encodeTai64n(1_700_000_000_123.457))).toBe(toHex(fromHex('400000006553f10a07000000')))
    expect(toHex(encodeTai64n(999.999))).toBe('400000000000000a3b000000')
  })

  test('seconds carry into the upper word', () => {
    expect(toHex(encodeTai64n((2 ** 32 - 11) * 1000))).toBe('40000000ffffffff00000000')
    expect(toHex(encodeTai64n((2 ** 32 - 10) * 1000))).toBe('400000010000000000000000')
  })

  test('a clock set before 1970 still gives a timestamp in order', () => {
    expect(toHex(encodeTai64n(-1000))).toBe('400000000000000900000000')
    expect(toHex(encodeTai64n(-11_000))).toBe('3fffffffffffffff00000000')
    expect(toHex(encodeTai64n(-1))).toBe('40000000000000093b000000')
  })

  test('10 ms later is the same timestamp, 20 ms later a greater one', () => {
    const start = 1_700_000_000_000 + 34
    expect(compareTai64n(encodeTai64n(start), encodeTai64n(start + 10))).toBe(0)
    expect(compareTai64n(encodeTai64n(start + 20), encodeTai64n(start))).toBeGreaterThan(0)
    expect(compareTai64n(encodeTai64n(start), encodeTai64n(start + 20))).toBeLessThan(0)
  })

  test('timestamps 20 ms apart are in order at any time, and never go back', () => {
    const time = fc.double({ min: 0, max: 4e12, noNaN: true })
    fc.assert(
      fc.property(time, fc.double({ min: 0, max: 1e6, noNaN: true }), (start, step) => {
        const order = compareTai64n(encodeTai64n(start + step), encodeTai64n(start))
        if (step >= 20) expect(order).toBeGreaterThan(0)
        else expect(order).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('every byte counts, the first one most, as unsigned', () => {
    const low = fromHex('7f0000000000000000000000')
    expect(compareTai64n(fromHex('800000000000000000000000'), low)).toBeGreaterThan(0)
    for (let i = 0; i < 12; i++) {
      const greater = new Uint8Array(12)
      greater[i] = 1
      expect(compareTai64n(greater, new Uint8Array(12))).toBeGreaterThan(0)
      const less = new Uint8Array(12).fill(0xff, i + 1)
      expect(compareTai64n(greater, less)).toBeGreaterThan(0)
    }
  })
})
