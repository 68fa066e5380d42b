/** Files from devices: what `wg showconf` prints, what `wg-quick strip` leaves, what `SaveConfig` keeps. */
import type { DeviceSecrets, DeviceSnapshot, PeerSnapshot } from '@wireweave/tunnel/config'
import { formatEndpoint, formatIp, formatPrefix, parseEndpoint } from '@wireweave/tunnel/ip'
import type { Endpoint, IpAddress } from '@wireweave/tunnel/ip'
import { encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey } from '@wireweave/tunnel/keys'
import { documentOf, printDocument } from './document.js'
import type { ConfDocument, ConfLine, ConfSection } from './document.js'
import { editSection, newlineOf, ownLines, peerText } from './edit.js'
import { knownKey } from './internal/keys.js'
import { listItems, sectionPublicKey } from './internal/sections.js'
import { Fault, readAllowedIp, readFwmark, readKeepalive } from './internal/values.js'
import type { InterfaceAddress } from './types.js'

/** What `wg setconf` takes: the file without the keys of `wg-quick`, lines trimmed, byte for byte as `wg-quick strip` prints it. */
export function stripConf(document: ConfDocument): string {
  let text = ''
  let inInterface = false
  for (const line of document.lines) {
    if (line.kind === 'header') inInterface = line.name === 'interface'
    if (inInterface && line.kind === 'entry' && knownKey(line.name)?.quick === true) continue
    text += `${line.text.replace(/\n$/, '').replaceAll(/^[ \t]+|[ \t]+$/g, '')}\n`
  }
  return `${text}\n`
}

/** As `wg showconf`. Holds the secret keys. `endpointText` is for whoever wants zones by name. */
export function showConf(
  snapshot: DeviceSnapshot,
  secrets: DeviceSecrets,
  endpointText: (endpoint: Endpoint) => string = formatEndpoint,
): string {
  let text = '[Interface]\n'
  if (snapshot.listenPort !== 0) text += `ListenPort = ${snapshot.listenPort}\n`
  if (snapshot.fwmark !== null) text += `FwMark = ${formatFwmark(snapshot.fwmark)}\n`
  if (secrets.privateKey !== null) text += `PrivateKey = ${encodeSecretKey(secrets.privateKey, 'base64')}\n`
  for (const [i, peer] of snapshot.peers.entries()) {
    const presharedKey = secrets.presharedKeys[i] ?? null
    const endpoint = peer.endpoint === null ? null : endpointText(peer.endpoint)
    text += `\n${peerText({ ...peer, presharedKey, endpoint }, '\n')}`
  }
  return snapshot.peers.length === 0 ? `${text}\n` : text
}

/** What a running interface has that a file can say. */
export interface SavedState {
  readonly snapshot: DeviceSnapshot
  readonly secrets: DeviceSecrets
  readonly addresses: readonly InterfaceAddress[]
  /** Of the interface; kept only where the file has an MTU. */
  readonly mtu: number
  /** The DNS servers in effect; `null` leaves those of the file. */
  readonly dnsServers: readonly IpAddress[] | null
}

/**
 * The file with the values of the running interface. Unlike `wg-quick save` it changes only lines whose value is no
 * longer true: comments, names of peers, order, host names of endpoints that still hold and hooks all stay.
 *
 * `resolved` holds the addresses to which the file's host names were resolved, as `host:port` to endpoint text: such a
 * line stays while the peer is at one of them.
 */
export function saveConf(
  document: ConfDocument,
  state: SavedState,
  resolved: ReadonlyMap<string, readonly string[]> = new Map(),
): string {
  const newline = newlineOf(document)
  const peers = new Map(state.snapshot.peers.map((peer, i) => [formatKey(peer.publicKey), i]))
  const written = new Set<number>()
  const lines: ConfLine[] = []
  const dropped = new Set<number>()
  for (const section of document.sections) {
    const peer =
      section.name === 'peer' ? peers.get(sectionPublicKey(document, section.start, section.end) ?? '') : null
    if (peer === undefined || (peer !== null && written.has(peer)))
      for (const i of ownLines(document, section)) dropped.add(i)
    if (peer !== null && peer !== undefined) written.add(peer)
  }
  written.clear()
  for (const section of document.sections) {
    const kept = document.lines.slice(section.start, section.end).filter((_, i) => !dropped.has(section.start + i))
    const index =
      section.name === 'peer' ? peers.get(sectionPublicKey(document, section.start, section.end) ?? '') : undefined
    if (section.name === 'interface')
      lines.push(...editSection(kept, interfaceChanges(document, section, state), newline))
    else if (index === undefined || written.has(index)) lines.push(...kept)
    else {
      written.add(index)
      lines.push(...editSection(kept, peerChanges(kept, state, index, resolved), newline))
    }
  }
  let text = printDocument(documentOf(lines))
  for (const [i, peer] of state.snapshot.peers.entries()) {
    if (written.has(i)) continue
    if (text !== '' && !text.endsWith('\n')) text += newline
    text += newline + peerSection(peer, state.secrets.presharedKeys[i] ?? null, newline)
  }
  return text
}

type Changes = Map<string, readonly string[]>

function interfaceChanges(document: ConfDocument, section: ConfSection, state: SavedState): Changes {
  const { snapshot, secrets } = state
  const lines = document.lines.slice(section.start, section.end)
  const changes: Changes = new Map()
  const privateKey = secrets.privateKey === null ? [] : [encodeSecretKey(secrets.privateKey, 'base64')]
  if (valuesOf(lines, 'privatekey').at(-1) !== privateKey[0]) changes.set('PrivateKey', privateKey)
  const port = snapshot.listenPort === 0 ? [] : [String(snapshot.listenPort)]
  if (valuesOf(lines, 'listenport').at(-1) !== port[0]) changes.set('ListenPort', port)
  const mark = readFwmark(valuesOf(lines, 'fwmark').at(-1) ?? 'off')
  if (mark instanceof Fault || mark !== (snapshot.fwmark ?? 0)) {
    changes.set('FwMark', snapshot.fwmark === null ? [] : [formatFwmark(snapshot.fwmark)])
  }
  const addresses = state.addresses.map(({ address, length }) => formatPrefix({ address, length }))
  const before = valuesOf(lines, 'address').flatMap(listItems)
  if (!sameSet(before.map(withLength), addresses)) changes.set('Address', addresses)
  if (valuesOf(lines, 'mtu').length > 0) changes.set('MTU', [String(state.mtu)])
  if (state.dnsServers !== null) {
    const items = valuesOf(lines, 'dns').flatMap(listItems)
    const search = items.filter((item) => !isServer(item))
    const servers = state.dnsServers.map(formatIp)
    if (!sameSet(items.filter(isServer), servers)) changes.set('DNS', [...servers, ...search])
  }
  return changes
}

function peerChanges(
  lines: readonly ConfLine[],
  state: SavedState,
  index: number,
  resolved: ReadonlyMap<string, readonly string[]>,
): Changes {
  const peer = state.snapshot.peers[index]!
  const secret = state.secrets.presharedKeys[index] ?? null
  const changes: Changes = new Map()
  const presharedKey = secret === null ? [] : [encodeSecretKey(secret, 'base64')]
  if (valuesOf(lines, 'presharedkey').at(-1) !== presharedKey[0]) changes.set('PresharedKey', presharedKey)
  const before = valuesOf(lines, 'allowedips').flatMap(listItems).map(canonicalPrefix)
  const allowedIps = peer.allowedIps.map(formatPrefix)
  if (!sameSet(before, allowedIps)) changes.set('AllowedIPs', allowedIps.length === 0 ? [] : [allowedIps.join(', ')])
  const written = valuesOf(lines, 'endpoint').at(-1)
  if (peer.endpoint !== null) {
    const endpoint = formatEndpoint(peer.endpoint)
    if (written === undefined || !isAt(written, endpoint, resolved)) changes.set('Endpoint', [endpoint])
  }
  const interval = readKeepalive(valuesOf(lines, 'persistentkeepalive').at(-1) ?? 'off')
  if (interval instanceof Fault || interval !== peer.persistentKeepaliveInterval) {
    const { persistentKeepaliveInterval: seconds } = peer
    changes.set('PersistentKeepalive', seconds === 0 ? [] : [String(seconds)])
  }
  return changes
}

function isAt(written: string, endpoint: string, resolved: ReadonlyMap<string, readonly string[]>): boolean {
  const literal = parseEndpoint(written)
  if (literal !== null) return formatEndpoint(literal) === endpoint
  return resolved.get(written)?.includes(endpoint) ?? false
}

function peerSection(peer: PeerSnapshot, presharedKey: PresharedKey | null, newline: string): string {
  const endpoint = peer.endpoint === null ? null : formatEndpoint(peer.endpoint)
  return peerText({ ...peer, presharedKey, endpoint }, newline)
}

function valuesOf(lines: readonly ConfLine[], name: string): string[] {
  return lines.filter((line) => line.kind === 'entry' && line.name === name).map((line) => line.value)
}

function canonicalPrefix(text: string): string {
  const prefix = readAllowedIp(text)
  return prefix instanceof Fault ? text : formatPrefix(prefix)
}

/** `10.0.0.1` as the system shows it: `10.0.0.1/32`. */
function withLength(text: string): string {
  if (text.includes('/')) return text
  return `${text}/${text.includes(':') ? 128 : 32}`
}

function isServer(item: string): boolean {
  return /^[0-9.]+$/.test(item) || item.includes(':')
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  const wanted = new Set(right)
  return new Set(left).size === wanted.size && left.every((item) => wanted.has(item))
}

function formatFwmark(mark: number): string {
  return `0x${mark.toString(16)}`
}
