/** What an update must be before any of it takes effect. */
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { validateUpdate } from '@wireweave/tunnel/validate'
import { MAX_PEERS } from './peer-table.js'
import type { DeviceState } from './state.js'

/** Throws a `WireGuardError` that names the value at fault, unless it is a secret. */
export function checkUpdate(state: DeviceState, update: DeviceUpdate): void {
  validateUpdate(update)
  let peers = update.replacePeers === true ? 0 : state.peers.size
  for (const peer of update.peers ?? []) {
    const adds = peer.remove !== true && peer.updateOnly !== true
    if (adds && (update.replacePeers === true || state.peers.find(peer.publicKey) === null)) peers++
  }
  if (peers > MAX_PEERS) {
    throw new WireGuardError('LIMIT', `a device holds at most ${MAX_PEERS} peers: spread them over several interfaces`)
  }
}
