import type { Tunnel } from '@wireweave/tunnel/backend'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchKernel } from '../src/kernel-watch.js'

const publicKey = new Uint8Array(32).fill(1) as PublicKey
const LOOK_MS = 12_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A peer whose counters a test sets; how often the watch said that handshakes with it fail. */
function watched(handshakeAgeMs: number | null) {
  const peer = { rx: 0n, tx: 0n }
  let failures = 0
  const snapshot = async (): Promise<unknown> => ({
    peers: [
      {
        publicKey,
        rxBytes: peer.rx,
        txBytes: peer.tx,
        lastHandshakeTimeNs: handshakeAgeMs === null ? null : BigInt(Date.now() - handshakeAgeMs) * 1_000_000n,
      },
    ],
  })
  const stop = watchKernel({ snapshot } as unknown as Tunnel, () => failures++)
  const look = async (tx: bigint, rx: bigint): Promise<number> => {
    peer.tx += tx
    peer.rx += rx
    await vi.advanceTimersByTimeAsync(LOOK_MS)
    return failures
  }
  return { look, stop }
}

test('a peer that is sent to, is silent and has no fresh handshake fails', async () => {
  const { look, stop } = watched(null)
  expect(await look(148n, 0n)).toBe(0)
  expect(await look(148n, 0n)).toBe(1)
  expect(await look(148n, 0n)).toBe(2)
  stop()
  expect(await look(148n, 0n)).toBe(2)
})

test('a peer that nothing is sent to does not, however old its handshake: nobody asks for it', async () => {
  const { look } = watched(3_600_000)
  await look(1000n, 1000n)
  expect(await look(0n, 0n)).toBe(0)
})

test('a peer that answers does not, nor one with a fresh handshake', async () => {
  const answering = watched(null)
  await answering.look(148n, 92n)
  expect(await answering.look(148n, 92n)).toBe(0)
  const fresh = watched(60_000)
  await fresh.look(148n, 0n)
  expect(await fresh.look(148n, 0n)).toBe(0)
})
