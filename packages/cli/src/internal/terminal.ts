/** What is written for people: colours where they are wanted, lines as wide as the terminal. */
import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import { WireGuardError } from '@wireweave/tunnel/errors'

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  /** For warnings, as compilers have it: yellow cannot be read on white. */
  readonly magenta: (text: string) => string
}

/** Of standard output (1) or standard error (2). `WG_COLOR_MODE` decides, as with `wg`; else `NO_COLOR`, else the terminal. */
export function styleOf(fd: 1 | 2, env: NodeJS.ProcessEnv = process.env): Style {
  const code = wantsColour(fd, env) ? (start: number) => paint(start) : () => (text: string) => text
  return { bold: code(1), dim: code(2), red: code(31), green: code(32), magenta: code(35) }
}

export function wantsColour(fd: 1 | 2, env: NodeJS.ProcessEnv): boolean {
  if (env['WG_COLOR_MODE'] === 'always') return true
  if (env['WG_COLOR_MODE'] === 'never') return false
  return isatty(fd) && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}

function paint(start: number): (text: string) => string {
  const end = start <= 2 ? 22 : 39
  return (text) => (text === '' ? '' : `\u001B[${start}m${text}\u001B[${end}m`)
}

/** Of the terminal; 80 when the output is none. */
export function columnsOf(stream: { readonly columns?: number } = process.stdout): number {
  return stream.columns ?? 80
}

/** Columns as wide as they need to be, two spaces apart; the last is wrapped to `width`. */
export function table(rows: readonly (readonly string[])[], width: number): string {
  const last = Math.max(...rows.map((row) => row.length)) - 1
  const widths = Array.from({ length: last }, (_, i) => Math.max(...rows.map((row) => lengthOf(row[i] ?? ''))))
  const indent = widths.reduce((sum, each) => sum + each + 2, 0)
  const lines: string[] = []
  for (const row of rows) {
    const cells = widths.map((each, i) => pad(row[i] ?? '', each)).join('  ')
    const [first = '', ...more] = wrap(row[last] ?? '', Math.max(width - indent, 24))
    lines.push(last === 0 ? first : `${cells}  ${first}`, ...more.map((line) => ' '.repeat(indent) + line))
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

/** Breaks at spaces; a word that is wider than `width` has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      if (line !== '' && lengthOf(line) + 1 + lengthOf(word) > width) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}

/** Without what would write to the terminal instead of on it: file names, and what other programs say, come from anywhere. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '?')
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)))
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length
}

/** Never through `process.stderr`: that would keep the terminal open in a process that goes to the background. */
export function say(line: string): void {
  write(2, `${line}\n`)
}

/** To standard output, the same way. False when nobody reads it any more; throws when the disk is full. */
export function print(text: string): boolean {
  const code = write(1, text)
  if (code !== null && DISK_FULL.has(code))
    throw new WireGuardError('SYSTEM', `the output is not complete: the disk is full (${code})`, { errno: code })
  return code === null
}

const DISK_FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The name of the error that kept it from being written, if one did. */
function write(fd: number, text: string): string | null {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      // A pipe that another process made non-blocking, and that is full: its reader is slow.
      if (code !== 'EAGAIN') return code
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
  return null
}
