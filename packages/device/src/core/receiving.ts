/** From the wire to the interface (§5.4.6). */
import { REKEY_AFTER_TIME_RECEIVING_MS } from '@wireweave/noise/constants'
import { DROP_BAD_TAG, DROP_EXPIRED_KEYPAIR } from '@wireweave/noise/drop'
import type { Keypair } from '@wireweave/noise/keypair'
import { classify, TRANSPORT_DATA, TRANSPORT_HEADER_BYTES, TRANSPORT_RECEIVER_INDEX } from '@wireweave/noise/messages'
import { openTransport } from '@wireweave/noise/transport'
import type { DatagramBatch } from './datagrams.js'
import { mergeEcn } from './ecn.js'
import { ENDPOINT_BYTES } from './endpoint.js'
import { queueHandshake } from './handshakes.js'
import { readIndex } from './index-table.js'
import { startHandshake } from './initiation.js'
import { IPV4_SOURCE, IPV6_SOURCE, ipLength, ipVersion } from './inner-packet.js'
import type { Peer } from './peer.js'
import { sendStaged } from './sending.js'
import type { DeviceState } from './state.js'
import { anyAuthenticatedReceived, dataReceived, handshakeComplete } from './timers.js'

export function receiveDatagrams(state: DeviceState, batch: DatagramBatch, now: number): void {
  const { stats } = state
  stats.receivedDatagrams += batch.count
  if (!state.isUp) {
    stats.drops.interfaceDown += batch.count
    return
  }
  const { bytes } = state.options.arena
  state.lastSender = null
  state.lookAhead.beforeOpening(state, batch)
  for (let i = 0; i < batch.count; i++) {
    const at = batch.offsets[i]!
    const length = batch.lengths[i]!
    const record = batch.endpoints[i]! * ENDPOINT_BYTES
    const type = classify(bytes, at, length)
    if (type === TRANSPORT_DATA) {
      receiveData(state, at, length, batch.records, record, batch.trafficClasses[i]!, now)
    } else if (type > 0) {
      queueHandshake(state, type, at, length, batch.records, record, now)
    } else {
      stats.drops.malformedDatagram++
    }
  }
}

function receiveData(
  state: DeviceState,
  at: number,
  length: number,
  records: Uint8Array,
  record: number,
  trafficClass: number,
  now: number,
): void {
  const { bytes } = state.options.arena
  const { drops } = state.stats
  const index = readIndex(bytes, at + TRANSPORT_RECEIVER_INDEX)
  const peer = state.indices.get(index)
  const keypair = peer === undefined ? null : peer.keypairOf(index)
  if (peer === undefined || keypair === null) {
    drops.unknownIndex++
    return
  }
  const opened = openTransport(state.options.engine, keypair, at, length, now)
  if (opened < 0) {
    if (opened === DROP_BAD_TAG) drops.badTag++
    else if (opened === DROP_EXPIRED_KEYPAIR) drops.expiredKeypair++
    else drops.replayed++
    return
  }
  // From here on the peer has proven that it sent this, once.
  peer.received.add(length)
  // Once for a run of datagrams from one source.
  if (peer !== state.lastSender || record !== state.lastSenderRecord) {
    state.learnEndpoint(peer, records, record)
    state.lastSender = peer
    state.lastSenderRecord = record
  }
  // Timers first: what we send in answer comes after what was received, and stops the timers that this starts.
  anyAuthenticatedReceived(state, peer, now)
  if (opened > 0) dataReceived(state, peer, now)
  confirmKeypair(state, peer, keypair, now)
  rekeyInLastMinute(state, peer, now)
  if (opened === 0) {
    state.emit('keepaliveReceived', peer)
    return
  }
  deliver(state, peer, at + TRANSPORT_HEADER_BYTES, opened, trafficClass)
}

/** §5.4.6: the first message under a keypair that waits shows that the initiator has it, and lets us send. */
function confirmKeypair(state: DeviceState, peer: Peer, keypair: Keypair, now: number): void {
  if (keypair !== peer.keypairs.next) return
  state.forgetKeypairs(peer.keypairs.confirm(keypair) ?? [])
  handshakeComplete(state, peer)
  state.options.onEvent?.({ tag: 'sessionEstablished', peer: peer.copyKey(), role: 'responder' })
  sendStaged(state, peer, now)
}

/** The initiator replaces a keypair that is about to end even when it has nothing to send (§6.2). */
function rekeyInLastMinute(state: DeviceState, peer: Peer, now: number): void {
  const { current } = peer.keypairs
  if (peer.sentLastMinuteHandshake || current === null || !current.isInitiator) return
  if (now - current.createdAt < REKEY_AFTER_TIME_RECEIVING_MS || !current.canSend(now)) return
  peer.sentLastMinuteHandshake = true
  startHandshake(state, peer, false, now)
}

/** A peer may lie about lengths and about who it is: the packet goes on only when its source is routed to this very peer. */
function deliver(state: DeviceState, peer: Peer, at: number, length: number, trafficClass: number): void {
  const { bytes } = state.options.arena
  const { inbound, stats, routes } = state
  const version = ipVersion(bytes, at, length)
  const packetLength = version === 0 ? -1 : ipLength(bytes, at, length, version)
  if (version === 0 || packetLength < 0) {
    stats.drops.malformedInnerPacket++
    return
  }
  // Over the prefixes of all peers: a more specific one of another peer takes the address from this one.
  const owner = version === 4 ? routes.lookup4(bytes, at + IPV4_SOURCE) : routes.lookup6(bytes, at + IPV6_SOURCE)
  if (owner !== peer.slot) {
    stats.drops.sourceNotAllowed++
    return
  }
  if (!mergeEcn(bytes, at, version, trafficClass)) {
    stats.drops.congestionMarked++
    return
  }
  if (inbound.count === inbound.offsets.length) {
    stats.drops.inboundFull++
    return
  }
  inbound.offsets[inbound.count] = at
  inbound.lengths[inbound.count] = packetLength
  inbound.count++
  stats.receivedPackets++
}
