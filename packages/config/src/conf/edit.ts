/** Changes of a file that leave everything else in it as it was. Each returns a new document. */
import { formatPrefix } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PublicKey } from '@wireweave/tunnel/keys'
import { documentOf, parseDocument, parseLine } from './document.js'
import type { ConfDocument, ConfLine, ConfSection } from './document.js'
import { sectionPublicKey } from './internal/sections.js'

/** A peer as it is written to a file. */
export interface PeerFields {
  /** Becomes the comment `# Name = …`; line breaks in it become spaces. */
  readonly name?: string
  readonly publicKey: PublicKey
  readonly presharedKey?: PresharedKey | null
  readonly allowedIps: readonly IpPrefix[]
  /** `host:port`. */
  readonly endpoint?: string | null
  /** Seconds; 0 writes nothing. */
  readonly persistentKeepaliveInterval?: number
}

/** Appends a section, after a blank line. */
export function addPeer(document: ConfDocument, peer: PeerFields): ConfDocument {
  const newline = newlineOf(document)
  const last = document.lines.at(-1)
  const ended = last === undefined || last.text.endsWith('\n') ? '' : newline
  const gap = last === undefined || last.kind === 'blank' ? '' : newline
  const lines = [...document.lines]
  if (ended !== '') lines[lines.length - 1] = parseLine(last!.text + ended)
  return documentOf([...lines, ...parseDocument(gap + peerText(peer, newline)).lines])
}

/** Removes a peer with the comment right above it; the same document when it has no such peer. */
export function removePeer(document: ConfDocument, publicKey: PublicKey): ConfDocument {
  const wanted = formatKey(publicKey)
  const sections = document.sections.filter(
    ({ name, start, end }) => name === 'peer' && sectionPublicKey(document, start, end) === wanted,
  )
  if (sections.length === 0) return document
  const removed = new Set<number>()
  for (const section of sections) for (const i of ownLines(document, section)) removed.add(i)
  return documentOf(document.lines.filter((_, i) => !removed.has(i)))
}

/**
 * Sets the values of a key in a section, one line for each: lines that are there keep place, spacing and comment, those
 * too many go, those too few come after the section's last entry. No values remove the key. Values must be one line.
 */
export function setValues(
  document: ConfDocument,
  section: ConfSection,
  key: string,
  values: readonly string[],
): ConfDocument {
  const { start, end } = section
  const edited = editSection(document.lines.slice(start, end), new Map([[key, values]]), newlineOf(document))
  return documentOf([...document.lines.slice(0, start), ...edited, ...document.lines.slice(end)])
}

/** The lines of one section with new values for the keys in `changes`. */
export function editSection(
  lines: readonly ConfLine[],
  changes: ReadonlyMap<string, readonly string[]>,
  newline: string,
): ConfLine[] {
  const pending = new Map([...changes].map(([key, values]) => [key.toLowerCase(), { key, values: [...values] }]))
  const edited: ConfLine[] = []
  let after = lines[0]?.kind === 'header' ? 1 : 0
  for (const line of lines) {
    const change = line.kind === 'entry' ? pending.get(line.name) : undefined
    if (change === undefined) edited.push(line)
    else if (change.values.length > 0) edited.push(withValue(line, change.values.shift()!))
    else continue
    if (line.kind === 'entry') after = edited.length
  }
  const added: ConfLine[] = []
  for (const { key, values } of pending.values()) {
    for (const value of values) added.push(parseLine(`${key} = ${oneLine(value)}${newline}`))
  }
  if (added.length === 0) return edited
  const previous = edited[after - 1]
  if (previous !== undefined && !previous.text.endsWith('\n')) edited[after - 1] = parseLine(previous.text + newline)
  edited.splice(after, 0, ...added)
  return edited
}

/** The line ending that the file uses. */
export function newlineOf(document: ConfDocument): string {
  return document.lines[0]?.text.endsWith('\r\n') ? '\r\n' : '\n'
}

/** Text of a new `[Peer]` section. */
export function peerText(peer: PeerFields, newline: string = '\n'): string {
  const lines = ['[Peer]']
  if (peer.name !== undefined) lines.push(`# Name = ${oneLine(peer.name)}`)
  lines.push(`PublicKey = ${formatKey(peer.publicKey)}`)
  if (peer.presharedKey) lines.push(`PresharedKey = ${encodeSecretKey(peer.presharedKey, 'base64')}`)
  if (peer.allowedIps.length > 0) lines.push(`AllowedIPs = ${peer.allowedIps.map(formatPrefix).join(', ')}`)
  if (peer.endpoint) lines.push(`Endpoint = ${oneLine(peer.endpoint)}`)
  if (peer.persistentKeepaliveInterval) lines.push(`PersistentKeepalive = ${peer.persistentKeepaliveInterval}`)
  return lines.map((line) => line + newline).join('')
}

/** The lines that go with a section: comments right above its header, but not those that belong to what follows it. */
export function ownLines(document: ConfDocument, { start, end }: ConfSection): number[] {
  let first = start
  while (first > 0 && document.lines[first - 1]!.kind === 'comment') first--
  // Comments that reach up to the entries of another section are that section's.
  if (first > 0 && document.lines[first - 1]!.kind !== 'blank') first = start
  let last = end
  if (end < document.lines.length) {
    while (last > start && document.lines[last - 1]!.kind === 'comment') last--
    if (document.lines[last - 1]!.kind !== 'blank') last = end
  }
  return Array.from({ length: last - first }, (_, i) => first + i)
}

function withValue(line: ConfLine, value: string): ConfLine {
  if (line.value === value) return line
  const from = line.text.indexOf('=') + 1
  const at = line.value === '' ? -1 : line.text.indexOf(line.value, from)
  if (at >= 0) return parseLine(line.text.slice(0, at) + oneLine(value) + line.text.slice(at + line.value.length))
  return parseLine(`${line.text.slice(0, from)} ${oneLine(value)}${line.text.slice(from)}`)
}

/** A value cannot end its line and begin another. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ')
}
