import { expect, test } from 'vitest'
import { formatGuid, guid, parseGuid } from '../src/win32/guid.js'

const TEXT = '{94C54307-B533-BB79-A583-062492199692}'
const BYTES = Uint8Array.from(Buffer.from('0743c59433b579bba583062492199692', 'hex'))

test('the first three groups are numbers of little-endian byte order, the rest are bytes', () => {
  expect(parseGuid(TEXT)).toEqual(BYTES)
  expect(parseGuid(TEXT.slice(1, -1).toLowerCase())).toEqual(BYTES)
  expect(guid(TEXT)).toEqual(BYTES)
  expect(formatGuid(BYTES)).toBe(TEXT)
})

test('anything else is no GUID', () => {
  for (const text of ['', '94c54307', TEXT.slice(0, -2), `${TEXT}0`, TEXT.replace('9', 'g')]) {
    expect(parseGuid(text), text).toBeNull()
    expect(() => guid(text), text).toThrow(TypeError)
  }
})
