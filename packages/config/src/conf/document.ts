/**
 * A configuration file as lines, none of which is lost: what was parsed prints as it was, byte for byte, comments,
 * order and spacing included. Says what each line is, not whether it is right; `conf` does that.
 */

export type ConfLineKind = 'blank' | 'comment' | 'header' | 'entry' | 'other'

export interface ConfLine {
  readonly kind: ConfLineKind
  /** The whole line with its line ending. */
  readonly text: string
  /**
   * Of a header what is between the brackets, or with the first one when the last is missing; of an entry its key. Lower
   * case, without white space. Else empty.
   */
  readonly name: string
  /** Of an entry what follows `=`, trimmed, without a comment. Else empty. */
  readonly value: string
  /** What follows `#`, trimmed; empty when there is no comment. */
  readonly comment: string
}

export interface ConfSection {
  /** Lower case: `interface`, `peer`, …; empty for what precedes the first header. */
  readonly name: string
  /** Indices into the lines: the section is `start` up to, not including, `end`; its header, if any, is at `start`. */
  readonly start: number
  readonly end: number
}

export interface ConfDocument {
  readonly lines: readonly ConfLine[]
  readonly sections: readonly ConfSection[]
}

/** Any text is a document. Linear in the length of the text. */
export function parseDocument(text: string): ConfDocument {
  const lines: ConfLine[] = []
  let start = 0
  while (start < text.length) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline + 1
    lines.push(parseLine(text.slice(start, end)))
    start = end
  }
  return documentOf(lines)
}

/** The exact inverse of {@link parseDocument}. */
export function printDocument(document: ConfDocument): string {
  let text = ''
  for (const line of document.lines) text += line.text
  return text
}

/** A document of lines that were parsed or made one by one. */
export function documentOf(lines: readonly ConfLine[]): ConfDocument {
  const sections: ConfSection[] = []
  let name = ''
  let start = 0
  for (const [i, line] of lines.entries()) {
    if (line.kind !== 'header') continue
    if (i > start || name !== '') sections.push({ name, start, end: i })
    name = line.name
    start = i
  }
  if (lines.length > start || name !== '') sections.push({ name, start, end: lines.length })
  return { lines, sections }
}

/** Reads one line, with or without its line ending. */
export function parseLine(text: string): ConfLine {
  const hash = text.indexOf('#')
  const equals = text.indexOf('=')
  const isEntry = equals >= 0 && (hash < 0 || equals < hash)
  const name = isEntry ? squeeze(text.slice(0, equals)) : ''
  // The value of a hook is a command of the shell, which has a use for `#`.
  const code = hash < 0 || (isEntry && HOOKS.has(name)) ? text : text.slice(0, hash)
  const comment = code.length === text.length ? '' : text.slice(hash + 1).trim()
  const body = code.trim()
  if (body === '' || body === BYTE_ORDER_MARK)
    return { kind: hash < 0 ? 'blank' : 'comment', text, name: '', value: '', comment }
  if (body.startsWith('[')) {
    const name = squeeze(body.endsWith(']') ? body.slice(1, -1) : body)
    return { kind: 'header', text, name, value: '', comment }
  }
  if (!isEntry) return { kind: 'other', text, name: '', value: '', comment }
  return { kind: 'entry', text, name, value: code.slice(equals + 1).trim(), comment }
}

const HOOKS: ReadonlySet<string> = new Set(['preup', 'postup', 'predown', 'postdown'])
const BYTE_ORDER_MARK = '\uFEFF'

/** Keys and headers count without white space and case, as in `wg`. */
function squeeze(text: string): string {
  return text.replaceAll(/\s+/g, '').toLowerCase()
}
