/** Removing single allowed IPs where the system can only replace a peer's whole list: Linux before 6.16, WireGuardNT before 0.11. */
import type { AllowedIpUpdate, DeviceSnapshot, DeviceUpdate, PeerUpdate } from './config.js'
import { formatPrefix } from './ip.js'
import type { IpPrefix } from './ip.js'
import { formatKey } from './keys.js'

export function hasRemovals(update: DeviceUpdate): boolean {
  return (update.peers ?? []).some(removesAllowedIps)
}

/**
 * The same update in which each list with removals is the whole list that is to be, given what `snapshot` was before. (A
 * list that gives and then removes one prefix leaves it with the peer that had it.)
 */
export function withoutRemovals(update: DeviceUpdate, snapshot: DeviceSnapshot): DeviceUpdate {
  const table = new Table()
  if (update.replacePeers !== true) {
    for (const { publicKey, allowedIps } of snapshot.peers) table.give(formatKey(publicKey), allowedIps)
  }
  return { ...update, peers: (update.peers ?? []).map((peer) => rewrite(peer, table)) }
}

function rewrite(peer: PeerUpdate, table: Table): PeerUpdate {
  const key = formatKey(peer.publicKey)
  if (peer.remove === true) table.forget(key)
  if (peer.remove === true || (peer.updateOnly === true && !table.has(key))) return peer
  if (peer.replaceAllowedIps === true) table.forget(key)
  table.give(key, peer.allowedIps ?? [])
  return removesAllowedIps(peer) ? { ...peer, replaceAllowedIps: true, allowedIps: table.listOf(key) } : peer
}

function removesAllowedIps({ allowedIps = [] }: PeerUpdate): boolean {
  return allowedIps.some(({ remove }) => remove === true)
}

/** Who has which prefix, as the update goes on. */
class Table {
  readonly #owners = new Map<string, string>()
  readonly #lists = new Map<string, Map<string, IpPrefix>>()

  has(key: string): boolean {
    return this.#lists.has(key)
  }

  listOf(key: string): IpPrefix[] {
    return [...this.#lists.get(key)!.values()]
  }

  forget(key: string): void {
    for (const text of this.#lists.get(key)?.keys() ?? []) this.#owners.delete(text)
    this.#lists.delete(key)
  }

  give(key: string, changes: readonly AllowedIpUpdate[]): void {
    const list = this.#lists.get(key) ?? new Map<string, IpPrefix>()
    this.#lists.set(key, list)
    for (const { address, length, remove } of changes) {
      const text = formatPrefix({ address, length })
      if (remove === true) {
        if (list.delete(text)) this.#owners.delete(text)
        continue
      }
      const owner = this.#owners.get(text)
      if (owner !== undefined && owner !== key) this.#lists.get(owner)?.delete(text)
      this.#owners.set(text, key)
      list.set(text, { address, length })
    }
  }
}
