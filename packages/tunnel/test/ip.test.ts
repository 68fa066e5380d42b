import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatEndpoint, formatIp, formatPrefix, maskPrefix, parseEndpoint, parseIp, parsePrefix } from '../src/ip.js'

const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 })
const address = fc.oneof(v4, v6)

describe('addresses', () => {
  test('formatting follows RFC 5952', () => {
    const canonical = [
      '0.0.0.0',
      '255.255.255.255',
      '::',
      '::1',
      '1::',
      '2001:db8::1',
      '2001:db8:0:1:1:1:1:1',
      '2001:0:0:1::1',
      '2001:db8::1:0:0:1',
      '::ffff:192.0.2.1',
      '::192.0.2.1',
      '::0.1.0.2',
      '::2',
      '::1:0:0',
      '::1:2:3',
      '::ffff:0:192:2',
      'fe80::1:2:3:4',
      '1:2:3:4:5:6:7:8',
      '1:2:3:4:5:6:7:0',
      '0:1:2:3:4:5:6:7',
    ]
    for (const text of canonical) expect(formatIp(parseIp(text)!)).toBe(text)
  })

  test('several texts of one address read the same', () => {
    expect(parseIp('2001:DB8:0:0:0:0:0:1')).toEqual(parseIp('2001:db8::1'))
    expect(parseIp('::192.0.2.33')).toEqual(parseIp('::c000:221'))
    expect(parseIp('1:2:3:4:5:6:7::')).toEqual(parseIp('1:2:3:4:5:6:7:0'))
  })

  test('malformed addresses are refused', () => {
    const bad = ['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.0.0.1', '1.2.3.4 ', '-1.2.3.4', ':', ':::', '1::2::3']
    bad.push('1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', 'g::', '1.2.3.4::', '::1.2.3', '::1%eth0', '[::1]')
    bad.push('1:2:3:4:5:6:7::8', '1::2.3.4.5:6')
    for (const text of bad) expect(parseIp(text), text).toBeNull()
  })

  test('any address survives its text', () => {
    fc.assert(
      fc.property(address, (bytes) => {
        expect(parseIp(formatIp(bytes))).toEqual(bytes)
      }),
    )
  })

  test('we accept exactly what the platform accepts, on text that is nearly an address', () => {
    const piece = fc.constantFrom(':', '::', '.', '0', '1', 'ffff', '10', '255', '256', 'a', 'g', '1.2.3.4', '00')
    const nearly = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(nearly, (text) => {
        expect(parseIp(text) !== null, text).toBe(isIPv4(text) || isIPv6(text))
      }),
      { numRuns: 5000 },
    )
  })
})

describe('prefixes', () => {
  test('host bits are cleared and a missing length is the whole address', () => {
    expect(formatPrefix(parsePrefix('10.1.2.3/9')!)).toBe('10.0.0.0/9')
    expect(formatPrefix(parsePrefix('10.1.2.3')!)).toBe('10.1.2.3/32')
    expect(formatPrefix(parsePrefix('2001:db8::ffff/33')!)).toBe('2001:db8::/33')
    expect(formatPrefix(parsePrefix('::1')!)).toBe('::1/128')
    expect(formatPrefix(parsePrefix('1.2.3.4/0')!)).toBe('0.0.0.0/0')
  })

  test('masking leaves the address it was given alone, also when that is a Buffer', () => {
    for (const given of [Uint8Array.of(10, 1, 2, 3), Buffer.from([10, 1, 2, 3])]) {
      expect([...maskPrefix(given, 8).address]).toEqual([10, 0, 0, 0])
      expect([...given]).toEqual([10, 1, 2, 3])
    }
  })

  test('malformed prefixes are refused', () => {
    for (const text of [
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '10.0.0.0/-1',
      '10.0.0.0/08',
      '/8',
      '10.0.0.0/8/8',
      '::/1 ',
    ])
      expect(parsePrefix(text), text).toBeNull()
  })

  test('masking keeps exactly the leading bits', () => {
    fc.assert(
      fc.property(address, fc.nat(128), (bytes, wanted) => {
        const length = Math.min(wanted, bytes.length * 8)
        const bits = (of: Uint8Array): string => [...of].map((byte) => byte.toString(2).padStart(8, '0')).join('')
        const expected = bits(bytes)
          .slice(0, length)
          .padEnd(bytes.length * 8, '0')
        expect(bits(maskPrefix(bytes, length).address)).toBe(expected)
      }),
    )
  })
})

describe('endpoints', () => {
  test('both families read and print', () => {
    for (const text of ['192.0.2.1:51820', '[2001:db8::1]:1', '[fe80::1%3]:65535'])
      expect(formatEndpoint(parseEndpoint(text)!)).toBe(text)
  })

  test('malformed endpoints are refused', () => {
    const bad = [
      '',
      '1.2.3.4',
      '1.2.3.4:',
      ':51820',
      '1.2.3.4:65536',
      '2001:db8::1:51820',
      '[1.2.3.4]:1',
      '[::1]',
      '[::1%eth0]:1',
    ]
    bad.push('[::1%1%2]:1', '[::1:1', 'example.com:51820', '1.2.3.4:+1')
    for (const text of bad) expect(parseEndpoint(text), text).toBeNull()
  })
})
