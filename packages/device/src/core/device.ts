/** A WireGuard device without I/O, clock or random source of its own. */
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import type { PacketBatch } from '@wireweave/tunnel/packets'
import { applyUpdate, removePeer } from './configuration.js'
import type { DatagramBatch } from './datagrams.js'
import type { Timer } from './deadlines.js'
import { ENDPOINT_BYTES } from './endpoint.js'
import { runDeadlines } from './expiry.js'
import { processHandshakes } from './handshakes.js'
import type { Deadline, DeadlineReason, DeviceOptions } from './options.js'
import type { Peer } from './peer.js'
import { receiveDatagrams } from './receiving.js'
import { sendKeepalive, sendPackets, sendStaged } from './sending.js'
import { copySecrets, takeSnapshot } from './snapshot.js'
import { DeviceState } from './state.js'
import type { DeviceLoad, DeviceStats } from './stats.js'

export type { Deadline, DeadlineReason, DeviceOptions, HandshakeSecrets } from './options.js'
export { deviceArenaBytes } from './state.js'
export type { DeviceLoad, DeviceStats, DropReason } from './stats.js'

const NEVER = Number.NEGATIVE_INFINITY

/** By the numbers of deadlines.ts. */
const REASONS: Readonly<Record<Timer, DeadlineReason>> = [
  'retransmitHandshake',
  'sendKeepalive',
  'newHandshake',
  'zeroKeyMaterial',
  'persistentKeepalive',
]

/**
 * Every `now` is monotonic milliseconds of a clock that counts suspend. Starts down, without a key.
 * After every call the shell sends and clears `outbound`, hands `inbound` to the interface, and arms one timer for
 * {@link Device.nextDeadline}.
 */
export class Device {
  readonly #state: DeviceState
  /** Datagrams to send. */
  readonly outbound: DatagramBatch
  /** Decrypted packets, in place in the receive region, and ICMP errors of ours. The shell sets `count` to 0. */
  readonly inbound: PacketBatch
  readonly stats: DeviceStats

  constructor(options: DeviceOptions) {
    this.#state = new DeviceState(options)
    this.outbound = this.#state.outbound
    this.inbound = this.#state.inbound
    this.stats = this.#state.stats
  }

  /** The port asked for by the last update, 0 for any. */
  get listenPort(): number {
    return this.#state.listenPort
  }

  get fwmark(): number | null {
    return this.#state.fwmark
  }

  get isUp(): boolean {
    return this.#state.isUp
  }

  /** A picture of the moment. */
  get load(): DeviceLoad {
    const { indices, staged, handshakeQueue } = this.#state
    return {
      indices: indices.size,
      waitingPeers: staged.owners,
      stagedBytes: staged.bytes,
      queuedHandshakes: handshakeQueue.count,
    }
  }

  /** All or nothing: throws a `WireGuardError` and leaves everything as it was, or takes effect entirely. */
  apply(update: DeviceUpdate, now: number): void {
    applyUpdate(this.#state, update, now)
  }

  /** Copies of everything but secrets. Peers in the order in which they were added. */
  snapshot(): DeviceSnapshot {
    return takeSnapshot(this.#state)
  }

  /** Copies; the caller wipes them. */
  secrets(): DeviceSecrets {
    return copySecrets(this.#state)
  }

  /** Peers with a persistent keepalive get one at once. */
  up(now: number): void {
    const state = this.#state
    if (state.isUp) return
    state.isUp = true
    for (const peer of state.peers) {
      if (peer.persistentKeepaliveMs > 0) sendKeepalive(state, peer, now)
      else sendStaged(state, peer, now)
    }
  }

  /** Forgets keys and staged packets; the configuration stays. */
  down(_now: number): void {
    const state = this.#state
    state.isUp = false
    state.boundPort = 0
    state.handshakeQueue.clear()
    for (const peer of state.peers) forgetActivity(state, peer)
  }

  /** Ends the device's use of every secret. It cannot be used afterwards, except to be configured anew. */
  wipe(now: number): void {
    this.down(now)
    for (const peer of [...this.#state.peers]) removePeer(this.#state, peer)
    this.apply({ privateKey: null }, now)
  }

  /** The port that the shell really bound. Forgets cached local addresses. */
  setBoundPort(port: number): void {
    this.#state.boundPort = port
    for (const peer of this.#state.peers) this.#state.forgetLocalAddress(peer)
  }

  setMtu(mtu: number): void {
    this.#state.mtu = mtu
  }

  /** Data is opened at once; handshake messages are queued when their first MAC is right. */
  receiveDatagrams(batch: DatagramBatch, now: number): void {
    receiveDatagrams(this.#state, batch, now)
  }

  sendPackets(batch: PacketBatch, now: number): void {
    sendPackets(this.#state, batch, now)
  }

  /**
   * Works off at most `budget` queued handshake messages, each worth a few Diffie-Hellmans. A small budget between
   * batches of data keeps data flowing in a flood, and lets the queue grow to where cookies are asked for.
   */
  processHandshakes(budget: number, now: number): void {
    processHandshakes(this.#state, budget, now)
  }

  /** The earliest moment at which there is something to do; `null` when there is none. */
  nextDeadline(): Deadline | null {
    const { deadlines, handshakeQueue, peers, lastHandshakeQueuedAt } = this.#state
    if (handshakeQueue.count > 0) return { at: lastHandshakeQueuedAt, reason: 'handshakeQueue', peer: null }
    const slot = deadlines.earliestSlot()
    if (slot < 0) return null
    const timer = deadlines.earliestTimer(slot)
    return { at: deadlines.at(slot, timer), reason: REASONS[timer], peer: peers.at(slot)!.key }
  }

  /** Runs every deadline that is due, but not the handshake queue. Harmless when called early. */
  advance(now: number): void {
    runDeadlines(this.#state, now)
  }

  /** Forgets the local address of every peer for whose endpoint record, at `at` of `table`, the shell says that it is stale. */
  forgetLocalAddresses(isStale: (table: Uint8Array, at: number) => boolean): void {
    const { endpoints, peers } = this.#state
    for (const peer of peers) {
      if (isStale(endpoints.records, peer.slot * ENDPOINT_BYTES)) this.#state.forgetLocalAddress(peer)
    }
  }

  /** The host moved: forgets cached local addresses and lets every peer start a handshake at once. */
  networkChanged(_now: number): void {
    for (const peer of this.#state.peers) {
      this.#state.forgetLocalAddress(peer)
      peer.lastHandshakeSentAt = NEVER
    }
  }
}

/** What a peer did and was about to do. */
function forgetActivity(state: DeviceState, peer: Peer): void {
  state.deadlines.cancelAll(peer.slot)
  state.clearSessions(peer)
  state.staged.take(peer)
  peer.cookie.wipe()
  peer.handshakeAttempts = 0
  peer.lastHandshakeSentAt = NEVER
  peer.sentLastMinuteHandshake = false
  peer.needAnotherKeepalive = false
}
