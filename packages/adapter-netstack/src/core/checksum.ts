/** The internet checksum (RFC 1071). Sums stay below 2^31 while they are int32, and are folded before they leave. */
import { type FastSum, fastSumOf } from './fast-sum.js'

/** Words of this machine's byte order over the buffer that was summed last: a sum does not depend on it (RFC 1071 §2B). */
let words: Int32Array = new Int32Array(0)
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Fewer bytes are not worth a call into WebAssembly. */
const FAST_BYTES = 128
/** The memory that was summed last, and what is faster there. */
let latest: Uint8Array | null = null
let fastSum: FastSum | null = null

/** Adds `length` bytes to a folded sum. The result is folded to 16 bits, not complemented. */
export function sum(bytes: Uint8Array, at: number, length: number, start = 0): number {
  if (length >= FAST_BYTES) {
    if (bytes !== latest) {
      latest = bytes
      fastSum = fastSumOf(bytes)
    }
    if (fastSum !== null) return fold(start + fastSum(at, length))
  }
  const end = at + length
  let total = start
  let i = at
  const misaligned = (bytes.byteOffset + i) & 3
  if (length >= 32 && (misaligned & 1) === 0) {
    if (misaligned === 2) {
      total += (bytes[i]! << 8) | bytes[i + 1]!
      i += 2
    }
    const count = (end - i) >> 2
    total += sumWords(bytes, i, count)
    i += count * 4
  }
  for (; i + 1 < end; i += 2) {
    total += (bytes[i]! << 8) | bytes[i + 1]!
    if (total > 0x3fffffff) total = fold(total)
  }
  if (i < end) total += bytes[i]! << 8
  return fold(total)
}

function sumWords(bytes: Uint8Array, at: number, count: number): number {
  if (words.buffer !== bytes.buffer) words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2)
  const view = words
  let i = (bytes.byteOffset + at) >> 2
  const end = i + count
  let low = 0
  let high = 0
  let total = 0
  // 4096 words at a time: 4096 * 65535 < 2^31.
  while (i < end) {
    const stop = Math.min(end, i + 4096)
    // Eight a turn: 280 ns for 1400 bytes; four take 380, sums of doubles 320 (Node 20).
    for (; i + 7 < stop; i += 8) {
      const a = view[i]!
      const b = view[i + 1]!
      const c = view[i + 2]!
      const d = view[i + 3]!
      const e = view[i + 4]!
      const f = view[i + 5]!
      const g = view[i + 6]!
      const h = view[i + 7]!
      low = (low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)) | 0
      low = (low + (e & 0xffff) + (f & 0xffff) + (g & 0xffff) + (h & 0xffff)) | 0
      high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0
      high = (high + (e >>> 16) + (f >>> 16) + (g >>> 16) + (h >>> 16)) | 0
    }
    for (; i < stop; i++) {
      const word = view[i]!
      low += word & 0xffff
      high += word >>> 16
    }
    total = fold(total + fold(low) + fold(high))
    low = high = 0
  }
  return isLittleEndian ? ((total & 0xff) << 8) | (total >>> 8) : total
}

export function fold(total: number): number {
  total = (total & 0xffff) + (total >>> 16)
  return (total & 0xffff) + (total >>> 16)
}

/** What goes into a checksum field: the complement. */
export function finish(total: number): number {
  return ~fold(total) & 0xffff
}
