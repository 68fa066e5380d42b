/** What the timers of a peer do when they run out (§6). */
import {
  KEEPALIVE_TIMEOUT_MS,
  MAX_HANDSHAKE_ATTEMPTS,
  NEW_HANDSHAKE_TIMEOUT_MS,
  REKEY_TIMEOUT_MS,
  ZERO_KEY_MATERIAL_AFTER_MS,
} from '@wireweave/noise/constants'
import {
  NEW_HANDSHAKE,
  PERSISTENT_KEEPALIVE,
  RETRANSMIT_HANDSHAKE,
  SEND_KEEPALIVE,
  type Timer,
  ZERO_KEY_MATERIAL,
} from './deadlines.js'
import { startHandshake } from './initiation.js'
import type { Peer } from './peer.js'
import { sendKeepalive } from './sending.js'
import type { DeviceState } from './state.js'

/** Runs every deadline up to `now`, the earliest first. */
export function runDeadlines(state: DeviceState, now: number): void {
  const { deadlines } = state
  for (;;) {
    const slot = deadlines.earliestSlot()
    if (slot < 0) return
    const earliest = deadlines.earliestTimer(slot)
    if (deadlines.at(slot, earliest) > now) return
    // After a sleep much is due at once: a handshake begun before the keys are wiped would be wiped with them.
    const timer = deadlines.at(slot, ZERO_KEY_MATERIAL) <= now ? ZERO_KEY_MATERIAL : earliest
    deadlines.cancel(slot, timer)
    run(state, state.peers.at(slot)!, timer, now)
  }
}

function run(state: DeviceState, peer: Peer, timer: Timer, now: number): void {
  switch (timer) {
    case RETRANSMIT_HANDSHAKE:
      return retransmitHandshake(state, peer, now)
    case SEND_KEEPALIVE:
      return sendPassiveKeepalive(state, peer, now)
    case NEW_HANDSHAKE:
      return startNewHandshake(state, peer, now)
    case ZERO_KEY_MATERIAL:
      return zeroKeyMaterial(state, peer)
    case PERSISTENT_KEEPALIVE:
      // What is sent sets it again, an initiation too (timers.ts).
      return sendKeepalive(state, peer, now)
  }
}

/** §6.4. */
function retransmitHandshake(state: DeviceState, peer: Peer, now: number): void {
  const { deadlines, options } = state
  if (peer.handshakeAttempts > MAX_HANDSHAKE_ATTEMPTS) {
    deadlines.cancel(peer.slot, SEND_KEEPALIVE)
    dropStaged(state, peer)
    if (!deadlines.isPending(peer.slot, ZERO_KEY_MATERIAL)) {
      deadlines.set(peer.slot, ZERO_KEY_MATERIAL, now + ZERO_KEY_MATERIAL_AFTER_MS)
    }
    options.onEvent?.({ tag: 'handshakeGaveUp', peer: peer.copyKey(), attempts: peer.handshakeAttempts + 1 })
    return
  }
  peer.handshakeAttempts++
  const attempt = peer.handshakeAttempts + 1
  options.onEvent?.({ tag: 'handshakeRetry', peer: peer.copyKey(), attempt, seconds: REKEY_TIMEOUT_MS / 1000 })
  state.forgetLocalAddress(peer)
  startHandshake(state, peer, true, now)
}

/** §6.5: data came in and nothing went out. */
function sendPassiveKeepalive(state: DeviceState, peer: Peer, now: number): void {
  sendKeepalive(state, peer, now)
  if (!peer.needAnotherKeepalive) return
  peer.needAnotherKeepalive = false
  state.deadlines.set(peer.slot, SEND_KEEPALIVE, now + KEEPALIVE_TIMEOUT_MS)
}

/** §6.5: data went out and nothing came in. */
function startNewHandshake(state: DeviceState, peer: Peer, now: number): void {
  const seconds = NEW_HANDSHAKE_TIMEOUT_MS / 1000
  state.options.onEvent?.({ tag: 'newHandshakeTimer', peer: peer.copyKey(), seconds })
  state.forgetLocalAddress(peer)
  startHandshake(state, peer, false, now)
}

/** §6.3: no new session for so long that all keys are past use. */
function zeroKeyMaterial(state: DeviceState, peer: Peer): void {
  state.clearSessions(peer)
  peer.forgetImportedKey()
  dropStaged(state, peer)
  const seconds = ZERO_KEY_MATERIAL_AFTER_MS / 1000
  state.options.onEvent?.({ tag: 'keysZeroed', peer: peer.copyKey(), seconds })
}

function dropStaged(state: DeviceState, peer: Peer): void {
  for (const packet of state.staged.take(peer)) if (packet.length > 0) state.stats.drops.stagedExpired++
}
