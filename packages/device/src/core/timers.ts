/** What starts and stops the five timers of a peer (§6). What they do when they run out is in expiry.ts. */
import {
  KEEPALIVE_TIMEOUT_MS,
  NEW_HANDSHAKE_TIMEOUT_MS,
  REKEY_TIMEOUT_MS,
  ZERO_KEY_MATERIAL_AFTER_MS,
} from '@wireweave/noise/constants'
import {
  NEW_HANDSHAKE,
  PERSISTENT_KEEPALIVE,
  RETRANSMIT_HANDSHAKE,
  SEND_KEEPALIVE,
  ZERO_KEY_MATERIAL,
} from './deadlines.js'
import type { Peer } from './peer.js'
import type { DeviceState } from './state.js'

/** Data, not a keepalive, was sent: an answer of any kind is due. */
export function dataSent(state: DeviceState, peer: Peer, now: number): void {
  if (state.deadlines.isPending(peer.slot, NEW_HANDSHAKE)) return
  state.deadlines.set(peer.slot, NEW_HANDSHAKE, now + NEW_HANDSHAKE_TIMEOUT_MS + state.drawJitterMs())
}

/** Data, not a keepalive, was received: we owe an answer, a keepalive if nothing else comes up. */
export function dataReceived(state: DeviceState, peer: Peer, now: number): void {
  if (state.deadlines.isPending(peer.slot, SEND_KEEPALIVE)) peer.needAnotherKeepalive = true
  else state.deadlines.set(peer.slot, SEND_KEEPALIVE, now + KEEPALIVE_TIMEOUT_MS)
}

/** Data, keepalive or handshake message. */
export function anyAuthenticatedSent(state: DeviceState, peer: Peer, now: number): void {
  state.deadlines.cancel(peer.slot, SEND_KEEPALIVE)
  anyAuthenticatedTraversal(state, peer, now)
}

/** Data, keepalive or handshake message. */
export function anyAuthenticatedReceived(state: DeviceState, peer: Peer, now: number): void {
  state.deadlines.cancel(peer.slot, NEW_HANDSHAKE)
  anyAuthenticatedTraversal(state, peer, now)
}

export function initiationSent(state: DeviceState, peer: Peer, now: number): void {
  state.deadlines.set(peer.slot, RETRANSMIT_HANDSHAKE, now + REKEY_TIMEOUT_MS + state.drawJitterMs())
}

/** Spreads deferred initiations over 5 s: two sides whose initiations cross would otherwise cross again and again. */
const DEFERRED_JITTER_FACTOR = 15

/** An initiation is wanted, but it is too early for one. */
export function handshakeDeferred(state: DeviceState, peer: Peer): void {
  if (state.deadlines.isPending(peer.slot, RETRANSMIT_HANDSHAKE)) return
  const at = peer.lastHandshakeSentAt + REKEY_TIMEOUT_MS + DEFERRED_JITTER_FACTOR * state.drawJitterMs()
  state.deadlines.set(peer.slot, RETRANSMIT_HANDSHAKE, at)
}

/** Both sides have the keys and know it. */
export function handshakeComplete(state: DeviceState, peer: Peer): void {
  state.deadlines.cancel(peer.slot, RETRANSMIT_HANDSHAKE)
  peer.sentLastMinuteHandshake = false
  peer.lastHandshakeUnixMs = state.options.unixTimeMs()
}

export function keypairDerived(state: DeviceState, peer: Peer, now: number): void {
  state.deadlines.set(peer.slot, ZERO_KEY_MATERIAL, now + ZERO_KEY_MATERIAL_AFTER_MS)
}

function anyAuthenticatedTraversal(state: DeviceState, peer: Peer, now: number): void {
  if (peer.persistentKeepaliveMs === 0) return
  state.deadlines.set(peer.slot, PERSISTENT_KEEPALIVE, now + peer.persistentKeepaliveMs)
}
