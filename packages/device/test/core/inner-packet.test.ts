import { expect, test } from 'vitest'
import { ipLength, ipVersion } from '../../src/core/inner-packet.js'

function header(version: number, lengthField: number): Uint8Array {
  const bytes = new Uint8Array(40)
  bytes[0] = version << 4
  const at = version === 4 ? 2 : 4
  bytes[at] = lengthField >>> 8
  bytes[at + 1] = lengthField & 0xff
  return bytes
}

test('a version counts only with room for its header', () => {
  expect(ipVersion(header(4, 0), 0, 20)).toBe(4)
  expect(ipVersion(header(4, 0), 0, 19)).toBe(0)
  expect(ipVersion(header(6, 0), 0, 40)).toBe(6)
  expect(ipVersion(header(6, 0), 0, 39)).toBe(0)
  for (const version of [0, 1, 5, 7, 15]) expect(ipVersion(header(version, 0), 0, 40)).toBe(0)
})

test('IPv4: the total length is at least a header and at most what there is', () => {
  expect(ipLength(header(4, 20), 0, 32, 4)).toBe(20)
  expect(ipLength(header(4, 32), 0, 32, 4)).toBe(32)
  expect(ipLength(header(4, 33), 0, 32, 4)).toBe(-1)
  expect(ipLength(header(4, 19), 0, 32, 4)).toBe(-1)
  expect(ipLength(header(4, 0), 0, 32, 4)).toBe(-1)
})

test('IPv6: the payload length does not wrap at 16 bits', () => {
  expect(ipLength(header(6, 0), 0, 48, 6)).toBe(40)
  expect(ipLength(header(6, 8), 0, 48, 6)).toBe(48)
  expect(ipLength(header(6, 9), 0, 48, 6)).toBe(-1)
  for (const wrapping of [65496, 65500, 65535]) expect(ipLength(header(6, wrapping), 0, 1500, 6)).toBe(-1)
})
