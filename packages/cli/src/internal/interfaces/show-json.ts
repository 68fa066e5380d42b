/** Interfaces in the shape of upstream's `wg-json`: what is not set is absent. Our own fields stand beside them. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey } from '@wireweave/tunnel/keys'
import type { DeviceState } from 'wireweave/interfaces'
import { endpointText } from './endpoint-text.js'
import type { PeerNames } from './peer-names.js'
import { handshakeSeconds, peerState } from './peer-state.js'

export interface JsonOptions {
  readonly names: PeerNames
  /** Otherwise a key that is set reads `(hidden)`. */
  readonly showKeys: boolean
  /** Whole seconds since the Unix epoch. */
  readonly now: number
  /** Fields to add to a peer. */
  readonly more?: (peer: PeerSnapshot) => Readonly<Record<string, Json>>
}

export type Json = string | number | bigint | readonly Json[] | { readonly [key: string]: Json }

export function deviceJson({ snapshot, secrets }: DeviceState, options: JsonOptions): Record<string, Json> {
  const peers: Record<string, Json> = {}
  for (const [i, peer] of snapshot.peers.entries())
    peers[formatKey(peer.publicKey)] = peerJson(peer, secrets.presharedKeys[i] ?? null, options)
  return {
    ...(secrets.privateKey !== null && { privateKey: secretText(secrets.privateKey, options) }),
    ...(snapshot.publicKey !== null && { publicKey: formatKey(snapshot.publicKey) }),
    ...(snapshot.listenPort !== 0 && { listenPort: snapshot.listenPort }),
    ...(snapshot.fwmark !== null && { fwmark: snapshot.fwmark }),
    peers,
  }
}

function peerJson(peer: PeerSnapshot, presharedKey: PresharedKey | null, options: JsonOptions): Json {
  const name = options.names.get(formatKey(peer.publicKey))
  const handshake = handshakeSeconds(peer)
  const { persistentKeepaliveInterval: interval } = peer
  return {
    ...(name !== undefined && { name }),
    state: peerState(peer, options.now),
    ...(presharedKey !== null && { presharedKey: secretText(presharedKey, options) }),
    ...(peer.endpoint !== null && { endpoint: endpointText(peer.endpoint) }),
    ...(handshake !== 0 && { latestHandshake: handshake }),
    ...(peer.rxBytes !== 0n && { transferRx: peer.rxBytes }),
    ...(peer.txBytes !== 0n && { transferTx: peer.txBytes }),
    ...(interval !== 0 && { persistentKeepalive: interval }),
    ...options.more?.(peer),
    allowedIps: peer.allowedIps.map(formatPrefix),
  }
}

function secretText(key: PrivateKey | PresharedKey, { showKeys }: JsonOptions): string {
  return showKeys ? encodeSecretKey(key, 'base64') : '(hidden)'
}

/** As `JSON.stringify`, but counters keep all of their 64 bits. `indent` is a tab for people, as in `wg-json`, or nothing. */
export function jsonText(value: Json, indent: '\t' | '' = '', margin: string = '\n'): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object') return JSON.stringify(value)
  const inner = margin + indent
  const isList = Array.isArray(value)
  const items = isList
    ? (value as readonly Json[]).map((item) => jsonText(item, indent, inner))
    : Object.entries(value).map(
        ([key, item]) => `${JSON.stringify(key)}:${indent && ' '}${jsonText(item, indent, inner)}`,
      )
  const [open, close] = isList ? ['[', ']'] : ['{', '}']
  if (items.length === 0) return open + close
  if (indent === '') return open + items.join(',') + close
  return open + items.map((item) => inner + item).join(',') + margin + close
}
