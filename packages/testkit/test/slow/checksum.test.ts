import { describe, expect, test } from 'vitest'
import { checksum, onesComplementSum, transportChecksum } from '../../src/slow/checksum.js'

describe('checksum', () => {
  test('the example of RFC 1071 §3 sums to ddf2', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
    expect(onesComplementSum(bytes)).toBe(0xddf2)
    expect(checksum(bytes)).toBe(~0xddf2 & 0xffff)
  })

  test('an odd last byte counts as the high half of a word', () => {
    expect(onesComplementSum(Uint8Array.of(0x12))).toBe(0x1200)
  })

  test('a real IPv4 header verifies', () => {
    const header = Uint8Array.from(Buffer.from('45000073000040004011b861c0a80001c0a800c7', 'hex'))
    expect(onesComplementSum(header)).toBe(0xffff)
    header.fill(0, 10, 12)
    expect(checksum(header)).toBe(0xb861)
  })

  test('a UDP checksum that comes out as zero is sent as all ones', () => {
    const zero = new Uint8Array(4)
    // Protocol 17, length 8 twice: the two bytes of source port make the sum 0xffff.
    const segment = Uint8Array.of(0xff, 0xff - 17 - 8 - 8, 0, 0, 0, 8, 0, 0)
    expect(transportChecksum(zero, zero, 17, segment)).toBe(0xffff)
    expect(transportChecksum(zero, zero, 6, Uint8Array.of(0xff, 0xff - 6 - 8 - 8, 0, 0, 0, 8, 0, 0))).toBe(0)
  })
})
