import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  MessageWriter,
  readAttributeList,
  readAttributes,
  readMessages,
  readString,
  readU16,
  readU32,
  readU64,
} from '../src/message.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('netlink messages', () => {
  test('header, attributes and nests have the bytes that linux/netlink.h says', () => {
    const writer = new MessageWriter(16, 0x604)
      .raw(Uint8Array.of(9, 8, 7, 6))
      .string(3, 'wg0')
      .u8(5, 255)
    const nest = writer.beginNest(18)
    writer.u16(1, 0x1234).u32(2, 0x89abcdef).endNest(nest)
    const expected = [
      ['50000000', '1000', '0506', '00000000', '00000000'], // 80 bytes, type 16, flags with NLM_F_REQUEST
      ['09080706'],
      ['0800', '0300', '77673000'],
      ['0500', '0500', 'ff000000'],
      ['1400', '1280', '0600', '0100', '34120000', '0800', '0200', 'efcdab89'],
    ]
    const bytes = writer.finish()
    expect(hex(bytes).slice(8)).toBe(expected.flat().join('').slice(8))
    expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(bytes.length)
  })

  test('what was written is read back, whatever the sizes', () => {
    const attribute = fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 300 }))
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 20 }), (list) => {
        const writer = new MessageWriter(1, 0)
        for (const [type, payload] of list) writer.attribute(type, payload)
        const [message] = readMessages(writer.finish())
        expect(readAttributeList(message!.payload)).toEqual(list)
      }),
    )
  })

  test('integers and strings read back', () => {
    const writer = new MessageWriter(1, 0).u16(1, 65535).u32(2, 0xffffffff).string(3, 'ä')
    writer.attribute(4, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
    const read = readAttributes(readMessages(writer.finish())[0]!.payload)
    expect(readU16(read.get(1)!)).toBe(65535)
    expect(readU32(read.get(2)!)).toBe(0xffffffff)
    expect(readString(read.get(3)!)).toBe('ä')
    expect(readU64(read.get(4)!)).toBe(2n ** 64n - 1n)
  })

  test('integers are written where the message had to grow for them', () => {
    const writer = new MessageWriter(1, 0)
    for (let i = 0; i < 3000; i++)
      writer
        .u8(1, i & 255)
        .u16(2, i)
        .u32(3, i)
    const list = readAttributeList(readMessages(writer.finish())[0]!.payload)
    expect(list.filter(([type]) => type === 3).map(([, payload]) => readU32(payload))).toEqual(
      Array.from({ length: 3000 }, (_, i) => i),
    )
    expect(list.filter(([type]) => type === 1).every(([, payload], i) => payload[0] === (i & 255))).toBe(true)
  })

  test('truncating takes back what was tried', () => {
    const writer = new MessageWriter(1, 0).u32(1, 1)
    const before = hex(writer.finish())
    const length = writer.length
    writer.attribute(2, new Uint8Array(5000).fill(9)).truncate(length)
    expect(hex(writer.finish())).toBe(before)
  })

  test('a nest longer than its length field is refused', () => {
    const writer = new MessageWriter(1, 0)
    const nest = writer.beginNest(1)
    for (let i = 0; i < 70; i++) writer.attribute(1, new Uint8Array(1000))
    expect(() => writer.endNest(nest)).toThrow(RangeError)
  })

  test('any bytes are read or refused, and never read beyond', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const read of [readMessages, readAttributeList]) {
          try {
            for (const entry of read(bytes)) {
              const payload = Array.isArray(entry) ? entry[1] : entry.payload
              expect(payload.byteOffset + payload.length).toBeLessThanOrEqual(bytes.byteOffset + bytes.length)
            }
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError)
          }
        }
      }),
    )
  })
})
