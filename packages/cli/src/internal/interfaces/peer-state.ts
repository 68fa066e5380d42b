/** What a snapshot tells about a peer. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'

/** `up`: a handshake less than 180 s ago, so that its session lives (§6.2, Reject-After-Time). `never`: no handshake yet. */
export type PeerState = 'up' | 'idle' | 'never'

const REJECT_AFTER_TIME_S = 180

/** `now` in seconds since the Unix epoch. */
export function peerState(peer: PeerSnapshot, now: number): PeerState {
  const handshake = handshakeSeconds(peer)
  if (handshake === 0) return 'never'
  return now - handshake < REJECT_AFTER_TIME_S ? 'up' : 'idle'
}

/** Whole seconds since the Unix epoch; 0 before the first. */
export function handshakeSeconds({ lastHandshakeTimeNs }: PeerSnapshot): number {
  return lastHandshakeTimeNs === null ? 0 : Number(lastHandshakeTimeNs / 1_000_000_000n)
}
