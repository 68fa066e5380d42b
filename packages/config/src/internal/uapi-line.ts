/** What is on a line of UAPI text. Errors name the line, never its content. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { parseDecimal, parseEndpoint } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'

/** The interface index of a zone's name, `null` when there is no such interface. */
export type ZoneLookup = (zone: string) => number | null

/** A value, or a key, that cannot be: EINVAL, as wireguard-go says it. */
export function configInvalid(message: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', message, { errno: 'EINVAL' })
}

/** Not UAPI text at all: EPROTO. */
export function protocolError(message: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', message, { errno: 'EPROTO' })
}

/** Bytes as characters of the same number. Not for secrets. */
export function readAscii(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!)
  return text
}

/** The 32 bytes that 64 hexadecimal digits of either case at `start` name; `null` when there is anything else. */
export function readHexKey(line: Uint8Array, start: number): Uint8Array | null {
  if (line.length - start !== 64) return null
  const key = new Uint8Array(32)
  let invalid = 0
  for (let i = 0; i < 32; i++) {
    const high = hexValue(line[start + 2 * i]!)
    const low = hexValue(line[start + 2 * i + 1]!)
    invalid |= high | low
    key[i] = (high << 4) | low
  }
  if (invalid >= 0) return key
  key.fill(0)
  return null
}

/** `ip:port` or `[ipv6%zone]:port`, the zone a number or a name. `null` when it is neither. */
export function readEndpoint(text: string, zoneIndex: ZoneLookup): Endpoint | null {
  const percent = text.indexOf('%')
  const bracket = text.indexOf(']', percent)
  if (percent < 0 || bracket < 0) return parseEndpoint(text)
  const zone = text.slice(percent + 1, bracket)
  if (parseDecimal(zone, 0xffffffff) !== null) return parseEndpoint(text)
  const scopeId = zoneIndex(zone)
  return scopeId === null ? null : parseEndpoint(`${text.slice(0, percent)}%${scopeId}${text.slice(bracket)}`)
}

/** The value of a hexadecimal digit, negative when it is none; no branch or table index depends on a digit of a key. */
function hexValue(byte: number): number {
  const digit = byte - 48
  const letter = (byte | 32) - 97
  const isDigit = ~digit & (digit - 10) & 0x100
  const isLetter = ~letter & (letter - 6) & 0x100
  const value = (-(isDigit >> 8) & digit) | (-(isLetter >> 8) & (letter + 10))
  return value | (((isDigit | isLetter) >> 8) - 1)
}
