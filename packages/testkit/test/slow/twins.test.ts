import { describe, expect, test } from 'vitest'
import { CE, DROP, ECT_0, ECT_1, mergeEcn, NOT_ECT, outerEcn } from '../../src/slow/ecn.js'
import { paddingBytes } from '../../src/slow/padding.js'
import { SlowTokenBucket } from '../../src/slow/token-bucket.js'

describe('padding', () => {
  test.each([
    // length, mtu, padding
    [0, 1420, 0],
    [1, 1420, 15],
    [16, 1420, 0],
    [17, 1420, 15],
    [1408, 1420, 0],
    [1409, 1420, 11],
    [1419, 1420, 1],
    [1420, 1420, 0],
    [1421, 1420, 15],
    [1299, 1300, 1],
    [2841, 1420, 15],
    [5, 0, 11],
    [1419, 0, 5],
  ])('%d bytes on an MTU of %d get %d more', (length, mtu, padding) => {
    expect(paddingBytes(length, mtu)).toBe(padding)
  })
})

describe('ECN', () => {
  test('RFC 6040 figure 4', () => {
    const rows = [NOT_ECT, ECT_0, ECT_1, CE].map((inner) =>
      [NOT_ECT, ECT_0, ECT_1, CE].map((outer) => mergeEcn(inner, outer)),
    )
    expect(rows).toEqual([
      [NOT_ECT, NOT_ECT, NOT_ECT, DROP],
      [ECT_0, ECT_0, ECT_1, CE],
      [ECT_1, ECT_1, ECT_1, CE],
      [CE, CE, CE, CE],
    ])
  })

  test('congestion before the tunnel does not show outside', () => {
    expect([NOT_ECT, ECT_1, ECT_0, CE].map(outerEcn)).toEqual([NOT_ECT, ECT_1, ECT_0, ECT_0])
  })
})

describe('a token bucket', () => {
  test('lets five at once and then one each 50 ms', () => {
    const bucket = new SlowTokenBucket()
    const burst = Array.from({ length: 6 }, () => bucket.allow('a', 0))
    expect(burst).toEqual([true, true, true, true, true, false])
    expect(bucket.allow('a', 49)).toBe(false)
    expect(bucket.allow('a', 50)).toBe(true)
    expect(bucket.allow('a', 50)).toBe(false)
    expect(bucket.allow('b', 50)).toBe(true)
  })

  test('is never fuller than five', () => {
    const bucket = new SlowTokenBucket()
    bucket.allow('a', 0)
    const later = Array.from({ length: 7 }, () => bucket.allow('a', 100_000))
    expect(later.filter(Boolean)).toHaveLength(5)
  })
})
