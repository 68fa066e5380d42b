/** Values for the conformance suites, and configurations as they can be compared. */
import type { DeviceSnapshot, PeerSnapshot, PeerUpdate } from '@wireweave/tunnel/config'
import { formatEndpoint, formatPrefix, parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { Endpoint, IpPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { Random } from '../random.js'

export interface ReadablePeer {
  readonly key: string
  readonly hasPresharedKey: boolean
  readonly endpoint: string | null
  readonly persistentKeepaliveInterval: number
  readonly allowedIps: string[]
}

/** The configured part of a peer, in an order of its own. */
export function readable(peer: PeerSnapshot): ReadablePeer {
  const { hasPresharedKey, persistentKeepaliveInterval } = peer
  return {
    key: formatKey(peer.publicKey),
    hasPresharedKey,
    endpoint: peer.endpoint && formatEndpoint(peer.endpoint),
    persistentKeepaliveInterval,
    allowedIps: peer.allowedIps.map(formatPrefix).toSorted(),
  }
}

export function comparable(snapshot: DeviceSnapshot): object {
  const { publicKey: key, fwmark, peers } = snapshot
  return { publicKey: key, fwmark, peers: peers.map(readable).toSorted(byKey) }
}

export function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1
}

export function manyPeers(count: number): PeerUpdate[] {
  return Array.from({ length: count }, (_, n) => ({
    publicKey: publicKey(1000 + n),
    allowedIps: [prefix(`10.${n >>> 8}.${n & 255}.0/24`)],
  }))
}

export function privateKey(n: number): PrivateKey {
  return clamped(new Random(n).bytes(32)) as PrivateKey
}

export function publicKey(n: number): PublicKey {
  return new Random(1_000_000 + n).bytes(32) as PublicKey
}

export function presharedKey(n: number): PresharedKey {
  return new Random(2_000_000 + n).bytes(32) as PresharedKey
}

export function clamped(key: Uint8Array): Uint8Array {
  const copy = key.slice()
  copy[0]! &= 248
  copy[31] = (copy[31]! & 127) | 64
  return copy
}

export function prefix(text: string): IpPrefix {
  return parsePrefix(text)!
}

export function endpoint(text: string): Endpoint {
  return parseEndpoint(text)!
}
