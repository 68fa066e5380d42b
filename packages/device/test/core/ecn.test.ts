import { expect, test } from 'vitest'
import { mergeEcn, outerTrafficClass } from '../../src/core/ecn.js'
import { headerChecksum, packet4, packet6 } from './harness.js'

const NOT_ECT = 0
const ECT_1 = 1
const ECT_0 = 2
const CE = 3
const DSCP = 0xb8

test('outside, the inner ECN is copied, congestion becomes ECT(0), and the DSCP stays inside', () => {
  for (const [inner, outer] of [
    [NOT_ECT, NOT_ECT],
    [ECT_0, ECT_0],
    [ECT_1, ECT_1],
    [CE, ECT_0],
  ] as const) {
    expect(outerTrafficClass(packet4('10.0.0.1', '10.0.0.2', 40, DSCP | inner), 0, 4)).toBe(outer)
    expect(outerTrafficClass(packet6('fd00::1', 'fd00::2', 60, DSCP | inner), 0, 6)).toBe(outer)
  }
})

/** RFC 6040, figure 4: inner, outer, result; `null` is dropped. */
const MERGED = [
  [NOT_ECT, NOT_ECT, NOT_ECT],
  [NOT_ECT, ECT_0, NOT_ECT],
  [NOT_ECT, ECT_1, NOT_ECT],
  [NOT_ECT, CE, null],
  [ECT_0, NOT_ECT, ECT_0],
  [ECT_0, ECT_0, ECT_0],
  [ECT_0, ECT_1, ECT_1],
  [ECT_0, CE, CE],
  [ECT_1, NOT_ECT, ECT_1],
  [ECT_1, ECT_0, ECT_1],
  [ECT_1, ECT_1, ECT_1],
  [ECT_1, CE, CE],
  [CE, NOT_ECT, CE],
  [CE, ECT_0, CE],
  [CE, ECT_1, CE],
  [CE, CE, CE],
] as const

test('on arrival the marks are merged as RFC 6040 says, and checksums stay right', () => {
  for (const [inner, outer, merged] of MERGED) {
    // Every DSCP, so that the checksum passes through its carries.
    for (let dscp = 0; dscp < 64; dscp++) {
      const v4 = packet4('10.0.0.1', '10.0.0.2', 40, (dscp << 2) | inner)
      expect(mergeEcn(v4, 0, 4, 0xfc | outer)).toBe(merged !== null)
      const v6 = packet6('fd00::1', 'fd00::2', 60, (dscp << 2) | inner)
      expect(mergeEcn(v6, 0, 6, outer)).toBe(merged !== null)
      if (merged === null) continue
      expect(v4).toEqual(packet4('10.0.0.1', '10.0.0.2', 40, (dscp << 2) | merged))
      expect(headerChecksum(v4)).toBe(0)
      expect(v6).toEqual(packet6('fd00::1', 'fd00::2', 60, (dscp << 2) | merged))
    }
  }
})

test('the flow label of an IPv6 header is left alone', () => {
  const packet = packet6('fd00::1', 'fd00::2', 60, ECT_0)
  packet[1]! |= 0x0f
  packet[2] = 0xff
  mergeEcn(packet, 0, 6, CE)
  expect([...packet.subarray(0, 4)]).toEqual([0x60, 0x3f, 0xff, 0])
})
