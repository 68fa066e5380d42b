/** A sample as a table that fits a terminal. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import { endpointText } from './endpoint-text.js'
import type { Palette } from './palette.js'
import { handshakeSeconds, peerState } from './peer-state.js'
import type { PeerState } from './peer-state.js'
import { fitText, textWidth } from './text-width.js'
import { shortBytesText, shortDurationText } from './units.js'
import { NO_RATES } from './watch-samples.js'
import type { InterfaceSample, Rates, Sample } from './watch-samples.js'

export interface TableOptions {
  readonly columns: number
  readonly rows: number
  readonly palette: Palette
  readonly intervalSeconds: number
}

/** Lines, none wider than the terminal and not more than it has rows. */
export function watchTable(sample: Sample, options: TableOptions): string[] {
  const { palette, columns } = options
  const clock = new Date(sample.time * 1000).toTimeString().slice(0, 8)
  const title = `every ${options.intervalSeconds} s, ${clock}. Ctrl-C ends it.`
  const lines = [palette.bold + fitText('wireweave watch', 17) + palette.reset + fitText(title, columns - 17).trimEnd()]
  if (sample.interfaces.length === 0) lines.push('', 'No interface runs.')
  const layout = chooseColumns(sample, columns)
  const shares = shareRows(sample.interfaces.map(rowsWanted), options.rows - lines.length)
  for (const [i, each] of sample.interfaces.entries())
    lines.push('', ...interfaceLines(each, sample.time, layout, shares[i]! - 1, options))
  return lines.slice(0, options.rows)
}

/** A blank line, the name, titles, peers. */
function rowsWanted({ state }: InterfaceSample): number {
  const peers = state?.snapshot.peers.length ?? 0
  return peers === 0 ? 2 : 3 + peers
}

/** As many as each wants, as far as they go: who wants less than the others leaves them the rest. */
function shareRows(wanted: readonly number[], rows: number): number[] {
  const shares = wanted.map(() => 0)
  let left = rows
  let others = wanted.length
  for (const [i, want] of [...wanted.entries()].toSorted(([, a], [, b]) => a - b)) {
    shares[i] = Math.min(want, Math.floor(left / others--))
    left -= shares[i]!
  }
  return shares
}

interface Row {
  readonly peer: PeerSnapshot
  readonly name: string
  readonly state: PeerState
  readonly rates: Rates
}

interface Column {
  readonly title: string
  readonly isNumber?: boolean
  readonly cell: (row: Row, now: number) => string
}

const PEER: Column = { title: 'peer', cell: ({ name }) => name }
const STATE: Column = { title: 'state', cell: ({ state }) => state }
const HANDSHAKE: Column = {
  title: 'handshake',
  isNumber: true,
  cell: ({ peer }, now) => {
    const seconds = handshakeSeconds(peer)
    return seconds === 0 ? '-' : shortDurationText(now - seconds)
  },
}
const RX_RATE: Column = { title: 'rx/s', isNumber: true, cell: ({ rates }) => shortBytesText(rates.rx) }
const TX_RATE: Column = { title: 'tx/s', isNumber: true, cell: ({ rates }) => shortBytesText(rates.tx) }
const RX: Column = { title: 'received', isNumber: true, cell: ({ peer }) => shortBytesText(Number(peer.rxBytes)) }
const TX: Column = { title: 'sent', isNumber: true, cell: ({ peer }) => shortBytesText(Number(peer.txBytes)) }
const ENDPOINT: Column = {
  title: 'endpoint',
  cell: ({ peer }) => (peer.endpoint === null ? '-' : endpointText(peer.endpoint)),
}
const ALLOWED_IPS: Column = {
  title: 'allowed ips',
  cell: ({ peer }) => peer.allowedIps.map(formatPrefix).join(', ') || '-',
}

const WIDTHS: ReadonlyMap<Column, number> = new Map([
  [STATE, 5],
  [HANDSHAKE, 9],
  [RX_RATE, 8],
  [TX_RATE, 8],
  [RX, 8],
  [TX, 8],
])
const GAP = 2
const SHORTEST_PEER = 14
const LONGEST_PEER = 44
const LONGEST_ENDPOINT = 30
const LONGEST_ALLOWED_IPS = 40

type Layout = readonly (readonly [column: Column, width: number])[]

/** What does not fit is left out, the least interesting first; what is left over goes to the names. */
function chooseColumns(sample: Sample, columns: number): Layout {
  const endpoint = widest(sample, ENDPOINT, LONGEST_ENDPOINT)
  const allowedIps = widest(sample, ALLOWED_IPS, LONGEST_ALLOWED_IPS)
  const groups: Layout[] = [
    [[STATE, WIDTHS.get(STATE)!]],
    [[HANDSHAKE, WIDTHS.get(HANDSHAKE)!]],
    [RX_RATE, TX_RATE].map((column) => [column, WIDTHS.get(column)!] as const),
    [[ENDPOINT, endpoint]],
    [RX, TX].map((column) => [column, WIDTHS.get(column)!] as const),
    [[ALLOWED_IPS, allowedIps]],
  ]
  let left = columns - SHORTEST_PEER
  const chosen = new Set<Column>()
  const layout: (readonly [Column, number])[] = []
  for (const group of groups) {
    const width = group.reduce((sum, [, each]) => sum + each + GAP, 0)
    if (width > left) continue
    left -= width
    for (const [column, each] of group) {
      chosen.add(column)
      layout.push([column, each])
    }
  }
  const peer = Math.min(SHORTEST_PEER + left, Math.max(SHORTEST_PEER, widest(sample, PEER, LONGEST_PEER)))
  const order = [STATE, HANDSHAKE, RX_RATE, TX_RATE, RX, TX, ENDPOINT, ALLOWED_IPS]
  return [[PEER, peer], ...layout.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))]
}

function widest(sample: Sample, column: Column, most: number): number {
  let width = column.title.length
  for (const each of sample.interfaces) {
    for (const peer of each.state?.snapshot.peers ?? []) {
      if (width >= most) return most
      width = Math.max(width, textWidth(column.cell(rowOf(peer, each, sample.time), sample.time)))
    }
  }
  return Math.min(width, most)
}

function rowOf(peer: PeerSnapshot, { names, rates }: InterfaceSample, now: number): Row {
  const key = formatKey(peer.publicKey)
  return { peer, name: names.get(key) ?? key, state: peerState(peer, now), rates: rates.get(key) ?? NO_RATES }
}

function interfaceLines(
  each: InterfaceSample,
  now: number,
  layout: Layout,
  most: number,
  { palette, columns }: TableOptions,
): string[] {
  const { green, red, bold, reset } = palette
  if (each.state === null)
    return [`${red}${bold}${each.name}${reset}  ${fitText(each.problem!, columns - each.name.length - 2).trimEnd()}`]
  const { snapshot } = each.state
  const rows = sortRows(snapshot.peers.map((peer) => rowOf(peer, each, now)))
  const up = rows.filter(({ state }) => state === 'up').length
  const facts = [
    ...(snapshot.listenPort === 0 ? [] : [`port ${snapshot.listenPort}`]),
    `${rows.length} ${rows.length === 1 ? 'peer' : 'peers'}, ${up} up`,
    `rx ${shortBytesText(sum(rows, 'rx'))}/s`,
    `tx ${shortBytesText(sum(rows, 'tx'))}/s`,
  ]
  const lines = [
    `${green}${bold}${each.name}${reset}  ${fitText(facts.join('   '), columns - each.name.length - 2).trimEnd()}`,
  ]
  // Titles, and that there are more, tell less than the line above.
  const isTooMuch = most < 4 && rows.length > most - 2
  if (rows.length === 0 || isTooMuch) return lines
  lines.push(bold + line(layout, ({ title }) => title) + reset)
  const room = Math.max(1, most - lines.length)
  const shown = rows.length > room ? rows.slice(0, room - 1) : rows
  for (const row of shown)
    lines.push(
      paint(
        line(layout, ({ cell }) => cell(row, now)),
        row.state,
        palette,
      ),
    )
  if (shown.length < rows.length) lines.push(`… and ${rows.length - shown.length} more`)
  return lines
}

const STATES: readonly PeerState[] = ['up', 'idle', 'never']

/** By state, then name: rows keep their places while traffic flows. */
function sortRows(rows: readonly Row[]): Row[] {
  const rank = (row: Row): number => STATES.indexOf(row.state)
  return rows.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function sum(rows: readonly Row[], which: keyof Rates): number {
  return rows.reduce((total, { rates }) => total + rates[which], 0)
}

function line(layout: Layout, cellOf: (column: Column) => string): string {
  return layout
    .map(([column, width]) => fitText(cellOf(column), width, column.isNumber === true ? 'right' : 'left'))
    .join(' '.repeat(GAP))
    .trimEnd()
}

/** Colours the state, the one cell that says something in colour. */
function paint(text: string, state: PeerState, { green, magenta, reset }: Palette): string {
  if (state === 'never') return text
  return text.replace(`  ${state}`, (found) => `  ${state === 'up' ? green : magenta}${found.trimStart()}${reset}`)
}
