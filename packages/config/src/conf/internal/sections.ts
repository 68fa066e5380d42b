/** What readers, linter and editors share about sections. */
import { decodeKey, formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import type { ConfDocument } from '../document.js'

/** Items of a list: separated by commas or white space; `10.0.0.0 / 8` is one item, as in `wg`. */
export function listItems(value: string): string[] {
  return value
    .replaceAll(/\s*\/\s*/g, '/')
    .split(/[\s,]+/)
    .filter((item) => item !== '')
}

/** The name in a comment `# Name = …` or `# friendly_name = …` of a section. */
export function peerName(document: ConfDocument, start: number, end: number): string | null {
  for (let i = start; i < end; i++) {
    const { comment } = document.lines[i]!
    const equals = comment.indexOf('=')
    if (equals < 0 || !NAME_KEYS.has(comment.slice(0, equals).trim().toLowerCase())) continue
    const name = comment.slice(equals + 1).trim()
    if (name !== '') return name
  }
  return null
}

/** The public key of a peer's section as canonical text; `null` when there is none that is valid. The last one counts. */
export function sectionPublicKey(document: ConfDocument, start: number, end: number): string | null {
  for (let i = end - 1; i >= start; i--) {
    const line = document.lines[i]!
    if (line.kind !== 'entry' || line.name !== 'publickey') continue
    const key = decodeKey<PublicKey>(line.value.replaceAll(/\s+/g, ''))
    return key === null ? null : formatKey(key)
  }
  return null
}

const NAME_KEYS: ReadonlySet<string> = new Set(['name', 'friendly_name', 'friendlyname'])
