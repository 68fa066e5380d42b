/** The kernel tells nobody when handshakes fail: it is seen in its counters. */
import type { Tunnel } from '@wireweave/tunnel/backend'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'

/** Two initiations, which are 5 s apart, fit in between; so does an answer to the first. */
const LOOK_EVERY_MS = 12_000
/** With traffic a handshake is repeated after 120 s: §6.2. */
const FRESH_MS = 135_000

/**
 * Calls `onFailed` for each peer to which something was sent, from which nothing came, and with which the last handshake
 * is too old. Returns a function that ends it. Looking at counters sends nothing and wakes no peer.
 */
export function watchKernel(tunnel: Tunnel, onFailed: (peer: PublicKey) => void): () => void {
  let before = new Map<string, { readonly rx: bigint; readonly tx: bigint }>()
  const look = async (): Promise<void> => {
    const { peers } = await tunnel.snapshot()
    const after = new Map<string, { readonly rx: bigint; readonly tx: bigint }>()
    for (const { publicKey, rxBytes: rx, txBytes: tx, lastHandshakeTimeNs } of peers) {
      const key = formatKey(publicKey)
      const last = before.get(key)
      after.set(key, { rx, tx })
      const ageMs = lastHandshakeTimeNs === null ? Infinity : Date.now() - Number(lastHandshakeTimeNs / 1_000_000n)
      if (last !== undefined && tx > last.tx && rx === last.rx && ageMs > FRESH_MS) onFailed(publicKey)
    }
    before = after
  }
  const timer = setInterval(() => void look().catch(() => clearInterval(timer)), LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
