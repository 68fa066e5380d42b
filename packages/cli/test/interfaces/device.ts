/** A device to show. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import type { DeviceState } from 'wireweave/interfaces'

/** Seconds since the Unix epoch. */
export const NOW = 1_800_000_000

const publicKey = (n: number): PublicKey => new Uint8Array(32).fill(n) as PublicKey

export function peer(n: number, more: Partial<PeerSnapshot> = {}): PeerSnapshot {
  return {
    publicKey: publicKey(n),
    hasPresharedKey: false,
    endpoint: null,
    persistentKeepaliveInterval: 0,
    allowedIps: [],
    lastHandshakeTimeNs: null,
    rxBytes: 0n,
    txBytes: 0n,
    ...more,
  }
}

/** Before {@link NOW}. */
export function ago(seconds: number): bigint {
  return BigInt(NOW - seconds) * 1_000_000_000n
}

export function device(...peers: PeerSnapshot[]): DeviceState {
  return {
    snapshot: { publicKey: publicKey(200), listenPort: 51820, fwmark: null, peers },
    secrets: {
      privateKey: new Uint8Array(32).fill(100) as PrivateKey,
      presharedKeys: peers.map((each) => (each.hasPresharedKey ? (new Uint8Array(32).fill(99) as PresharedKey) : null)),
    },
  }
}

/** A peer with everything. */
export const busyPeer: PeerSnapshot = peer(1, {
  hasPresharedKey: true,
  endpoint: parseEndpoint('192.0.2.1:51820')!,
  persistentKeepaliveInterval: 25,
  allowedIps: [parsePrefix('10.0.0.2/32')!, parsePrefix('fd00::2/128')!],
  lastHandshakeTimeNs: ago(65),
  rxBytes: 2224n,
  txBytes: 2n ** 60n + 1n,
})
