import assert from 'node:assert/strict'
import { SipHash24 } from '@wireweave/crypto/siphash'
import type { Test } from '@wireweave/testkit/portable'
import { siphashAnswers } from '../vectors/siphash.js'
import { ascending, pattern, toHex } from './bytes.js'

export function siphashSuite(test: Test): void {
  test('SipHash-2-4 gives the 64 answers of the reference implementation', () => {
    const siphash = new SipHash24(ascending(16))
    siphashAnswers.forEach((answer, length) => {
      const low = siphash.hash(ascending(length), 0, length)
      assert.equal(low, siphash.low)
      assert.equal(outputOf(siphash), answer)
    })
  })

  test('a range is hashed as an array of its own, at any alignment', () => {
    const siphash = new SipHash24(pattern(16, 77))
    const bytes = pattern(64)
    for (let offset = 0; offset < 9; offset++) {
      for (let length = 0; length <= 40; length++) {
        siphash.hash(bytes.slice(offset, offset + length), 0, length)
        const expected = outputOf(siphash)
        siphash.hash(bytes, offset, length)
        assert.equal(outputOf(siphash), expected)
      }
    }
  })

  test('the key is copied and has 16 bytes', () => {
    const key = ascending(16)
    const siphash = new SipHash24(key)
    key.fill(0)
    siphash.hash(new Uint8Array(0), 0, 0)
    assert.equal(outputOf(siphash), siphashAnswers[0])
    for (const length of [0, 15, 17]) assert.throws(() => new SipHash24(new Uint8Array(length)), RangeError)
  })
}

/** The 8 bytes that the reference writes. */
export function outputOf({ low, high }: Pick<SipHash24, 'low' | 'high'>): string {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, low, true)
  view.setUint32(4, high, true)
  return toHex(bytes)
}
