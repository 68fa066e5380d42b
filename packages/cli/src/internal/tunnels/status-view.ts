/** A status as text. */
import type { InterfaceStatus, PeerStatus } from './status-command.js'
import { table, wrap } from '../terminal.js'
import type { Style } from '../terminal.js'

/** More are counted, not listed: this is for people. */
const MOST_ITEMS = 12
const MOST_PEERS = 50
const MAIN_TABLE = 254
const LABEL_COLUMNS = 12

export function describeStatus(status: InterfaceStatus, now: number, width: number, style: Style): string {
  const { host, peers } = status
  const state =
    host === null ? style.dim('not in this network namespace') : host.isUp ? style.green('up') : style.red('down')
  let text = `${style.bold(status.interface)}  ${state}\n`
  const line = (label: string, value: string | null): void => {
    if (value === null || value === '') return
    const [first, ...more] = wrap(value, Math.max(width - LABEL_COLUMNS - 2, 24))
    text += `  ${`${label}:`.padEnd(LABEL_COLUMNS)}${first}\n`
    for (const each of more) text += `${' '.repeat(LABEL_COLUMNS + 2)}${each}\n`
  }
  line('adapter', status.adapter ?? 'unknown')
  line('process', status.pid === null ? null : String(status.pid))
  line('file', status.configuration)
  line('public key', status.publicKey)
  line('port', status.listenPort === 0 ? null : String(status.listenPort))
  line('fwmark', status.fwmark === null ? null : `0x${status.fwmark.toString(16)}`)
  if (host !== null) {
    line('mtu', String(host.mtu))
    line('addresses', few(host.addresses))
    line(
      'routes',
      few(host.routes.map(({ prefix, table: t }) => (t === MAIN_TABLE ? prefix : `${prefix} (table ${t})`))),
    )
    line('rules', few(host.rules, '\n'))
    if (host.dns !== null) line('dns', [...host.dns.servers, ...host.dns.search].join(', '))
    line('firewall', host.hasFirewall ? 'rules of its own' : null)
  }
  line('peers', summary(peers))
  return peers.length === 0 ? text : text + peerTable(peers, now, width, style)
}

function peerTable(peers: readonly PeerStatus[], now: number, width: number, style: Style): string {
  const colour = { up: style.green, idle: style.magenta, never: style.dim }
  const shown = peers.toSorted((left, right) => (right.latestHandshake ?? 0) - (left.latestHandshake ?? 0))
  const head = ['', 'PEER', 'STATE', 'HANDSHAKE', 'RECEIVED', 'SENT', 'ENDPOINT'].map((each) => style.bold(each))
  const rows = shown
    .slice(0, MOST_PEERS)
    .map((peer) => [
      '',
      peer.name ?? `${peer.publicKey.slice(0, 4)}…${peer.publicKey.slice(39, 43)}`,
      colour[peer.state](peer.state),
      peer.latestHandshake === null ? '-' : `${ago(now / 1000 - peer.latestHandshake)} ago`,
      bytes(peer.transferRx),
      bytes(peer.transferTx),
      peer.endpoint ?? '-',
    ])
  const rest = peers.length > MOST_PEERS ? `  … and ${peers.length - MOST_PEERS} more: see --json\n` : ''
  return `\n${table([head, ...rows], width)}${rest}`
}

function summary(peers: readonly PeerStatus[]): string {
  const parts = (['up', 'idle', 'never'] as const)
    .map((state) => [peers.filter((peer) => peer.state === state).length, state] as const)
    .filter(([count]) => count > 0)
    .map(([count, state]) => `${count} ${state === 'never' ? 'never seen' : state}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}

function few(items: readonly string[], separator: string = ', '): string {
  const shown = items.slice(0, MOST_ITEMS).join(separator)
  return items.length > MOST_ITEMS ? `${shown}${separator}… and ${items.length - MOST_ITEMS} more` : shown
}

/** The largest unit only: `3 h`. */
function ago(seconds: number): string {
  const age = Math.max(0, Math.floor(seconds))
  if (age < 60) return `${age} s`
  if (age < 3600) return `${Math.floor(age / 60)} min`
  return age < 86_400 ? `${Math.floor(age / 3600)} h` : `${Math.floor(age / 86_400)} d`
}

function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${count} B` : `${value.toFixed(2)} ${units[unit]!}`
}
