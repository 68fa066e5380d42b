/** The Internet, as bad as a test wants it: loses, duplicates, corrupts, delays, reorders, cuts and translates addresses. */
import { Eavesdropper, messageType } from './eavesdropper.js'
import type { Sighting } from './eavesdropper.js'
import type { Random } from './random.js'
import type { VirtualClock } from './virtual-clock.js'

/** Probabilities are 0..1 for each datagram on its own; times are milliseconds. */
export interface Conditions {
  readonly loss: number
  readonly duplicate: number
  readonly corrupt: number
  /** Held back for up to `reorderMs`, so that later ones overtake it. */
  readonly reorder: number
  readonly reorderMs: number
  /** A router marks congestion: ECN becomes CE if it was ECT. */
  readonly mark: number
  readonly delayMs: number
  /** Whole milliseconds, 0 to this, are added to each delay. */
  readonly jitterMs: number
}

export const PERFECT: Conditions = {
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  reorder: 0,
  reorderMs: 0,
  mark: 0,
  delayMs: 10,
  jitterMs: 0,
}

/** What a `drop` rule of a script sees. */
export interface Passing {
  readonly at: number
  readonly from: string
  readonly to: string
  readonly type: number
  readonly length: number
  /** 1 for the first datagram of this type on the network, 2 for the second, … */
  readonly nth: number
}

/** Bytes are the receiver's own copy. */
export type Deliver = (bytes: Uint8Array, from: string, to: string, trafficClass: number) => void

export interface NetworkOptions {
  readonly clock: VirtualClock
  readonly random: Random
  readonly conditions?: Partial<Conditions>
  /** Loses exactly the datagrams for which it says true, before chance has its turn. */
  readonly drop?: (datagram: Passing) => boolean
  /** Sightings the eavesdropper keeps. */
  readonly keep?: number
}

/** Addresses are endpoints as text, `192.0.2.1:51820` or `[2001:db8::1]:51820`; a host is what is before the port. */
export class Network {
  readonly clock: VirtualClock
  readonly eve: Eavesdropper
  conditions: Conditions
  drop: ((datagram: Passing) => boolean) | undefined
  readonly #random: Random
  readonly #listeners = new Map<string, Deliver>()
  readonly #nats = new Map<string, Nat>()
  #groups: ReadonlyMap<string, number> = new Map()

  constructor(options: NetworkOptions) {
    this.clock = options.clock
    this.#random = options.random
    this.conditions = { ...PERFECT, ...options.conditions }
    this.drop = options.drop
    this.eve = new Eavesdropper(options.keep === undefined ? {} : { keep: options.keep })
  }

  listen(address: string, deliver: Deliver): void {
    if (this.#listeners.has(address)) throw new RangeError(`${address} is taken`)
    this.#listeners.set(address, deliver)
  }

  stopListening(address: string): void {
    this.#listeners.delete(address)
  }

  /** Puts `insideHost` behind a translator whose outside is `publicHost`. */
  putBehindNat(insideHost: string, publicHost: string, idleMs: number): Nat {
    const nat = new Nat(publicHost, idleMs)
    this.#nats.set(insideHost, nat)
    return nat
  }

  /** Hosts of different groups no longer reach each other; hosts in no group reach all. Undone by {@link heal}. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#groups = new Map(groups.flatMap((hosts, group) => hosts.map((host) => [host, group] as const)))
  }

  heal(): void {
    this.#groups = new Map()
  }

  send(from: string, to: string, bytes: Uint8Array, trafficClass = 0): void {
    const { clock, conditions } = this
    const nat = this.#nats.get(hostOf(from))
    const source = nat === undefined ? from : nat.translateOut(from, to, clock.now)
    const type = messageType(bytes)
    const nth = this.eve.count(type) + 1
    const passing = { at: clock.now, from: source, to, type, length: bytes.length, nth }
    // Drawn whatever happens, so that a rule or a cut does not shift the fate of everything after it.
    const chance = () => this.#random.unit()
    const [lose, copy, spoil, mark] = [chance(), chance(), chance(), chance()]
    const isLost = this.drop?.(passing) === true || this.#isCut(source, to) || lose < conditions.loss
    let fate: Sighting['fate'] = 'delivered'
    if (isLost) fate = 'lost'
    else if (spoil < conditions.corrupt) fate = 'corrupted'
    else if (copy < conditions.duplicate) fate = 'duplicated'
    this.eve.note({ ...passing, bytes: bytes.slice(), trafficClass, fate })
    if (isLost) return

    const isMarked = mark < conditions.mark && (trafficClass & 3) !== 0
    const marked = isMarked ? trafficClass | 3 : trafficClass
    const arriving = fate === 'corrupted' ? this.#corrupt(bytes) : bytes.slice()
    this.#deliverLater(arriving, source, to, marked)
    if (fate === 'duplicated') this.#deliverLater(bytes.slice(), source, to, marked)
  }

  #deliverLater(bytes: Uint8Array, from: string, to: string, trafficClass: number): void {
    const { delayMs, jitterMs, reorder, reorderMs } = this.conditions
    const held = this.#random.chance(reorder) ? this.#random.between(0, reorderMs) : 0
    const delay = delayMs + this.#random.between(0, jitterMs) + held
    this.clock.schedule(this.clock.now + delay, () => this.#arrive(bytes, from, to, trafficClass))
  }

  #arrive(bytes: Uint8Array, from: string, to: string, trafficClass: number): void {
    for (const nat of this.#nats.values()) {
      if (nat.publicHost !== hostOf(to)) continue
      const inside = nat.translateIn(from, to, this.clock.now)
      if (inside !== null) this.#listeners.get(inside)?.(bytes, from, inside, trafficClass)
      return
    }
    // Who is behind a translator cannot be called by its inside address.
    if (!this.#nats.has(hostOf(to))) this.#listeners.get(to)?.(bytes, from, to, trafficClass)
  }

  #isCut(from: string, to: string): boolean {
    const left = this.#groups.get(hostOf(from))
    const right = this.#groups.get(hostOf(to))
    return left !== undefined && right !== undefined && left !== right
  }

  /** Flips a few bits; now and then it cuts or lengthens instead. */
  #corrupt(bytes: Uint8Array): Uint8Array {
    const random = this.#random
    if (bytes.length > 0 && random.chance(0.1)) return bytes.slice(0, random.below(bytes.length))
    if (random.chance(0.1)) return Uint8Array.from([...bytes, ...random.bytes(random.between(1, 40))])
    const spoilt = bytes.slice()
    const at = random.below(spoilt.length * 8)
    if (spoilt.length > 0) spoilt[at >>> 3]! ^= 1 << (at & 7)
    return spoilt
  }
}

/** One inside address and port keep one outside port; only who was sent something lately may answer (RFC 4787). */
export class Nat {
  readonly publicHost: string
  readonly #idleMs: number
  readonly #mappings = new Map<string, { port: number; usedAt: number; peers: Map<string, number> }>()
  #allocated = 0

  constructor(publicHost: string, idleMs: number) {
    this.publicHost = publicHost
    this.#idleMs = idleMs
  }

  /** Forgets every mapping, as after a reboot: the next datagram leaves from a new port. */
  forget(): void {
    this.#mappings.clear()
  }

  translateOut(from: string, to: string, now: number): string {
    let mapping = this.#mappings.get(from)
    if (mapping === undefined || now - mapping.usedAt > this.#idleMs) {
      mapping = { port: 40_000 + (this.#allocated++ % 25_000), usedAt: now, peers: new Map() }
      this.#mappings.set(from, mapping)
    }
    mapping.usedAt = now
    mapping.peers.set(to, now)
    return `${this.publicHost}:${mapping.port}`
  }

  translateIn(from: string, to: string, now: number): string | null {
    for (const [inside, mapping] of this.#mappings) {
      if (`${this.publicHost}:${mapping.port}` !== to) continue
      const sentAt = mapping.peers.get(from)
      return sentAt !== undefined && now - sentAt <= this.#idleMs ? inside : null
    }
    return null
  }
}

export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
