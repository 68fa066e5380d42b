/** What must hold at every moment of every simulation, whatever the network and the operators do. */
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatKey } from '@wireweave/tunnel/keys'
import { messageType, receiverIndex, TRANSPORT_DATA, transportCounter } from './eavesdropper.js'
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
const HEADER_AND_TAG_BYTES = 32

export interface InvariantOptions {
  readonly ledger: Ledger
  readonly mtu: number
  /** May `receiver` accept a packet with this source address from `origin` now? */
  readonly accepts: (receiver: SimulatedHost, source: Uint8Array, origin: string) => boolean
  /** True when routers may have marked congestion. */
  readonly marked: () => boolean
}

export class Invariants implements Watcher {
  readonly #options: InvariantOptions
  /** By sender and receiver index: the last counter seen, and when. */
  readonly #counters = new Map<string, { last: bigint; at: number }>()
  /** By sender and peer: when it last sent a handshake message. */
  readonly #handshakes = new Map<string, number>()
  #prunedAt = 0

  constructor(options: InvariantOptions) {
    this.#options = options
  }

  /** Entries held for counters; bounded by how many keys were in use lately. */
  get size(): number {
    return this.#counters.size
  }

  /** The host was told something after which it may start a handshake at once. */
  allowHandshake(host: SimulatedHost): void {
    for (const name of this.#handshakes.keys()) if (name.startsWith(`${host.name} `)) this.#handshakes.delete(name)
  }

  datagramSent(host: SimulatedHost, bytes: Uint8Array): void {
    const type = messageType(bytes)
    const lengths = [0, 148, 92, 64]
    if (type === 0) throw broken(host, 'sent a datagram of no type')
    if (type !== TRANSPORT_DATA && bytes.length !== lengths[type]) throw broken(host, `sent ${bytes.length} bytes as type ${type}`)
    if (type === TRANSPORT_DATA) this.#transport(host, bytes)
  }

  event(host: SimulatedHost, event: TunnelEvent): void {
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

  #transport(host: SimulatedHost, bytes: Uint8Array): void {
    const inner = bytes.length - HEADER_AND_TAG_BYTES
    if (inner < 0) throw broken(host, `sent transport data of ${bytes.length} bytes`)
    // §5.4.6: padded to a multiple of 16, but not past the MTU.
    if (inner % 16 !== 0 && inner !== this.#options.mtu) throw broken(host, `sent ${inner} bytes without padding`)
    const key = `${host.name} ${receiverIndex(bytes)}`
    const counter = transportCounter(bytes)
    const seen = this.#counters.get(key)
    if (seen !== undefined && counter <= seen.last) throw broken(host, `used nonce ${counter} again after ${seen.last}`)
    if (seen === undefined && counter !== 0n) throw broken(host, `began a key with nonce ${counter}`)
    this.#counters.set(key, { last: counter, at: host.now })
    if (host.now - this.#prunedAt > INDEX_FORGOTTEN_AFTER_MS) this.#prune(host.now)
  }

  #prune(now: number): void {
    this.#prunedAt = now
    for (const [key, { at }] of this.#counters) if (now - at > INDEX_FORGOTTEN_AFTER_MS) this.#counters.delete(key)
  }
}

/** An ICMP destination unreachable of the device's own. */
function isUnreachable(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 4 ? packet[9] === 1 && packet[20] === 3 : packet[6] === 58 && packet[40] === 1
}

function broken(host: SimulatedHost, what: string): InvariantBroken {
  return new InvariantBroken(`at ${(host.now / 1000).toFixed(3)} s ${host.name} ${what}`)
}
