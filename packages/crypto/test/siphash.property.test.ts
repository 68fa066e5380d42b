import fc from 'fast-check'
import { expect, test } from 'vitest'
import { slowSipHash24 } from '@wireweave/testkit/slow/siphash'
import { SipHash24 } from '../src/siphash.js'
import { siphashAnswers } from './vectors/siphash.js'
import { outputOf } from './suites/siphash.js'
import { ascending } from './suites/bytes.js'

const key = fc.uint8Array({ minLength: 16, maxLength: 16 })

test('the slow twin gives the reference answers too', () => {
  siphashAnswers.forEach((answer, length) => {
    expect(littleEndianHex(slowSipHash24(ascending(16), ascending(length)))).toBe(answer)
  })
})

test('SipHash-2-4 agrees with its slow twin on any key and message', () => {
  fc.assert(
    fc.property(key, fc.uint8Array({ maxLength: 600 }), (key, message) => {
      const siphash = new SipHash24(key)
      siphash.hash(message, 0, message.length)
      expect(outputOf(siphash)).toBe(littleEndianHex(slowSipHash24(key, message)))
    }),
  )
})

function littleEndianHex(word: bigint): string {
  return (word.toString(16).padStart(16, '0').match(/../g) ?? []).toReversed().join('')
}
