import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DROP_UNKNOWN_TYPE, DROP_WRONG_LENGTH } from '../src/drop.js'
import {
  classify,
  COOKIE_REPLY,
  HANDSHAKE_INITIATION,
  HANDSHAKE_RESPONSE,
  readCounterHigh,
  readCounterLow,
  readReceiverIndex,
  readU32,
  TRANSPORT_DATA,
  writeTransportHeader,
  writeU32,
} from '../src/messages.js'

/** A message of `length` bytes behind three others, and more bytes behind it. */
function place(type: number, length: number, reserved = 0): Uint8Array {
  const bytes = new Uint8Array(3 + length + 200).fill(0xee)
  bytes.set([type, reserved & 0xff, (reserved >> 8) & 0xff, (reserved >> 16) & 0xff], 3)
  return bytes
}

describe('classify', () => {
  test('each type has its exact length', () => {
    const lengths: [number, number][] = [
      [HANDSHAKE_INITIATION, 148],
      [HANDSHAKE_RESPONSE, 92],
      [COOKIE_REPLY, 64],
    ]
    for (const [type, right] of lengths)
      for (let length = 0; length < 300; length++)
        expect(classify(place(type, length), 3, length)).toBe(length === right ? type : DROP_WRONG_LENGTH)
  })

  test('transport data has any length from that of a keepalive on', () => {
    for (let length = 0; length < 300; length++)
      expect(classify(place(TRANSPORT_DATA, length), 3, length)).toBe(length < 32 ? DROP_WRONG_LENGTH : TRANSPORT_DATA)
    expect(classify(place(TRANSPORT_DATA, 65_535), 3, 65_535)).toBe(TRANSPORT_DATA)
  })

  test('a reserved byte that is not zero makes the message unknown, whichever it is', () => {
    for (const [type, length] of [
      [1, 148],
      [2, 92],
      [3, 64],
      [4, 32],
    ] as const)
      for (let bit = 0; bit < 24; bit++)
        expect(classify(place(type, length, 1 << bit), 3, length)).toBe(DROP_UNKNOWN_TYPE)
  })

  test('types other than the four are unknown', () => {
    for (let type = 0; type < 256; type++)
      if (type < 1 || type > 4) expect(classify(place(type, 148), 3, 148)).toBe(DROP_UNKNOWN_TYPE)
  })

  test('any bytes give a type or a drop code and stay as they are', () => {
    const range = fc.record({
      bytes: fc.uint8Array({ maxLength: 200 }),
      offset: fc.nat(300),
      length: fc.nat(300),
    })
    fc.assert(
      fc.property(range, ({ bytes, offset, length }) => {
        const before = bytes.slice()
        const result = classify(bytes, offset, length)
        expect([1, 2, 3, 4, DROP_UNKNOWN_TYPE, DROP_WRONG_LENGTH]).toContain(result)
        expect(bytes).toEqual(before)
      }),
    )
  })
})

describe('headers', () => {
  test('a transport header is type, receiver and counter, little-endian', () => {
    const bytes = new Uint8Array(20).fill(0xee)
    writeTransportHeader(bytes, 3, 0xa1b2c3d4, 0x89abcdef, 0x01234567)
    expect(Buffer.from(bytes).toString('hex')).toBe('eeeeee04000000d4c3b2a1efcdab8967452301ee')
    expect(readReceiverIndex(bytes, 3, TRANSPORT_DATA)).toBe(0xa1b2c3d4)
    expect(readCounterLow(bytes, 3)).toBe(0x89abcdef)
    expect(readCounterHigh(bytes, 3)).toBe(0x01234567)
  })

  test('a response has its receiver behind its sender, a cookie reply in its place', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i)
    expect(readReceiverIndex(bytes, 0, HANDSHAKE_RESPONSE)).toBe(0x0b0a0908)
    expect(readReceiverIndex(bytes, 0, COOKIE_REPLY)).toBe(0x07060504)
  })

  test('words of 32 bits come back unsigned, at any alignment', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff })
    fc.assert(
      fc.property(word, fc.nat(7), (value, offset) => {
        const bytes = new Uint8Array(12)
        writeU32(bytes, offset, value)
        expect(readU32(bytes, offset)).toBe(value)
        expect(new DataView(bytes.buffer).getUint32(offset, true)).toBe(value)
      }),
    )
  })
})
