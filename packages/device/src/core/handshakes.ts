/** Handshake messages of others (§5.3, §5.4): queued when their first MAC is right, worked off in bounded steps. */
import {
  INITIATION_INTERVAL_MS,
  UNDER_LOAD_AFTER_TIME_MS,
  UNDER_LOAD_QUEUED_HANDSHAKES,
} from '@wireweave/noise/constants'
import { COOKIE_SECRET_BYTES } from '@wireweave/noise/cookie'
import { DROP_UNKNOWN_PEER } from '@wireweave/noise/drop'
import {
  consumeInitiation,
  consumeResponse,
  createResponse,
  deriveKeypair,
  type InitiationConsumed,
  wipeHandshake,
  ZEROED,
} from '@wireweave/noise/handshake'
import {
  COOKIE_NONCE_BYTES,
  COOKIE_RECEIVER_INDEX,
  COOKIE_REPLY,
  COOKIE_REPLY_BYTES,
  HANDSHAKE_INITIATION,
  HANDSHAKE_INITIATION_BYTES,
  HANDSHAKE_RESPONSE_BYTES,
  RESPONSE_RECEIVER_INDEX,
} from '@wireweave/noise/messages'
import { compareTai64n } from '@wireweave/noise/tai64n'
import { formatKey } from '@wireweave/tunnel/keys'
import { ENDPOINT_LOCAL, readEndpoint } from './endpoint.js'
import { readIndex } from './index-table.js'
import { HANDSHAKE_TRAFFIC_CLASS } from './initiation.js'
import type { Peer } from './peer.js'
import { sendKeepalive } from './sending.js'
import type { DeviceIdentity, DeviceState } from './state.js'
import { anyAuthenticatedReceived, anyAuthenticatedSent, handshakeComplete, keypairDerived } from './timers.js'

const COOKIE_REPLY_TRAFFIC_CLASS = 0
const STALE_WARNING_INTERVAL_MS = 60_000

/** Nothing but the cheapest checks: mac1 shows that the sender knows our public key, an index that we asked for an answer. */
export function queueHandshake(
  state: DeviceState,
  type: number,
  at: number,
  length: number,
  records: Uint8Array,
  record: number,
  now: number,
): void {
  const { drops } = state.stats
  const { bytes } = state.options.arena
  // Before the MAC: a flood that fills the queue must not also cost us a hash for each message.
  if (state.handshakeQueue.isFull) {
    drops.handshakeQueueFull++
    return
  }
  if (type === COOKIE_REPLY) {
    if (state.indices.get(readIndex(bytes, at + COOKIE_RECEIVER_INDEX)) === undefined) {
      drops.unknownIndex++
      return
    }
  } else if (state.identity === null || state.identity.cookieChecker.checkMac1(bytes, at, length) < 0) {
    drops.badMac1++
    return
  }
  state.handshakeQueue.add(type, bytes, at, length, records, record)
  state.lastHandshakeQueuedAt = now
}

/** Works off at most `budget` messages. */
export function processHandshakes(state: DeviceState, budget: number, now: number): void {
  const queue = state.handshakeQueue
  for (let i = 0; i < budget && queue.count > 0; i++) {
    const underLoad = isUnderLoad(state, now)
    if (state.identity !== null) processFirst(state, state.identity, underLoad, now)
    queue.removeFirst()
  }
}

/** §5.3. Sticky, so that a queue that is worked off quickly does not make us waver. */
function isUnderLoad(state: DeviceState, now: number): boolean {
  if (state.handshakeQueue.count >= UNDER_LOAD_QUEUED_HANDSHAKES) state.lastUnderLoadAt = now
  return now - state.lastUnderLoadAt < UNDER_LOAD_AFTER_TIME_MS
}

function processFirst(state: DeviceState, identity: DeviceIdentity, underLoad: boolean, now: number): void {
  const type = state.handshakeQueue.firstType
  if (type === COOKIE_REPLY) receiveCookieReply(state, now)
  else if (underLoad && !passesLoadChecks(state, identity, now)) return
  else if (type === HANDSHAKE_INITIATION) receiveInitiation(state, identity, now)
  else receiveResponse(state, identity, now)
}

/** Under load only a sender that has shown a cookie, and so its address, is worth a Diffie-Hellman, and not too often. */
function passesLoadChecks(state: DeviceState, identity: DeviceIdentity, now: number): boolean {
  const { bytes, first, firstLength, firstRecord } = state.handshakeQueue
  const source = bytes.subarray(firstRecord, firstRecord + ENDPOINT_LOCAL)
  if (identity.cookieChecker.checkMac2(bytes, first, firstLength, source, now) < 0) {
    sendCookieReply(state, identity, source, now)
    return false
  }
  if (state.rateLimiter.allow(source, now)) return true
  state.stats.drops.rateLimited++
  return false
}

function sendCookieReply(state: DeviceState, identity: DeviceIdentity, source: Uint8Array, now: number): void {
  const { bytes, first, firstLength, firstRecord } = state.handshakeQueue
  const { random, arena } = state.options
  if (identity.cookieChecker.needsSecret(now)) {
    const secret = new Uint8Array(COOKIE_SECRET_BYTES)
    random(secret)
    identity.cookieChecker.setSecret(secret, now)
    secret.fill(0)
  }
  const nonce = new Uint8Array(COOKIE_NONCE_BYTES)
  random(nonce)
  const at = state.outbox.reserve(COOKIE_REPLY_BYTES)
  identity.cookieChecker.createReply(bytes, first, firstLength, source, nonce, arena.bytes, at, now)
  state.outbox.sendTo(bytes, firstRecord, COOKIE_REPLY_BYTES, COOKIE_REPLY_TRAFFIC_CLASS)
  state.stats.cookieRepliesSent++
  const to = readEndpoint(bytes, firstRecord)
  if (to !== null) state.options.onEvent?.({ tag: 'cookieReplySent', to })
}

/** Keeps the cookie for the next message. No timer, no endpoint, no message changes by it (§5.4.7). */
function receiveCookieReply(state: DeviceState, now: number): void {
  const { bytes, first } = state.handshakeQueue
  const peer = state.indices.get(readIndex(bytes, first + COOKIE_RECEIVER_INDEX))
  if (peer === undefined || peer.cookie.consumeReply(bytes, first, now) < 0) {
    state.stats.drops.badCookieReply++
    return
  }
  state.emit('cookieReplyReceived', peer)
}

function receiveInitiation(state: DeviceState, identity: DeviceIdentity, now: number): void {
  const { bytes, first, firstRecord } = state.handshakeQueue
  const { drops } = state.stats
  const consumed = consumeInitiation(identity.noise, bytes, first, (key) => findRemote(state, identity, key))
  if (typeof consumed === 'number') {
    if (consumed === DROP_UNKNOWN_PEER) drops.unknownPeer++
    else drops.badHandshake++
    return
  }
  const { remote: peer, timestamp } = consumed
  // §5.1: an initiation played back has no greater timestamp than what we accepted.
  const isStale = peer.greatestTimestamp !== null && compareTai64n(timestamp, peer.greatestTimestamp) <= 0
  const isFlood = now - peer.lastInitiationConsumedAt < INITIATION_INTERVAL_MS
  if (isStale || isFlood) {
    wipeHandshake(consumed.state)
    if (isStale) refuseStale(state, peer, now)
    else drops.initiationFlood++
    return
  }
  peer.greatestTimestamp = timestamp
  peer.lastInitiationConsumedAt = now
  state.clearHandshake(peer)
  peer.received.add(HANDSHAKE_INITIATION_BYTES)
  state.emit('handshakeInitiationReceived', peer)
  state.learnEndpoint(peer, bytes, firstRecord)
  sendResponse(state, identity, peer, consumed.state, now)
  anyAuthenticatedReceived(state, peer, now)
}

/** Said now and then only: whoever has seen an initiation can play it back as often as he likes. */
function refuseStale(state: DeviceState, peer: Peer, now: number): void {
  state.stats.drops.staleTimestamp++
  if (now - state.lastStaleWarningAt < STALE_WARNING_INTERVAL_MS) return
  state.lastStaleWarningAt = now
  const message =
    `${formatKey(peer.key)}: dropped a handshake initiation with an old timestamp. ` +
    'The clock of the peer was set back, or its message was played back. If the clock was ahead before: remove the peer here and add it again.'
  state.options.onEvent?.({ tag: 'log', level: 'verbose', message })
}

/** Who an initiation claims to be from. Computes ahead what only depends on keys; nothing else changes. */
function findRemote(state: DeviceState, identity: DeviceIdentity, publicKey: Uint8Array): Peer | null {
  const peer = state.peers.find(publicKey)
  peer?.prepare(identity.noise)
  return peer
}

function sendResponse(
  state: DeviceState,
  identity: DeviceIdentity,
  peer: Peer,
  handshake: InitiationConsumed,
  now: number,
): void {
  const { suite, random, arena } = state.options
  peer.lastHandshakeSentAt = now
  const ephemeralSecret = new Uint8Array(32)
  random(ephemeralSecret)
  const senderIndex = state.indices.allocate(peer)
  const at = state.outbox.reserve(HANDSHAKE_RESPONSE_BYTES)
  const created = createResponse(identity.noise, peer, handshake, { ephemeralSecret, senderIndex }, arena.bytes, at)
  if (typeof created === 'number') {
    state.indices.free(senderIndex)
    state.stats.drops.badHandshake++
    return
  }
  peer.cookie.addMacs(arena.bytes, at, HANDSHAKE_RESPONSE_BYTES, now)
  state.outbox.sendToPeer(peer, HANDSHAKE_RESPONSE_BYTES, HANDSHAKE_TRAFFIC_CLASS)
  peer.sent.add(HANDSHAKE_RESPONSE_BYTES)
  state.stats.handshakeResponsesSent++
  // Unconfirmed: nothing is sent with it before the peer has shown to have it (§6.3).
  state.addKeypair(peer, deriveKeypair(suite, created, now))
  keypairDerived(state, peer, now)
  anyAuthenticatedSent(state, peer, now)
  state.emit('handshakeResponseSent', peer)
}

function receiveResponse(state: DeviceState, identity: DeviceIdentity, now: number): void {
  const { bytes, first, firstRecord } = state.handshakeQueue
  const { drops } = state.stats
  const index = readIndex(bytes, first + RESPONSE_RECEIVER_INDEX)
  const peer = state.indices.get(index)
  if (peer === undefined || peer.handshake.tag !== 'initiationCreated' || peer.handshake.localIndex !== index) {
    drops.unknownIndex++
    return
  }
  const consumed = consumeResponse(identity.noise, peer, peer.handshake, bytes, first)
  if (typeof consumed === 'number') {
    drops.badHandshake++
    return
  }
  // The index now belongs to the keypair.
  peer.handshake = ZEROED
  peer.received.add(HANDSHAKE_RESPONSE_BYTES)
  state.emit('handshakeResponseReceived', peer)
  state.learnEndpoint(peer, bytes, firstRecord)
  state.addKeypair(peer, deriveKeypair(state.options.suite, consumed, now))
  keypairDerived(state, peer, now)
  handshakeComplete(state, peer)
  state.options.onEvent?.({ tag: 'sessionEstablished', peer: peer.copyKey(), role: 'initiator' })
  anyAuthenticatedReceived(state, peer, now)
  // What waits, or else an empty packet: the responder may not send before it hears from us.
  sendKeepalive(state, peer, now)
}
