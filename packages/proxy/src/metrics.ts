/** Figures in the Prometheus text format (version 0.0.4), under the names of the usual WireGuard exporters. */
import type { DeviceSnapshot } from '@wireweave/tunnel/config'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import type { Proxy } from './proxy.js'

export interface Figures {
  /** Of the tunnel; a label of everything about peers. */
  readonly interfaceName: string
  readonly snapshot: DeviceSnapshot
  /** Of peers that have one. */
  nameOf(peer: PublicKey): string | null
  /** Unix time, milliseconds. */
  readonly unixTimeMs: number
  readonly handshakes?: HandshakeTimes
  readonly proxy?: Pick<Proxy, 'stats' | 'open'>
  readonly stack?: {
    readonly stats: { readonly notOurs: number; readonly malformed: number; readonly unanswered: number }
    readonly tcpStats: { readonly segmentsSent: number; readonly retransmits: number; readonly timeouts: number }
    readonly load: { readonly connections: number; readonly bufferBytes: number }
  }
  /** The 99th percentile of how late the event loop was since it was last asked, in seconds. */
  readonly eventLoopLagSeconds?: number
}

/** Keys are dead after so long without a handshake (whitepaper §6.1, Reject-After-Time). */
const REJECT_AFTER_TIME_MS = 180_000

export function formatMetrics(figures: Figures): string {
  const { interfaceName, snapshot, nameOf, unixTimeMs, handshakes, proxy, stack, eventLoopLagSeconds } = figures
  const page = new Page()
  const peers = snapshot.peers.map((peer) => ({
    peer,
    labels: {
      interface: interfaceName,
      public_key: formatKey(peer.publicKey),
      allowed_ips: peer.allowedIps.map(formatPrefix).join(','),
      friendly_name: nameOf(peer.publicKey) ?? '',
    },
    handshakeMs: peer.lastHandshakeTimeNs === null ? null : Number(peer.lastHandshakeTimeNs / 1_000_000n),
  }))
  page.family('wireguard_sent_bytes_total', 'counter', 'Bytes sent to the peer.')
  for (const { peer, labels } of peers) page.sample(labels, peer.txBytes)
  page.family('wireguard_received_bytes_total', 'counter', 'Bytes received from the peer.')
  for (const { peer, labels } of peers) page.sample(labels, peer.rxBytes)
  page.family('wireguard_latest_handshake_seconds', 'gauge', 'Unix time of the last handshake; 0 before the first.')
  for (const { labels, handshakeMs } of peers) page.sample(labels, Math.floor((handshakeMs ?? 0) / 1000))
  page.family('wireguard_peer_connected', 'gauge', '1 while there are keys that the last handshake gave.')
  for (const { labels, handshakeMs } of peers) {
    page.sample(labels, handshakeMs !== null && unixTimeMs - handshakeMs < REJECT_AFTER_TIME_MS ? 1 : 0)
  }
  page.family('wireguard_peer_info', 'gauge', 'Always 1.')
  for (const { labels } of peers) page.sample(labels, 1)
  if (handshakes !== undefined) handshakes.write(page, interfaceName)
  if (stack !== undefined) writeStack(page, interfaceName, stack)
  if (proxy !== undefined) writeProxy(page, interfaceName, proxy)
  if (eventLoopLagSeconds !== undefined) {
    page.family('wireweave_event_loop_lag_seconds', 'gauge', 'How late the event loop was, 99th percentile.')
    page.sample({}, eventLoopLagSeconds)
  }
  return page.text
}

/** How long handshakes take that this side began. */
export class HandshakeTimes {
  readonly #now: () => number
  readonly #begun = new Map<string, number>()
  readonly #counts: number[] = new Array<number>(BOUNDS_SECONDS.length + 1).fill(0)
  #sum = 0

  /** `now` is in monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Give it every event of the tunnel. */
  onEvent(event: TunnelEvent): void {
    if (event.tag === 'handshakeInitiationSent') this.#begun.set(formatKey(event.peer), this.#now())
    else if (event.tag === 'peerRemoved') this.#begun.delete(formatKey(event.peer))
    else if (event.tag === 'sessionEstablished' && event.role === 'initiator') {
      const begun = this.#begun.get(formatKey(event.peer))
      this.#begun.delete(formatKey(event.peer))
      if (begun !== undefined) this.#add((this.#now() - begun) / 1000)
    }
  }

  write(page: Page, interfaceName: string): void {
    const name = 'wireguard_handshake_duration_seconds'
    page.family(name, 'histogram', 'From the last initiation to the session.')
    let count = 0
    for (const [i, bound] of [...BOUNDS_SECONDS, Infinity].entries()) {
      count += this.#counts[i]!
      page.sample({ interface: interfaceName, le: bound === Infinity ? '+Inf' : String(bound) }, count, '_bucket')
    }
    page.sample({ interface: interfaceName }, this.#sum, '_sum')
    page.sample({ interface: interfaceName }, count, '_count')
  }

  #add(seconds: number): void {
    this.#sum += seconds
    const i = BOUNDS_SECONDS.findIndex((bound) => seconds <= bound)
    this.#counts[i < 0 ? BOUNDS_SECONDS.length : i]!++
  }
}

const BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

function writeStack(page: Page, name: string, { stats, tcpStats, load }: NonNullable<Figures['stack']>): void {
  const labels = { interface: name }
  page.family('wireweave_netstack_dropped_packets_total', 'counter', 'Packets the stack did not take.')
  page.sample({ ...labels, reason: 'not_ours' }, stats.notOurs)
  page.sample({ ...labels, reason: 'malformed' }, stats.malformed)
  page.sample({ ...labels, reason: 'no_room' }, stats.unanswered)
  page.family('wireweave_netstack_tcp_segments_sent_total', 'counter', 'Segments of TCP.')
  page.sample(labels, tcpStats.segmentsSent)
  page.family('wireweave_netstack_tcp_retransmits_total', 'counter', 'Segments that were sent again.')
  page.sample(labels, tcpStats.retransmits)
  page.family('wireweave_netstack_tcp_timeouts_total', 'counter', 'Retransmission timeouts.')
  page.sample(labels, tcpStats.timeouts)
  page.family('wireweave_netstack_tcp_connections', 'gauge', 'Connections in the tunnel.')
  page.sample(labels, load.connections)
  page.family('wireweave_netstack_buffer_bytes', 'gauge', 'Memory of their buffers.')
  page.sample(labels, load.bufferBytes)
}

function writeProxy(page: Page, name: string, { stats, open }: NonNullable<Figures['proxy']>): void {
  const labels = { interface: name }
  page.family('wireweave_proxy_connections_total', 'counter', 'Connections taken, by what they came through.')
  for (const [kind, count] of Object.entries(stats.connections)) page.sample({ ...labels, kind }, count)
  page.family('wireweave_proxy_open_connections', 'gauge', 'Connections now.')
  page.sample(labels, open.connections)
  page.family('wireweave_proxy_open_udp_associations', 'gauge', 'UDP associations of SOCKS now.')
  page.sample(labels, open.associations)
  page.family('wireweave_proxy_failures_total', 'counter', 'What did not come about, by reason.')
  page.sample({ ...labels, reason: 'limit' }, stats.refused)
  page.sample({ ...labels, reason: 'unauthorized' }, stats.unauthorized)
  page.sample({ ...labels, reason: 'unreachable' }, stats.failed)
  page.family('wireweave_proxy_bytes_total', 'counter', 'Bytes of connections that have ended.')
  page.sample({ ...labels, direction: 'sent' }, stats.sentBytes)
  page.sample({ ...labels, direction: 'received' }, stats.receivedBytes)
  page.family('wireweave_proxy_datagrams_total', 'counter', 'Datagrams of UDP.')
  page.sample({ ...labels, direction: 'sent' }, stats.datagramsSent)
  page.sample({ ...labels, direction: 'received' }, stats.datagramsReceived)
  page.sample({ ...labels, direction: 'dropped' }, stats.datagramsDropped)
}

class Page {
  text = ''
  #name = ''

  family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): void {
    this.#name = name
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  }

  sample(labels: Readonly<Record<string, string>>, value: number | bigint, suffix = ''): void {
    const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escape(label)}"`)
    this.text += `${this.#name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
  }
}

function escape(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
