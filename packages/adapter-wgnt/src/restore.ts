/** The driver applies an update piece by piece; when it stops in the middle, this is the way back. */
import type { DeviceUpdate, PeerSnapshot, PeerUpdate } from '@wireweave/tunnel/config'
import { formatEndpoint, formatPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey } from '@wireweave/tunnel/keys'
import type { DecodedDevice } from './codec.js'

/**
 * The update that makes `after` what `before` was, without touching peers that are as they were; `null` when all is. (An
 * endpoint that was not known before stays known: nothing can make the driver forget one.)
 */
export function restoreUpdate(before: DecodedDevice, after: DecodedDevice): DeviceUpdate | null {
  const old = new Map(before.snapshot.peers.map((peer, i) => [formatKey(peer.publicKey), i]))
  const now = new Map(after.snapshot.peers.map((peer, i) => [formatKey(peer.publicKey), i]))
  const peers: PeerUpdate[] = after.snapshot.peers
    .filter(({ publicKey }) => !old.has(formatKey(publicKey)))
    .map(({ publicKey }) => ({ publicKey, remove: true }))
  for (const [key, i] of old) {
    const was = { peer: before.snapshot.peers[i]!, presharedKey: before.secrets.presharedKeys[i]! }
    const at = now.get(key)
    const is =
      at === undefined ? null : { peer: after.snapshot.peers[at]!, presharedKey: after.secrets.presharedKeys[at]! }
    if (is === null || !sameSettings(was, is)) peers.push(wholePeer(was))
  }
  const keyChanged = !sameBytes(before.secrets.privateKey, after.secrets.privateKey)
  const portChanged = before.snapshot.listenPort !== after.snapshot.listenPort
  if (!keyChanged && !portChanged && peers.length === 0) return null
  return {
    ...(keyChanged && { privateKey: before.secrets.privateKey }),
    ...(portChanged && { listenPort: before.snapshot.listenPort }),
    peers,
  }
}

interface KnownPeer {
  readonly peer: PeerSnapshot
  readonly presharedKey: PresharedKey | null
}

function sameSettings(was: KnownPeer, is: KnownPeer): boolean {
  return settingsText(was.peer) === settingsText(is.peer) && sameBytes(was.presharedKey, is.presharedKey)
}

function settingsText({ endpoint, persistentKeepaliveInterval, allowedIps }: PeerSnapshot): string {
  const prefixes = allowedIps.map(formatPrefix).toSorted()
  return [endpoint === null ? '' : formatEndpoint(endpoint), persistentKeepaliveInterval, ...prefixes].join(' ')
}

function wholePeer({ peer, presharedKey }: KnownPeer): PeerUpdate {
  const { publicKey, endpoint, persistentKeepaliveInterval, allowedIps } = peer
  return {
    ...{ publicKey, presharedKey, persistentKeepaliveInterval, replaceAllowedIps: true, allowedIps },
    ...(endpoint !== null && { endpoint }),
  }
}

/** Secrets that were both read from the driver: whoever could time this has them already. */
function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b
  return a.every((byte, i) => byte === b[i])
}
