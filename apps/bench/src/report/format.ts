/** Numbers for people. */
import { stripVTControlCharacters } from 'node:util'
import { summarize } from '../statistics.js'

/** Three significant digits. */
export function digits(value: number): string {
  if (value === 0) return '0'
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** What a program said, without what would move the cursor of a terminal or break a row of a table. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
}

/** The median, and the smallest and largest beside it; nothing for no samples. */
export function medianAndSpread(samples: readonly number[]): string {
  if (samples.length === 0) return ''
  const { median, min, max } = summarize(samples)
  return samples.length === 1 ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`
}

export function rounds(count: number): string {
  return `${count} ${count === 1 ? 'round' : 'rounds'}`
}
