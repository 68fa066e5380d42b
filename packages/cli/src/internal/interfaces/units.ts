/** Bytes and times as `wg` writes them; the units are coloured. */
import type { Palette } from './palette.js'

const BYTE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1023 B`, `2.17 KiB`; TiB is the largest. */
export function bytesText(bytes: bigint, { cyan, reset }: Palette): string {
  const [value, unit] = scale(Number(bytes))
  return `${unit === 'B' ? value : value.toFixed(2)} ${cyan}${unit}${reset}`
}

/** In at most eight characters: `1023 B`, `2.2 KiB`, `12 MiB`. */
export function shortBytesText(bytes: number): string {
  const [value, unit] = scale(Math.max(0, bytes))
  return `${unit === 'B' || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`
}

function scale(bytes: number): [value: number, unit: string] {
  let unit = 'B'
  let value = bytes
  for (const next of BYTE_UNITS) {
    if (value < 1024) break
    value /= 1024
    unit = next
  }
  return [value, unit]
}

const YEAR_S = 365 * 24 * 3600
const TIME_UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [YEAR_S, 'year'],
  [24 * 3600, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
]

/** `1 minute, 5 seconds`; empty for 0. */
export function durationText(seconds: number, { cyan, reset }: Palette): string {
  const parts: string[] = []
  let left = seconds
  for (const [length, name] of TIME_UNITS) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) parts.push(`${count} ${cyan}${name}${count === 1 ? '' : 's'}${reset}`)
  }
  return parts.join(', ')
}

/** Both in whole seconds since the Unix epoch. */
export function ageText(then: number, now: number, palette: Palette): string {
  if (now === then) return 'Now'
  if (now > then) return `${durationText(now - then, palette)} ago`
  const { red, reset } = palette
  return `(${red}System clock wound backward; connection problems may ensue.${reset})`
}

/** The two largest units in short: `5s`, `1m 5s`, `3h 2m`, `12d 4h`. */
export function shortDurationText(seconds: number): string {
  const parts: string[] = []
  let left = Math.max(0, Math.floor(seconds))
  for (const [length, name] of TIME_UNITS) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) parts.push(`${count}${name[0]}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.length === 0 ? '0s' : parts.join(' ')
}
