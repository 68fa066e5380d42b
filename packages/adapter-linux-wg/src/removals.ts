/** Removing single allowed IPs from kernels that can only replace a peer's whole list. */
import type { DeviceSnapshot, DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'

/** The same update in which each list with removals is the whole list that is to be, as `snapshot` was before. */
export function withoutRemovals(update: DeviceUpdate, snapshot: DeviceSnapshot): DeviceUpdate {
  const before = new Map(snapshot.peers.map((peer) => [formatKey(peer.publicKey), peer.allowedIps]))
  const peers = (update.peers ?? []).map((peer) => rewrite(peer, before.get(formatKey(peer.publicKey)) ?? []))
  return { ...update, peers }
}

function rewrite(peer: PeerUpdate, before: readonly IpPrefix[]): PeerUpdate {
  if (!peer.allowedIps?.some((prefix) => prefix.remove === true)) return peer
  const list = new Map<string, IpPrefix>()
  if (peer.replaceAllowedIps !== true) for (const prefix of before) list.set(formatPrefix(prefix), prefix)
  for (const { address, length, remove } of peer.allowedIps) {
    const prefix = { address, length }
    if (remove === true) list.delete(formatPrefix(prefix))
    else list.set(formatPrefix(prefix), prefix)
  }
  return { ...peer, replaceAllowedIps: true, allowedIps: [...list.values()] }
}
