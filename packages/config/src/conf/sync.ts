/** `wg syncconf`: the smallest update that makes a device what a file says, without disturbing sessions. */
import type {
  AllowedIpUpdate,
  DeviceSecrets,
  DeviceSnapshot,
  DeviceUpdate,
  PeerSnapshot,
  PeerUpdate,
} from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import type { Endpoint, IpPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey } from '@wireweave/tunnel/keys'

/**
 * What has to change to get from `current` to `wanted`, an update that stands for the whole device (`setUpdate`).
 *
 * A peer that `wanted` lacks goes; one that stays keeps its session. No preshared key, or no keepalive interval, in
 * `wanted` means none; no endpoint leaves the one that the peer was last heard from. A listen port of 0 keeps the port.
 * Nothing to do is an update without keys. Linear in the number of peers and prefixes.
 */
export function syncUpdate(current: DeviceSnapshot, secrets: DeviceSecrets, wanted: DeviceUpdate): DeviceUpdate {
  const peers = peerChanges(current, secrets, mergePeers(wanted.peers ?? []))
  return {
    ...(wanted.privateKey !== undefined &&
      !sameBytes(wanted.privateKey, secrets.privateKey) && { privateKey: wanted.privateKey }),
    ...(wanted.listenPort && wanted.listenPort !== current.listenPort && { listenPort: wanted.listenPort }),
    ...(wanted.fwmark !== undefined && wanted.fwmark !== current.fwmark && { fwmark: wanted.fwmark }),
    ...(peers.length > 0 && { peers }),
  }
}

function peerChanges(current: DeviceSnapshot, secrets: DeviceSecrets, { peers, owners }: Wanted): PeerUpdate[] {
  const known = new Set<string>()
  const removals: PeerUpdate[] = []
  const changes: PeerUpdate[] = []
  for (const [i, peer] of current.peers.entries()) {
    const name = formatKey(peer.publicKey)
    const target = peers.get(name)
    if (target === undefined) {
      removals.push({ publicKey: peer.publicKey, remove: true })
      continue
    }
    known.add(name)
    const change = peerChange(peer, secrets.presharedKeys[i] ?? null, target, owners)
    if (Object.keys(change).length > 2) changes.push(change)
  }
  for (const [name, { update, allowedIps }] of peers) {
    if (known.has(name)) continue
    const owned = [...allowedIps].filter(([text]) => owners.get(text) === name)
    changes.push({ ...update, replaceAllowedIps: true, allowedIps: owned.map(([, prefix]) => prefix) })
  }
  return [...removals, ...changes]
}

function peerChange(
  peer: PeerSnapshot,
  currentPresharedKey: PresharedKey | null,
  target: WantedPeer,
  owners: ReadonlyMap<string, string>,
): PeerUpdate {
  const { presharedKey = null, endpoint, persistentKeepaliveInterval: interval = 0 } = target.update
  const allowedIps = prefixChanges(formatKey(peer.publicKey), peer.allowedIps, target.allowedIps, owners)
  return {
    publicKey: peer.publicKey,
    updateOnly: true,
    ...(!sameBytes(presharedKey, currentPresharedKey) && { presharedKey }),
    ...(endpoint !== undefined && !sameEndpoint(endpoint, peer.endpoint) && { endpoint }),
    ...(interval !== peer.persistentKeepaliveInterval && { persistentKeepaliveInterval: interval }),
    ...(allowedIps.length > 0 && { allowedIps }),
  }
}

/** A prefix that goes over to another peer needs no removal: whoever gets it takes it. */
function prefixChanges(
  name: string,
  current: readonly IpPrefix[],
  wanted: ReadonlyMap<string, IpPrefix>,
  owners: ReadonlyMap<string, string>,
): AllowedIpUpdate[] {
  const changes: AllowedIpUpdate[] = []
  const present = new Set<string>()
  for (const prefix of current) {
    const text = formatPrefix(prefix)
    present.add(text)
    if (!owners.has(text)) changes.push({ ...prefix, remove: true })
  }
  for (const [text, prefix] of wanted) {
    if (!present.has(text) && owners.get(text) === name) changes.push(prefix)
  }
  return changes
}

interface WantedPeer {
  readonly update: PeerUpdate
  readonly allowedIps: ReadonlyMap<string, IpPrefix>
}

interface Wanted {
  readonly peers: ReadonlyMap<string, WantedPeer>
  /** Which peer has a prefix in the end. */
  readonly owners: ReadonlyMap<string, string>
}

/** One entry for each public key, as if the updates had been applied in order to an empty device. */
function mergePeers(updates: readonly PeerUpdate[]): Wanted {
  const peers = new Map<string, { update: PeerUpdate; allowedIps: Map<string, IpPrefix> }>()
  const owners = new Map<string, string>()
  const forget = (name: string, prefix: string): void => {
    if (owners.get(prefix) === name) owners.delete(prefix)
  }
  for (const update of updates) {
    const name = formatKey(update.publicKey)
    const before = peers.get(name)
    if (update.remove === true || update.replaceAllowedIps === true) {
      for (const prefix of before?.allowedIps.keys() ?? []) forget(name, prefix)
      before?.allowedIps.clear()
    }
    if (update.remove === true) peers.delete(name)
    if (update.remove === true || (update.updateOnly === true && before === undefined)) continue
    const allowedIps = before?.allowedIps ?? new Map<string, IpPrefix>()
    for (const { address, length, remove } of update.allowedIps ?? []) {
      const prefix = { address, length }
      const text = formatPrefix(prefix)
      if (remove === true) {
        allowedIps.delete(text)
        forget(name, text)
      } else {
        allowedIps.set(text, prefix)
        owners.set(text, name)
      }
    }
    const { updateOnly: _updateOnly, ...rest } = { ...before?.update, ...update }
    peers.set(name, { update: rest, allowedIps })
  }
  return { peers, owners }
}

function sameEndpoint(left: Endpoint, right: Endpoint | null): boolean {
  if (right === null || left.port !== right.port) return false
  return (left.scopeId ?? 0) === (right.scopeId ?? 0) && sameBytes(left.address, right.address)
}

/** Looks at every byte whatever it finds: the bytes may be secret. */
function sameBytes(left: Uint8Array | null, right: Uint8Array | null): boolean {
  if (left === null || right === null) return left === right
  if (left.length !== right.length) return false
  let difference = 0
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ right[i]!
  return difference === 0
}
