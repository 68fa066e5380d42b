/** What the parts of a device share: its tables, buffers and settings, and the few operations that keep them in step. */
import { MAX_QUEUED_HANDSHAKES, REKEY_TIMEOUT_JITTER_MS } from '@wireweave/noise/constants'
import type { CookieChecker } from '@wireweave/noise/cookie'
import { type Identity, wipeHandshake, ZEROED } from '@wireweave/noise/handshake'
import type { Keypair } from '@wireweave/noise/keypair'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { createBatch, type PacketBatch } from '@wireweave/tunnel/packets'
import { AllowedIps } from './allowed-ips.js'
import { DatagramBatch } from './datagrams.js'
import { Deadlines } from './deadlines.js'
import { clearLocal, ENDPOINT_BYTES, ENDPOINT_LOCAL, endpointsEqual, readEndpoint } from './endpoint.js'
import { EndpointTable } from './endpoint-table.js'
import { HandshakeQueue } from './handshake-queue.js'
import { IndexTable } from './index-table.js'
import type { DeviceOptions } from './options.js'
import { LookAhead } from './look-ahead.js'
import { Outbox, outboxBytes } from './outbox.js'
import type { Peer } from './peer.js'
import { PeerTable } from './peer-table.js'
import { RateLimiter } from './rate-limiter.js'
import { RemoteIndices } from './remote-indices.js'
import { RouteCache } from './route-cache.js'
import { StagedPackets } from './staged-packets.js'
import { createStats, type DeviceStats } from './stats.js'
import { UNREACHABLE_BYTES, UnreachableAnswers } from './unreachable.js'

/** Beside a full batch of data there is room for keepalives and handshakes. */
const SPARE_DATAGRAMS = 8
const NEVER = Number.NEGATIVE_INFINITY

/** What a device with such batches takes of its arena. */
export function deviceArenaBytes(batchSize: number): number {
  return outboxBytes(batchSize + SPARE_DATAGRAMS) + UNREACHABLE_BYTES + 128
}

/** Events that only name their peer. */
type PeerEventTag =
  Extract<TunnelEvent, { readonly peer: unknown }> extends infer Event
    ? Event extends { readonly tag: infer Tag; readonly peer: unknown }
      ? Exclude<keyof Event, 'tag' | 'peer'> extends never
        ? Tag
        : never
      : never
    : never

/** Who the device is: there while a private key is set. */
export interface DeviceIdentity {
  readonly noise: Identity
  /** Clamped. */
  readonly privateKey: Uint8Array
  readonly cookieChecker: CookieChecker
}

export class DeviceState {
  readonly options: DeviceOptions
  readonly outbound: DatagramBatch
  readonly inbound: PacketBatch
  readonly outbox: Outbox
  readonly stats: DeviceStats = createStats()
  readonly peers: PeerTable
  readonly endpoints: EndpointTable = new EndpointTable()
  readonly allowedIps: AllowedIps = new AllowedIps()
  readonly routes: RouteCache = new RouteCache(this.allowedIps)
  readonly lookAhead: LookAhead
  /** Of the batch that is being sent: the slot of each packet's peer, or -1. */
  readonly destinations: Int32Array
  /** Handshakes and keypairs of ours to the peers they are with. */
  readonly indices: IndexTable<Peer>
  /** Of every keypair. */
  readonly remoteIndices: RemoteIndices = new RemoteIndices()
  readonly deadlines: Deadlines = new Deadlines()
  readonly staged: StagedPackets<Peer> = new StagedPackets()
  readonly unreachable: UnreachableAnswers
  readonly handshakeQueue: HandshakeQueue = new HandshakeQueue(MAX_QUEUED_HANDSHAKES)

  readonly rateLimiter: RateLimiter

  identity: DeviceIdentity | null = null
  isUp = false
  mtu: number
  listenPort = 0
  /** What the shell bound; 0 while nothing is. */
  boundPort = 0
  fwmark: number | null = null
  /** Of the batch that is being received: whose endpoint is known to be which record. */
  lastSender: Peer | null = null
  lastSenderRecord = 0
  lastHandshakeQueuedAt: number = NEVER
  lastUnderLoadAt: number = NEVER
  lastStaleWarningAt: number = NEVER
  lastLoopWarningAt: number = NEVER

  readonly #jitter = new Uint16Array(64)
  #jitterUsed = this.#jitter.length

  constructor(options: DeviceOptions) {
    this.options = options
    this.mtu = options.mtu
    this.outbound = new DatagramBatch(options.arena, options.batchSize + SPARE_DATAGRAMS)
    this.inbound = createBatch(options.arena, options.batchSize)
    this.outbox = new Outbox(options.arena, this.outbound, this.endpoints, this.stats, () => {
      // Nothing leaves that other threads are still sealing.
      options.engine.batch?.settle()
      options.flush()
    })
    this.destinations = new Int32Array(options.batchSize)
    this.lookAhead = new LookAhead(options.batchSize)
    this.unreachable = new UnreachableAnswers(options.arena)
    const random = (bytes: Uint8Array): void => options.random(bytes)
    this.peers = new PeerTable(random)
    this.indices = new IndexTable(random)
    this.rateLimiter = new RateLimiter(random)
  }

  emit(tag: PeerEventTag, peer: Peer): void {
    this.options.onEvent?.({ tag, peer: peer.copyKey() })
  }

  /** 0 up to REKEY_TIMEOUT_JITTER_MS. Drawn in store: a timer is armed for every burst of data, and jitter is no secret. */
  drawJitterMs(): number {
    if (this.#jitterUsed === this.#jitter.length) {
      this.options.random(new Uint8Array(this.#jitter.buffer))
      this.#jitterUsed = 0
    }
    return this.#jitter[this.#jitterUsed++]! % REKEY_TIMEOUT_JITTER_MS
  }

  /** Roaming (§2.1): a peer is where its last authentic message came from, and heard at the address it was sent to. */
  learnEndpoint(peer: Peer, records: Uint8Array, at: number): void {
    const known = this.endpoints.records
    const own = peer.slot * ENDPOINT_BYTES
    if (endpointsEqual(known, own, records, at)) return
    const moved = !endpointsEqual(known, own, records, at, ENDPOINT_LOCAL)
    const from = moved && this.options.onEvent ? readEndpoint(known, own) : null
    known.set(records.subarray(at, at + ENDPOINT_BYTES), own)
    this.outbox.forgetRecord()
    if (!moved || !this.options.onEvent) return
    const to = readEndpoint(known, own)
    if (to !== null) this.options.onEvent({ tag: 'roamed', peer: peer.copyKey(), from, to })
  }

  /** The next datagram to the peer leaves from where routing says. */
  forgetLocalAddress(peer: Peer): void {
    clearLocal(this.endpoints.records, peer.slot * ENDPOINT_BYTES)
    this.outbox.forgetRecord()
  }

  clearHandshake(peer: Peer): void {
    if (peer.handshake.tag === 'initiationCreated') this.indices.free(peer.handshake.localIndex)
    wipeHandshake(peer.handshake)
    peer.handshake = ZEROED
  }

  /** A new keypair of the peer takes the place of others. */
  addKeypair(peer: Peer, keypair: Keypair): void {
    this.remoteIndices.add(keypair.remoteIndex)
    this.forgetKeypairs(peer.keypairs.add(keypair))
  }

  /** Ends the life of keypairs that {@link Keypairs} has displaced and wiped. */
  forgetKeypairs(keypairs: readonly Keypair[]): void {
    for (const { localIndex, remoteIndex } of keypairs) {
      this.indices.free(localIndex)
      this.remoteIndices.remove(remoteIndex)
    }
    if (keypairs.length > 0) this.options.engine.forgetKey()
  }

  /** Everything that belongs to sessions with the peer; its configuration stays. */
  clearSessions(peer: Peer): void {
    this.clearHandshake(peer)
    this.forgetKeypairs(peer.keypairs.clear())
  }
}
