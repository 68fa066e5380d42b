/** Changing a device: first everything is checked, then nothing can fail. */
import { equal, isZero } from '@wireweave/crypto/constant-time'
import { wipe } from '@wireweave/crypto/bytes'
import { CookieChecker } from '@wireweave/noise/cookie'
import { createIdentity, type KeyLog } from '@wireweave/noise/handshake'
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { PERSISTENT_KEEPALIVE } from './deadlines.js'
import { ENDPOINT_BYTES, writeEndpoint } from './endpoint.js'
import { Peer, secretCopy } from './peer.js'
import { sendKeepalive, sendStaged } from './sending.js'
import type { DeviceIdentity, DeviceState } from './state.js'
import { checkUpdate } from './update-check.js'

const NEVER = Number.NEGATIVE_INFINITY
const NO_PRESHARED_KEY = new Uint8Array(32)

export function applyUpdate(state: DeviceState, update: DeviceUpdate, now: number): void {
  checkUpdate(state, update)
  if (update.listenPort !== undefined) state.listenPort = update.listenPort
  if (update.fwmark !== undefined) setFwmark(state, update.fwmark)
  if (update.replacePeers === true) for (const peer of [...state.peers]) removePeer(state, peer)
  if (update.privateKey !== undefined) setPrivateKey(state, update.privateKey)
  for (const peer of update.peers ?? []) applyPeer(state, peer, now)
}

export function removePeer(state: DeviceState, peer: Peer): void {
  state.allowedIps.removeAllOf(peer.slot)
  state.deadlines.cancelAll(peer.slot)
  state.endpoints.forget(peer.slot)
  state.clearSessions(peer)
  state.staged.take(peer)
  peer.setPresharedKey(null)
  peer.forgetStaticStatic()
  peer.cookie.wipe()
  state.peers.remove(peer)
  // Its slot, and its place in memory, may be another's in a moment.
  state.outbox.forgetRecord()
  state.emit('peerRemoved', peer)
}

function setFwmark(state: DeviceState, fwmark: number | null): void {
  const mark = fwmark === 0 ? null : fwmark
  if (mark === state.fwmark) return
  state.fwmark = mark
  for (const peer of state.peers) state.forgetLocalAddress(peer)
}

/** §1.2 of the protocol notes: sessions made with the old key only receive from now on, and a handshake may follow at once. */
function setPrivateKey(state: DeviceState, key: Uint8Array | null): void {
  const clamped = key === null || isZero(key) ? null : clampedCopy(key)
  const before = state.identity
  if (before === null ? clamped === null : clamped !== null && equal(before.privateKey, clamped)) return
  state.identity = clamped === null ? null : createDeviceIdentity(state, clamped)
  if (before !== null) forgetIdentity(before)
  for (const peer of [...state.peers]) {
    if (state.identity !== null && equal(peer.key, state.identity.noise.privateKey.publicKey)) {
      removePeer(state, peer)
      continue
    }
    peer.forgetStaticStatic()
    state.clearHandshake(peer)
    peer.keypairs.expireSending()
    peer.lastHandshakeSentAt = NEVER
  }
}

function createDeviceIdentity(state: DeviceState, privateKey: Uint8Array): DeviceIdentity {
  const { suite, onHandshakeSecrets } = state.options
  const keyLog: KeyLog | null = onHandshakeSecrets
    ? (localEphemeralPrivateKey, remote) =>
        state.options.onHandshakeSecrets?.({
          localStaticPrivateKey: privateKey,
          remoteStaticPublicKey: remote.publicKey.bytes,
          localEphemeralPrivateKey,
          presharedKey: remote.presharedKey ?? NO_PRESHARED_KEY,
        })
    : null
  const noise = createIdentity(suite, privateKey, keyLog)
  return { noise, privateKey, cookieChecker: new CookieChecker(suite, noise.privateKey.publicKey) }
}

function forgetIdentity(identity: DeviceIdentity): void {
  wipe(identity.privateKey)
  identity.noise.privateKey.wipe?.()
  identity.cookieChecker.wipe()
}

function applyPeer(state: DeviceState, update: PeerUpdate, now: number): void {
  // A device is no peer of itself: such an entry is passed over, so that one list can be given to all members.
  if (state.identity !== null && equal(update.publicKey, state.identity.noise.privateKey.publicKey)) return
  let peer = state.peers.find(update.publicKey)
  const isNew = peer === null
  if (peer === null) {
    if (update.remove === true || update.updateOnly === true) return
    peer = addPeer(state, update.publicKey)
  } else if (update.remove === true) {
    removePeer(state, peer)
    return
  }
  if (update.presharedKey !== undefined) {
    const none = update.presharedKey === null || isZero(update.presharedKey)
    peer.setPresharedKey(none ? null : update.presharedKey)
  }
  if (update.endpoint !== undefined) {
    writeEndpoint(state.endpoints.records, peer.slot * ENDPOINT_BYTES, update.endpoint)
    state.outbox.forgetRecord()
  }
  if (update.replaceAllowedIps === true) state.allowedIps.removeAllOf(peer.slot)
  for (const { address, length, remove } of update.allowedIps ?? []) {
    if (remove === true) state.allowedIps.remove(address, length, peer.slot)
    else state.allowedIps.insert(address, length, peer.slot)
  }
  state.emit(isNew ? 'peerAdded' : 'peerUpdated', peer)
  const wasOff = peer.persistentKeepaliveMs === 0
  if (update.persistentKeepaliveInterval !== undefined) setPersistentKeepalive(state, peer, update, now)
  if (!state.isUp) return
  if (wasOff && peer.persistentKeepaliveMs > 0) sendKeepalive(state, peer, now)
  sendStaged(state, peer, now)
}

function addPeer(state: DeviceState, publicKey: Uint8Array): Peer {
  const slot = state.peers.nextSlot()
  const peer = new Peer(slot, publicKey, state.options.suite)
  state.deadlines.reserve(slot + 1)
  state.endpoints.reserve(slot + 1)
  state.peers.add(peer)
  return peer
}

function setPersistentKeepalive(state: DeviceState, peer: Peer, update: PeerUpdate, now: number): void {
  const { deadlines } = state
  peer.persistentKeepaliveMs = update.persistentKeepaliveInterval! * 1000
  if (!deadlines.isPending(peer.slot, PERSISTENT_KEEPALIVE)) return
  if (peer.persistentKeepaliveMs === 0) deadlines.cancel(peer.slot, PERSISTENT_KEEPALIVE)
  else deadlines.set(peer.slot, PERSISTENT_KEEPALIVE, now + peer.persistentKeepaliveMs)
}

/** As X25519 uses it, and as `wg` shows it. */
function clampedCopy(key: Uint8Array): Uint8Array {
  const copy = secretCopy(key)
  copy[0]! &= 248
  copy[31] = (copy[31]! & 127) | 64
  return copy
}
