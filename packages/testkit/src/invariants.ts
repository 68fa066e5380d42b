/** What must hold at every moment of every simulation, whatever the network and the operators do. */
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import {
  COOKIE_REPLY,
  firstIndex,
  HANDSHAKE_RESPONSE,
  messageType,
  secondIndex,
  TRANSPORT_DATA,
  transportCounter,
} from './eavesdropper.js'
import type { Ledger } from './ledger.js'
import type { SimulatedHost, Watcher } from './simulated-host.js'

/** A rule of the protocol was broken: the message says which, by whom and when. */
export class InvariantBroken extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvariantBroken'
  }
}

/** A key sends for 180 s at most (§6.1): an index not seen for this long may come back with another key. */
const INDEX_FORGOTTEN_AFTER_MS = 400_000
const REKEY_TIMEOUT_MS = 5_000
const REJECT_AFTER_TIME_MS = 180_000
/** An initiator begins anew before a message and its answer can take longer. */
const SLOWEST_HANDSHAKE_MS = 10_000
/** §6.4: 90 s, one attempt every 5 s, and the first and last. */
const MAX_ATTEMPTS = 20
const MAX_STAGED_PACKETS = 128
/** A handshake in progress and three keypairs. */
const INDICES_PER_PEER = 4
const HEADER_AND_TAG_BYTES = 32

export interface InvariantOptions {
  readonly ledger: Ledger
  readonly mtu: number
  /** May `receiver` accept a packet with this source address from `origin` now? */
  readonly accepts: (receiver: SimulatedHost, source: Uint8Array, origin: string) => boolean
  /** Does nothing authentic ever come from this address? */
  readonly isForged: (address: string) => boolean
  /** True when routers may have marked congestion. */
  readonly marked: () => boolean
}

export class Invariants implements Watcher {
  readonly #options: InvariantOptions
  /** By sender and receiver index: the last counter seen, and when. */
  readonly #counters = new Map<string, { last: bigint; at: number }>()
  /** By index: when the handshake began that made it known. */
  readonly #announced = new Map<number, number>()
  /** By responder and the initiator's index: which initiations were answered. */
  readonly #answered = new Map<string, number>()
  /** By sender and peer: when it last sent a handshake message. */
  readonly #handshakes = new Map<string, number>()
  readonly #keyChanges = new Map<string, number>()
  #prunedAt = 0

  constructor(options: InvariantOptions) {
    this.#options = options
  }

  /** Entries held; bounded by how many handshakes there were lately. */
  get size(): number {
    return this.#counters.size + this.#announced.size + this.#answered.size
  }

  /** The host was told something after which it may start a handshake at once. */
  allowHandshake(host: SimulatedHost): void {
    for (const name of this.#handshakes.keys()) if (name.startsWith(`${host.name} `)) this.#handshakes.delete(name)
  }

  /** The host has another private key: nothing is to be sent with keys that the old one led to. */
  forbidOldKeys(host: SimulatedHost): void {
    this.#keyChanges.set(host.name, host.now)
  }

  /** The host removed a peer, and with it the greatest timestamp that it had accepted from it. */
  allowAnswers(host: SimulatedHost): void {
    for (const name of this.#answered.keys()) if (name.startsWith(`${host.name} `)) this.#answered.delete(name)
  }

  datagramSent(host: SimulatedHost, bytes: Uint8Array): void {
    const type = messageType(bytes)
    const lengths = [0, 148, 92, 64]
    if (type === 0) throw broken(host, 'sent a datagram of no type')
    if (type !== TRANSPORT_DATA && bytes.length !== lengths[type])
      throw broken(host, `sent ${bytes.length} bytes as type ${type}`)
    if (type === TRANSPORT_DATA) this.#transport(host, bytes)
    else if (type !== COOKIE_REPLY) this.#announced.set(firstIndex(bytes), host.now)
    if (type === HANDSHAKE_RESPONSE) this.#response(host, secondIndex(bytes))
    if (host.now - this.#prunedAt > INDEX_FORGOTTEN_AFTER_MS) this.#prune(host.now)
  }

  event(host: SimulatedHost, event: TunnelEvent): void {
    const { isForged, mtu } = this.#options
    const { indices, stagedBytes, waitingPeers } = host.device.load
    const peers = host.device.snapshot().peers.length
    if (indices > INDICES_PER_PEER * peers) throw broken(host, `holds ${indices} indices for ${peers} peers`)
    if (stagedBytes > waitingPeers * MAX_STAGED_PACKETS * mtu)
      throw broken(host, `holds ${stagedBytes} bytes of staged packets`)
    if (event.tag === 'roamed' && isForged(formatEndpoint(event.to))) throw broken(host, 'roamed to a forger')
    if (event.tag === 'handshakeRetry' && event.attempt > MAX_ATTEMPTS)
      throw broken(host, `made attempt ${event.attempt} of a handshake`)
    if (event.tag !== 'handshakeInitiationSent' && event.tag !== 'handshakeResponseSent') return
    const pair = `${host.name} ${formatKey(event.peer)}`
    const before = this.#handshakes.get(pair)
    const tooSoon = before !== undefined && host.now - before < REKEY_TIMEOUT_MS
    // §6.1: at most one initiation every Rekey-Timeout. A response may always be sent, but counts.
    if (event.tag === 'handshakeInitiationSent' && tooSoon) {
      throw broken(host, `sent an initiation ${host.now - before} ms after another handshake message`)
    }
    this.#handshakes.set(pair, host.now)
  }

  packetDelivered(host: SimulatedHost, packet: Uint8Array): void {
    if (isUnreachable(packet)) return
    const { ledger, accepts, marked } = this.#options
    const isFour = packet[0]! >>> 4 === 4
    const origin = ledger.originOf(ledger.numberOf(packet))
    const wrong = ledger.deliver(host.name, packet, marked())
    if (wrong !== null) throw broken(host, wrong)
    const source = isFour ? packet.subarray(12, 16) : packet.subarray(8, 24)
    if (!accepts(host, source, origin!)) throw broken(host, `accepted from ${origin} a source that is not its`)
  }

  /** §5.1: an initiation that is played back is not answered again. */
  #response(host: SimulatedHost, initiation: number): void {
    const name = `${host.name} ${initiation}`
    if (this.#answered.has(name)) throw broken(host, 'answered one initiation twice')
    this.#answered.set(name, host.now)
  }

  #transport(host: SimulatedHost, bytes: Uint8Array): void {
    const inner = bytes.length - HEADER_AND_TAG_BYTES
    if (inner < 0) throw broken(host, `sent transport data of ${bytes.length} bytes`)
    // §5.4.6: padded to a multiple of 16, but not past the MTU.
    if (inner % 16 !== 0 && inner !== this.#options.mtu) throw broken(host, `sent ${inner} bytes without padding`)
    const index = firstIndex(bytes)
    const key = `${host.name} ${index}`
    const announcedAt = this.#announced.get(index)
    if (announcedAt === undefined) throw broken(host, 'sent data for an index that no handshake of late made known')
    // §6.1, and the time that the handshake may have taken.
    const age = host.now - announcedAt
    if (age > REJECT_AFTER_TIME_MS + SLOWEST_HANDSHAKE_MS)
      throw broken(host, `used a key ${age} ms after its handshake began`)
    const counter = transportCounter(bytes)
    if (announcedAt < (this.#keyChanges.get(host.name) ?? 0))
      throw broken(host, 'sent data with a key of its former identity')
    const seen = this.#counters.get(key)
    if (seen !== undefined && counter <= seen.last) throw broken(host, `used nonce ${counter} again after ${seen.last}`)
    if (seen === undefined && counter !== 0n) throw broken(host, `began a key with nonce ${counter}`)
    this.#counters.set(key, { last: counter, at: host.now })
  }

  #prune(now: number): void {
    this.#prunedAt = now
    const isOld = (at: number) => now - at > INDEX_FORGOTTEN_AFTER_MS
    for (const [key, { at }] of this.#counters) if (isOld(at)) this.#counters.delete(key)
    for (const [index, at] of this.#announced) if (isOld(at)) this.#announced.delete(index)
    for (const [name, at] of this.#answered) if (isOld(at)) this.#answered.delete(name)
  }
}

/** An ICMP destination unreachable of the device's own. */
function isUnreachable(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 4 ? packet[9] === 1 && packet[20] === 3 : packet[6] === 58 && packet[40] === 1
}

function broken(host: SimulatedHost, what: string): InvariantBroken {
  return new InvariantBroken(`at ${(host.now / 1000).toFixed(3)} s ${host.name} ${what}`)
}
