import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DeviceSnapshot, DeviceUpdate, PeerSnapshot } from '../src/config.js'
import { formatPrefix, maskPrefix } from '../src/ip.js'
import type { IpPrefix } from '../src/ip.js'
import { formatKey } from '../src/keys.js'
import type { PublicKey } from '../src/keys.js'
import { hasRemovals, withoutRemovals } from '../src/removals.js'

type State = Map<string, Map<string, IpPrefix>>

/** What the contract says that an update does to allowed IPs, word by word. */
function applied(before: State, update: DeviceUpdate): State {
  const state: State = update.replacePeers ? new Map() : new Map([...before].map(([key, list]) => [key, new Map(list)]))
  for (const peer of update.peers ?? []) {
    const key = formatKey(peer.publicKey)
    if (peer.remove) {
      state.delete(key)
      continue
    }
    if (!state.has(key)) {
      if (peer.updateOnly) continue
      state.set(key, new Map())
    }
    if (peer.replaceAllowedIps) state.get(key)!.clear()
    for (const { address, length, remove } of peer.allowedIps ?? []) {
      const text = formatPrefix({ address, length })
      if (remove) state.get(key)!.delete(text)
      else {
        for (const list of state.values()) list.delete(text)
        state.get(key)!.set(text, { address, length })
      }
    }
  }
  return state
}

const key = (n: number): PublicKey => new Uint8Array(32).fill(n) as PublicKey
const prefix = fc.nat(4).map((n) => maskPrefix(Uint8Array.of(10, n, 0, 0), 16))
const peer = fc.record(
  {
    publicKey: fc.nat(3).map(key),
    remove: fc.boolean(),
    updateOnly: fc.boolean(),
    replaceAllowedIps: fc.boolean(),
    allowedIps: fc.uniqueArray(
      fc.tuple(prefix, fc.boolean()).map(([ip, remove]) => ({ ...ip, remove })),
      { selector: formatPrefix },
    ),
  },
  { requiredKeys: ['publicKey'] },
)
const updates = fc.record({ replacePeers: fc.boolean(), peers: fc.array(peer) })

const readable = (state: State): object =>
  Object.fromEntries([...state].map(([name, list]) => [name, [...list.keys()].toSorted()]))
const snapshotOf = (state: State): DeviceSnapshot => ({
  ...{ publicKey: null, listenPort: 0, fwmark: null },
  peers: [...state].map(([name, list]): PeerSnapshot => ({
    publicKey: Uint8Array.from(Buffer.from(name, 'base64')) as PublicKey,
    ...{ hasPresharedKey: false, endpoint: null, persistentKeepaliveInterval: 0 },
    ...{ allowedIps: [...list.values()], lastHandshakeTimeNs: null, rxBytes: 0n, txBytes: 0n },
  })),
})

test('the update without removals does what the update with them does', () => {
  fc.assert(
    fc.property(updates, updates, (first, update) => {
      const before = applied(new Map(), first)
      const rewritten = withoutRemovals(update, snapshotOf(before))
      expect(hasRemovals(rewritten)).toBe(
        (update.peers ?? []).some(
          (one, i) => rewritten.peers![i] === one && (one.allowedIps ?? []).some(({ remove }) => remove),
        ),
      )
      expect(readable(applied(before, rewritten))).toEqual(readable(applied(before, update)))
    }),
  )
})
