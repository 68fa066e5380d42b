/** From the interface to the wire (§5.4.6, §6.2): routes packets, seals them, keeps those that must wait for a key. */
import type { BatchSealer, TransportEngine } from '@wireweave/crypto/suite'
import type { Keypair } from '@wireweave/noise/keypair'
import { TRANSPORT_HEADER_BYTES, TRANSPORT_OVERHEAD_BYTES } from '@wireweave/noise/messages'
import { paddedLength, sealTransport } from '@wireweave/noise/transport'
import type { PacketBatch } from '@wireweave/tunnel/packets'
import { outerTrafficClass } from './ecn.js'
import { answerUnreachable } from './unreachable.js'
import { keepKeyFresh, startHandshake } from './initiation.js'
import { IPV4_DESTINATION, IPV6_DESTINATION, ipVersion } from './inner-packet.js'
import { MAX_DATAGRAM_BYTES } from './outbox.js'
import type { Peer } from './peer.js'
import { dropOwnDatagram, isOwnDatagram } from './routing-loop.js'
import type { DeviceState } from './state.js'
import { anyAuthenticatedSent, dataSent } from './timers.js'

const MAX_PACKET_BYTES = MAX_DATAGRAM_BYTES - TRANSPORT_OVERHEAD_BYTES
/** Traffic class of what has no inner header. */
const NO_TRAFFIC_CLASS = 0
/** So many packets are sealed on several threads, where the engine can: fewer are done before others have begun. */
const FEWEST_SHARED_PACKETS = 32

export function sendPackets(state: DeviceState, batch: PacketBatch, now: number): void {
  const { engine } = state.options
  if (engine.batch === undefined || batch.count < FEWEST_SHARED_PACKETS) return sendEach(state, batch, engine, now)
  try {
    sendEach(state, batch, engine.batch, now)
  } finally {
    engine.batch.settle()
  }
}

function sendEach(state: DeviceState, batch: PacketBatch, sealer: TransportEngine | BatchSealer, now: number): void {
  const { drops } = state.stats
  if (!state.isUp) {
    drops.interfaceDown += batch.count
    return
  }
  const { bytes } = state.options.arena
  const destinations = findPeers(state, batch)
  for (let i = 0; i < batch.count; i++) {
    const at = batch.offsets[i]!
    const length = batch.lengths[i]!
    const version = ipVersion(bytes, at, length)
    if (version === 0 || length > MAX_PACKET_BYTES) {
      drops.malformedPacket++
      continue
    }
    const slot = destinations[i]!
    if (slot < 0) {
      drops.noRoute++
      answerUnreachable(state, at, length, version, now)
      continue
    }
    const peer = state.peers.at(slot)!
    if (!state.endpoints.isKnown(peer.slot)) {
      drops.noEndpoint++
      answerUnreachable(state, at, length, version, now)
      continue
    }
    const keypair = peer.keypairs.current
    if (isOwnDatagram(state, at, length, version, keypair)) {
      dropOwnDatagram(state, at, version, now)
      continue
    }
    if (keypair === null || !keypair.canSend(now)) {
      drops.stagedOverflow += state.staged.add(peer, bytes, at, length)
      startHandshake(state, peer, false, now)
      continue
    }
    sendSealed(state, sealer, peer, keypair, at, length, outerTrafficClass(bytes, at, version), now)
    state.stats.sentPackets++
  }
}

/** The slots of the peers that the packets are for, or -1: all before the first is sealed, see {@link LookAhead}. */
function findPeers(state: DeviceState, batch: PacketBatch): Int32Array {
  const { bytes } = state.options.arena
  const { lookAhead, routes, destinations } = state
  for (let i = 0; i < batch.count; i++) {
    const at = batch.offsets[i]!
    const version = ipVersion(bytes, at, batch.lengths[i]!)
    if (version === 4) destinations[i] = routes.lookup4(bytes, at + IPV4_DESTINATION)
    else if (version === 6) destinations[i] = routes.lookup6(bytes, at + IPV6_DESTINATION)
    else destinations[i] = -1
  }
  lookAhead.beforeSealing(state, destinations, batch.count)
  return destinations
}

/** Sends what waits for a key; without a usable one, asks for it. */
export function sendStaged(state: DeviceState, peer: Peer, now: number): void {
  if (state.staged.countOf(peer) === 0) return
  const keypair = peer.keypairs.current
  if (keypair === null || !keypair.canSend(now)) {
    startHandshake(state, peer, false, now)
    return
  }
  const { bytes } = state.options.arena
  for (const packet of state.staged.take(peer)) {
    if (!keypair.canSend(now)) {
      // Its last message was one of these: the others wait for the next keypair.
      state.staged.add(peer, packet, 0, packet.length)
      continue
    }
    const at = state.outbox.reserve(paddedLength(packet.length, state.mtu) + TRANSPORT_OVERHEAD_BYTES)
    const payload = at + TRANSPORT_HEADER_BYTES
    bytes.set(packet, payload)
    const version = ipVersion(bytes, payload, packet.length)
    const trafficClass = version === 0 ? NO_TRAFFIC_CLASS : outerTrafficClass(bytes, payload, version)
    sendSealed(state, state.options.engine, peer, keypair, payload, packet.length, trafficClass, now)
    if (packet.length > 0) state.stats.sentPackets++
  }
}

/** An empty packet: at once, or when there is a key. What waits already says as much. */
export function sendKeepalive(state: DeviceState, peer: Peer, now: number): void {
  if (!state.endpoints.isKnown(peer.slot)) return
  if (state.staged.countOf(peer) === 0) state.staged.add(peer, state.options.arena.bytes, 0, 0)
  sendStaged(state, peer, now)
}

/** `keypair` may send. The packet lies where the port put it, or already behind the header in the outbox. */
function sendSealed(
  state: DeviceState,
  sealer: TransportEngine | BatchSealer,
  peer: Peer,
  keypair: Keypair,
  source: number,
  length: number,
  trafficClass: number,
  now: number,
): void {
  const padded = paddedLength(length, state.mtu)
  const to = state.outbox.reserve(padded + TRANSPORT_OVERHEAD_BYTES)
  const sealed = sealTransport(sealer, keypair, source, length, padded, to, now)
  state.outbox.sendToPeer(peer, sealed, trafficClass)
  peer.sent.add(sealed)
  anyAuthenticatedSent(state, peer, now)
  if (length > 0) {
    dataSent(state, peer, now)
  } else {
    state.stats.keepalivesSent++
    state.emit('keepaliveSent', peer)
  }
  keepKeyFresh(state, peer, keypair, now)
}
