/** Starting a handshake: when it is time to, and how often (§6.2, §6.4). */
import { REKEY_AFTER_TIME_MS, REKEY_TIMEOUT_MS, SEND_REKEY_AFTER_MESSAGES } from '@wireweave/noise/constants'
import { createInitiation } from '@wireweave/noise/handshake'
import type { Keypair } from '@wireweave/noise/keypair'
import { HANDSHAKE_INITIATION_BYTES } from '@wireweave/noise/messages'
import { encodeTai64n } from '@wireweave/noise/tai64n'
import type { Peer } from './peer.js'
import type { DeviceState } from './state.js'
import { anyAuthenticatedSent, handshakeDeferred, initiationSent } from './timers.js'

/** DSCP AF41, as the kernel marks handshakes: they must not starve behind the data that needs them. */
export const HANDSHAKE_TRAFFIC_CLASS = 0x88

/** One unit of a whitened timestamp, 2^24 ns, rounded up. */
const TIMESTAMP_STEP_MS = 17

/**
 * Sends an initiation to a peer with an endpoint: now, or REKEY_TIMEOUT after the last initiation or response (§6.1).
 * Does nothing while there is no private key.
 *
 * Linux forgets a request that comes too early. Two peers that start at the same time answer each other, so that both
 * requests are too early: here they are not lost.
 */
export function startHandshake(state: DeviceState, peer: Peer, isRetry: boolean, now: number): void {
  if (!isRetry) peer.handshakeAttempts = 0
  if (state.identity === null) return
  if (now - peer.lastHandshakeSentAt < REKEY_TIMEOUT_MS) handshakeDeferred(state, peer)
  else sendInitiation(state, peer, now)
}

/** After sending with `keypair`: the initiator replaces it in time, and either side when it has sent too much (§6.2). */
export function keepKeyFresh(state: DeviceState, peer: Peer, keypair: Keypair, now: number): void {
  const isOld = keypair.isInitiator && now - keypair.createdAt >= REKEY_AFTER_TIME_MS
  if (isOld || keypair.sendCounter > SEND_REKEY_AFTER_MESSAGES) startHandshake(state, peer, false, now)
}

function sendInitiation(state: DeviceState, peer: Peer, now: number): void {
  const identity = state.identity!.noise
  peer.lastHandshakeSentAt = now
  state.clearHandshake(peer)
  peer.prepare(identity)
  const ephemeralSecret = new Uint8Array(32)
  state.options.random(ephemeralSecret)
  const senderIndex = state.indices.allocate(peer)
  const timestamp = encodeTai64n(nextTimestampMs(state, peer))
  const { bytes } = state.options.arena
  const at = state.outbox.reserve(HANDSHAKE_INITIATION_BYTES)
  const created = createInitiation(identity, peer, { ephemeralSecret, senderIndex, timestamp }, bytes, at)
  if (typeof created === 'number') {
    // A low-order public key (§1.2 of the protocol notes): such a peer can be configured, but nothing is ever sent to it.
    state.indices.free(senderIndex)
    return
  }
  peer.handshake = created
  peer.cookie.addMacs(bytes, at, HANDSHAKE_INITIATION_BYTES, now)
  state.outbox.sendToPeer(peer, HANDSHAKE_INITIATION_BYTES, HANDSHAKE_TRAFFIC_CLASS)
  peer.sent.add(HANDSHAKE_INITIATION_BYTES)
  state.stats.handshakeInitiationsSent++
  anyAuthenticatedSent(state, peer, now)
  initiationSent(state, peer, now)
  state.emit('handshakeInitiationSent', peer)
}

/**
 * Peers accept only increasing timestamps (§5.1). When the wall clock was set back, we go on from what we told this peer
 * last, or it would ignore us until the clock has caught up.
 */
function nextTimestampMs(state: DeviceState, peer: Peer): number {
  peer.lastTimestampSentMs = Math.max(state.options.unixTimeMs(), peer.lastTimestampSentMs + TIMESTAMP_STEP_MS)
  return peer.lastTimestampSentMs
}
