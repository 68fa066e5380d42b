import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHexKey, decodeKey, encodeSecretKey, formatHexKey, formatKey, isZeroKey } from '../src/keys.js'
import type { PresharedKey, PublicKey } from '../src/keys.js'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as PublicKey)

describe('keys', () => {
  test('base64 and hexadecimal are those of the platform, both ways', () => {
    fc.assert(
      fc.property(key, (bytes) => {
        expect(formatKey(bytes)).toBe(Buffer.from(bytes).toString('base64'))
        expect(formatHexKey(bytes)).toBe(Buffer.from(bytes).toString('hex'))
        expect(decodeKey<PublicKey>(formatKey(bytes))).toEqual(bytes)
        expect(decodeHexKey<PublicKey>(formatHexKey(bytes).toUpperCase())).toEqual(bytes)
        expect(encodeSecretKey(bytes as unknown as PresharedKey, 'base64')).toBe(formatKey(bytes))
      }),
    )
  })

  test('a text that is not exactly one key is refused', () => {
    const good = Buffer.alloc(32, 7).toString('base64')
    const bad = ['', good.slice(1), `${good}=`, ` ${good}`.slice(0, 44), good.replace('=', 'A'), good.replace('B', '-')]
    // The 43rd digit has two spare bits: a second text for the same bytes is not accepted.
    bad.push(`${good.slice(0, 42)}d=`)
    for (const text of bad) expect(decodeKey(text), text).toBeNull()
    for (const text of ['', '00', 'g'.repeat(64), '0'.repeat(63), '0'.repeat(65)]) expect(decodeHexKey(text)).toBeNull()
  })

  test('the zero key means no key', () => {
    expect(isZeroKey(new Uint8Array(32))).toBe(true)
    for (let i = 0; i < 32; i++) expect(isZeroKey(new Uint8Array(32).fill(1, i, i + 1))).toBe(false)
  })
})
