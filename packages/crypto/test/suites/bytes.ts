/** Bytes of tests. */

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Bytes that differ from their neighbours: first, first + 7, first + 14 … */
export function pattern(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + 7 * i)
}

/** 00 01 02 … */
export function ascending(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i)
}
