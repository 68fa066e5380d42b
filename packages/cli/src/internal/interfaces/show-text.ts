/** What `wg show` prints for people, byte for byte. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { formatIp } from '@wireweave/tunnel/ip'
import { encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey } from '@wireweave/tunnel/keys'
import type { DeviceState } from 'wireweave/interfaces'
import { endpointText } from './endpoint-text.js'
import type { Palette } from './palette.js'
import { handshakeSeconds } from './peer-state.js'
import { ageText, bytesText, durationText } from './units.js'

export interface TextOptions {
  readonly palette: Palette
  readonly showKeys: boolean
  /** Whole seconds since the Unix epoch. */
  readonly now: number
}

/** Without the blank line that separates it from the next interface. */
export function showText(name: string, { snapshot, secrets }: DeviceState, options: TextOptions): string {
  const { palette } = options
  const { reset, bold, green } = palette
  const lines = [`${reset}${green}${bold}interface${reset}: ${green}${name}${reset}`]
  const add = (label: string, value: string): void => void lines.push(`  ${bold}${label}${reset}: ${value}`)
  if (snapshot.publicKey !== null) add('public key', formatKey(snapshot.publicKey))
  if (secrets.privateKey !== null) add('private key', secretText(secrets.privateKey, options))
  if (snapshot.listenPort !== 0) add('listening port', String(snapshot.listenPort))
  if (snapshot.fwmark !== null) add('fwmark', `0x${snapshot.fwmark.toString(16)}`)
  const newestFirst = snapshot.peers
    .map((peer, i) => ({ peer, presharedKey: secrets.presharedKeys[i] ?? null }))
    .toSorted((a, b) => compare(b.peer.lastHandshakeTimeNs ?? 0n, a.peer.lastHandshakeTimeNs ?? 0n))
  for (const { peer, presharedKey } of newestFirst) {
    lines.push('')
    addPeer(lines, add, peer, presharedKey, options)
  }
  return `${lines.join('\n')}\n`
}

function addPeer(
  lines: string[],
  add: (label: string, value: string) => void,
  peer: PeerSnapshot,
  presharedKey: PresharedKey | null,
  options: TextOptions,
): void {
  const { palette, now } = options
  const { reset, bold, yellow, cyan } = palette
  lines.push(`${yellow}${bold}peer${reset}: ${yellow}${formatKey(peer.publicKey)}${reset}`)
  if (presharedKey !== null) add('preshared key', secretText(presharedKey, options))
  if (peer.endpoint !== null) add('endpoint', endpointText(peer.endpoint))
  const allowedIps = peer.allowedIps.map(({ address, length }) => `${formatIp(address)}${cyan}/${reset}${length}`)
  add('allowed ips', allowedIps.length === 0 ? '(none)' : allowedIps.join(', '))
  const handshake = handshakeSeconds(peer)
  if (handshake !== 0) add('latest handshake', ageText(handshake, now, palette))
  if (peer.rxBytes !== 0n || peer.txBytes !== 0n)
    add('transfer', `${bytesText(peer.rxBytes, palette)} received, ${bytesText(peer.txBytes, palette)} sent`)
  const { persistentKeepaliveInterval: interval } = peer
  if (interval !== 0) add('persistent keepalive', `every ${durationText(interval, palette)}`)
}

function secretText(key: PrivateKey | PresharedKey, { showKeys }: TextOptions): string {
  return showKeys ? encodeSecretKey(key, 'base64') : '(hidden)'
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
