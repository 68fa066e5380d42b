/** What a device shows of itself. */
import type { DeviceSecrets, DeviceSnapshot, PeerSnapshot } from '@wireweave/tunnel/config'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { ENDPOINT_BYTES, readEndpoint } from './endpoint.js'
import { type Peer, secretCopy } from './peer.js'
import type { DeviceState } from './state.js'

export function takeSnapshot(state: DeviceState): DeviceSnapshot {
  const { identity } = state
  return {
    publicKey: identity === null ? null : (identity.noise.privateKey.publicKey.slice() as PublicKey),
    listenPort: state.boundPort === 0 ? state.listenPort : state.boundPort,
    fwmark: state.fwmark,
    peers: Array.from(state.peers, (peer) => snapshotPeer(state, peer)),
  }
}

export function copySecrets(state: DeviceState): DeviceSecrets {
  const { identity } = state
  return {
    privateKey: identity === null ? null : (secretCopy(identity.privateKey) as PrivateKey),
    presharedKeys: Array.from(state.peers, ({ presharedKey }) =>
      presharedKey === null ? null : (secretCopy(presharedKey) as PresharedKey),
    ),
  }
}

function snapshotPeer(state: DeviceState, peer: Peer): PeerSnapshot {
  return {
    publicKey: peer.copyKey(),
    hasPresharedKey: peer.presharedKey !== null,
    endpoint: readEndpoint(state.endpoints.records, peer.slot * ENDPOINT_BYTES),
    persistentKeepaliveInterval: peer.persistentKeepaliveMs / 1000,
    allowedIps: state.allowedIps.prefixesOf(peer.slot),
    // Microseconds are what a double holds of the wall clock.
    lastHandshakeTimeNs:
      peer.lastHandshakeUnixMs < 0 ? null : BigInt(Math.floor(peer.lastHandshakeUnixMs * 1000)) * 1000n,
    rxBytes: peer.received.value,
    txBytes: peer.sent.value,
  }
}
