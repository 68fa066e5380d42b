/** What `wg show` prints for programs: one field, or the whole in columns. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import type { DeviceState } from 'wireweave/interfaces'
import { endpointText } from './endpoint-text.js'
import { handshakeSeconds } from './peer-state.js'

const NONE = '(none)'

type Cells = readonly (string | number | bigint)[]

const DEVICE_FIELDS: Readonly<Record<string, (state: DeviceState) => Cells>> = {
  'public-key': ({ snapshot }) => [publicText(snapshot.publicKey)],
  'private-key': ({ secrets }) => [secretText(secrets.privateKey)],
  'listen-port': ({ snapshot }) => [snapshot.listenPort],
  fwmark: ({ snapshot }) => [fwmarkText(snapshot.fwmark)],
}

const PEER_FIELDS: Readonly<Record<string, (peer: PeerSnapshot, presharedKey: PresharedKey | null) => Cells>> = {
  peers: () => [],
  'preshared-keys': (_, presharedKey) => [secretText(presharedKey)],
  endpoints: (peer) => [peerEndpoint(peer)],
  'allowed-ips': (peer) => [prefixes(peer, ' ')],
  'latest-handshakes': (peer) => [handshakeSeconds(peer)],
  transfer: ({ rxBytes, txBytes }) => [rxBytes, txBytes],
  'persistent-keepalive': (peer) => [keepaliveText(peer)],
}

/** The words that may follow the interface. */
export const FIELDS: readonly string[] = [...Object.keys(DEVICE_FIELDS), ...Object.keys(PEER_FIELDS), 'dump']

/** Lines of cells with tabs between; each begins with `prefix` unless that is `null`. `field` is one of {@link FIELDS}. */
export function fieldText(field: string, prefix: string | null, state: DeviceState): string {
  const lines = field === 'dump' ? dump(state) : fieldLines(field, state)
  const start = prefix === null ? '' : `${prefix}\t`
  return lines.map((cells) => `${start}${cells.join('\t')}\n`).join('')
}

function fieldLines(field: string, state: DeviceState): Cells[] {
  const ofDevice = DEVICE_FIELDS[field]
  if (ofDevice !== undefined) return [ofDevice(state)]
  return eachPeer(state, PEER_FIELDS[field]!)
}

function dump(state: DeviceState): Cells[] {
  const device = Object.values(DEVICE_FIELDS).map((cellsOf) => cellsOf(state)[0]!)
  const [publicKey, privateKey, ...rest] = device
  const peers = eachPeer(state, (peer, presharedKey) => [
    secretText(presharedKey),
    peerEndpoint(peer),
    prefixes(peer, ','),
    handshakeSeconds(peer),
    peer.rxBytes,
    peer.txBytes,
    keepaliveText(peer),
  ])
  return [[privateKey!, publicKey!, ...rest], ...peers]
}

function eachPeer(
  { snapshot, secrets }: DeviceState,
  cellsOf: (peer: PeerSnapshot, presharedKey: PresharedKey | null) => Cells,
): Cells[] {
  return snapshot.peers.map((peer, i) => [
    formatKey(peer.publicKey),
    ...cellsOf(peer, secrets.presharedKeys[i] ?? null),
  ])
}

function publicText(key: PublicKey | null): string {
  return key === null ? NONE : formatKey(key)
}

function secretText(key: PrivateKey | PresharedKey | null): string {
  return key === null ? NONE : encodeSecretKey(key, 'base64')
}

function fwmarkText(mark: number | null): string {
  return mark === null ? 'off' : `0x${mark.toString(16)}`
}

function keepaliveText({ persistentKeepaliveInterval: interval }: PeerSnapshot): string | number {
  return interval === 0 ? 'off' : interval
}

function peerEndpoint({ endpoint }: PeerSnapshot): string {
  return endpoint === null ? NONE : endpointText(endpoint)
}

function prefixes({ allowedIps }: PeerSnapshot, separator: string): string {
  return allowedIps.length === 0 ? NONE : allowedIps.map(formatPrefix).join(separator)
}
