/** GUIDs as text and as Windows has them in memory: the first three groups are numbers of its byte order. Any platform. */

/** Where the digits of each byte of the text lie in memory. */
const ORDER: readonly number[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

/** 16 bytes of `{94C54307-B533-BB79-A583-062492199692}`, braces or not; `null` when it is no GUID. */
export function parseGuid(text: string): Uint8Array | null {
  const match = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i.exec(text)
  if (match === null) return null
  const digits = match.slice(1).join('')
  const bytes = new Uint8Array(16)
  for (const [i, at] of ORDER.entries()) bytes[at] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/** Of one that is written down in the source. Throws a TypeError for anything else. */
export function guid(text: string): Uint8Array {
  const bytes = parseGuid(text)
  if (bytes === null) throw new TypeError(`${text} is no GUID`)
  return bytes
}

/** `{94C54307-B533-BB79-A583-062492199692}` of its 16 bytes. */
export function formatGuid(bytes: Uint8Array): string {
  const digits = ORDER.map((at) => bytes[at]!.toString(16).padStart(2, '0')).join('')
  return `{${digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase()}}`
}
