/** UTF-16, as Windows has its strings. Any platform. */

/** With a NUL behind it. Throws a RangeError for a NUL inside: C would see a shorter string. */
export function wide(text: string): Uint8Array {
  if (text.includes('\0')) throw new RangeError('a string with a NUL in it cannot be passed to Windows')
  const bytes = new Uint8Array((text.length + 1) * 2)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), true)
  return bytes
}

/** Up to the first NUL, or all of it. */
export function fromWide(bytes: Uint8Array): string {
  let end = 0
  while (end + 1 < bytes.length && (bytes[end] !== 0 || bytes[end + 1] !== 0)) end += 2
  return new TextDecoder('utf-16le').decode(bytes.subarray(0, end))
}
