/** A simulation that keeps book of what its operators told every device, so that it knows what must happen. */
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { formatIp, parseEndpoint } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { nodeSuite } from '@wireweave/crypto/node'
import type { TransportEngineFactory } from '@wireweave/crypto/suite'
import { describeSighting, TRANSPORT_DATA } from './eavesdropper.js'
import { forgeInitiation, forgeResponse } from './forgery.js'
import { Invariants } from './invariants.js'
import { Ledger } from './ledger.js'
import { mutateBytes } from './mutate.js'
import { hostOf } from './network.js'
import type { Nat } from './network.js'
import { Random } from './random.js'
import type { Action } from './schedule.js'
import type { SimulatedHost } from './simulated-host.js'
import { Simulation } from './simulation.js'

const MTU = 1420
const NAT_IDLE_MS = 60_000
const ATTACKER = '198.51.100.66:6666'
/** Who sends only what cannot be authentic. */
const FORGER = '198.51.100.67:6767'
/** Outer addresses of a host that roams: one of these for each move. */
const ROAMING_PREFIX = '198.18'

export interface WorldOptions {
  readonly seed: number
  readonly hosts: number
  /** Node's own when absent. */
  readonly engine?: TransportEngineFactory
}

export class World {
  readonly simulation: Simulation
  readonly ledger: Ledger = new Ledger()
  readonly invariants: Invariants
  readonly nat: Nat
  /** By host and tunnel address: whose it is in the eyes of that host. */
  readonly #owners = new Map<string, Map<string, string>>()
  /** By host: the peers it is told of now. */
  readonly #known = new Map<SimulatedHost, Set<SimulatedHost>>()
  readonly #presharedKeys = new Map<string, PresharedKey>()
  #isMarked = false
  #moves = 0

  constructor({ seed, hosts, engine }: WorldOptions) {
    this.invariants = new Invariants({
      ledger: this.ledger,
      mtu: MTU,
      accepts: (receiver, source, origin) => this.#owners.get(receiver.name)?.get(formatIp(source)) === origin,
      isForged: (address) => address === FORGER,
      marked: () => this.#isMarked,
    })
    const names = Array.from({ length: hosts }, (_, i) => `host${i}`)
    const watcher = this.invariants
    this.simulation = new Simulation({ seed, hosts: names, watcher, keep: 300, mtu: MTU, ...(engine && { engine }) })
    this.nat = this.simulation.network.putBehindNat('192.0.2.200', '203.0.113.1', NAT_IDLE_MS)
    for (const host of this.hosts) {
      this.#owners.set(host.name, new Map())
      this.#known.set(host, new Set())
      if (host === this.hosts.at(-1)) host.moveTo('192.0.2.200:51820')
    }
    for (const host of this.hosts) {
      for (const other of this.peersOf(host)) this.#addPeer(host, other)
      host.up()
    }
  }

  get hosts(): readonly SimulatedHost[] {
    return this.simulation.hosts
  }

  get now(): number {
    return this.simulation.now
  }

  /** The first hosts never move: two that both do could lose each other for good, as the protocol has it. */
  isAnchored(host: SimulatedHost): boolean {
    return host.number <= Math.max(1, Math.floor(this.hosts.length / 2))
  }

  /** Whom a host talks to when nobody interferes. */
  peersOf(host: SimulatedHost): SimulatedHost[] {
    return this.hosts.filter((other) => other !== host && (this.isAnchored(host) || this.isAnchored(other)))
  }

  /** Makes a packet that `from` sends to the address of `to`, wherever its allowed IPs lead. */
  packet(from: SimulatedHost, to: SimulatedHost, family: 4 | 6, random: Random, as: SimulatedHost = from): Uint8Array {
    const [source, destination] = family === 4 ? [as.tunnelIp4, to.tunnelIp4] : [as.tunnelIp6, to.tunnelIp6]
    const headerBytes = family === 4 ? 20 : 40
    return this.ledger.mint({
      source,
      destination,
      payloadBytes: random.chance(0.3) ? MTU - headerBytes - random.below(20) : random.between(4, MTU - headerBytes),
      trafficClass: random.below(256),
      origin: from.name,
      receiver: this.#owners.get(from.name)!.get(formatIp(destination)) ?? null,
    })
  }

  perform(action: Action): void {
    const random = new Random(action.seed)
    const { hosts, simulation } = this
    const { network } = simulation
    switch (action.tag) {
      case 'burst':
        return this.#burst(action, random)
      case 'spoof': {
        const from = hosts[action.from]!
        return this.#send(from, this.packet(from, hosts[action.to]!, 4, random, hosts[action.as]!))
      }
      case 'unroutable': {
        const host = hosts[action.host]!
        const destination = Uint8Array.of(203, 0, 113, random.below(256))
        const entry = { source: host.tunnelIp4, destination, payloadBytes: 50, trafficClass: 0 }
        return this.#send(host, this.ledger.mint({ ...entry, origin: host.name, receiver: null }))
      }
      case 'conditions':
        network.conditions = action.conditions
        this.#isMarked ||= action.conditions.mark > 0
        return
      case 'partition': {
        const alone = hostOf(hosts[action.host]!.address)
        network.partition(
          [alone],
          hosts.map((host) => hostOf(host.address)).filter((other) => other !== alone),
        )
        return this.#later(action.ms, () => network.heal())
      }
      case 'move':
        return this.#move(hosts[action.host]!, action.notice)
      case 'forgetNat':
        return this.nat.forget()
      case 'restart': {
        const host = hosts[action.host]!
        host.down()
        this.invariants.allowHandshake(host)
        return this.#later(action.ms, () => host.up())
      }
      case 'suspend':
        hosts[action.host]!.suspend()
        return this.#later(action.ms, () => hosts[action.host]!.resume())
      case 'removePeer': {
        const [host, peer] = [hosts[action.host]!, hosts[action.peer]!]
        this.#removePeer(host, peer)
        return this.#later(action.ms, () => this.#restorePeer(host, peer))
      }
      case 'changePsk':
        return this.#changePsk(hosts[action.host]!, hosts[action.peer]!, random)
      case 'changeKey':
        return this.#changeKey(hosts[action.host]!, random)
      case 'steal': {
        const [host, peer] = [hosts[action.host]!, hosts[action.peer]!]
        this.#giveAddresses(host, peer, hosts[action.thief]!)
        return this.#later(action.ms, () => this.#giveAddresses(host, peer, peer))
      }
      case 'keepalive': {
        const [host, peer] = [hosts[action.host]!, hosts[action.peer]!]
        return this.#tell(host, peer, { persistentKeepaliveInterval: action.seconds })
      }
      case 'clockForward':
        hosts[action.host]!.wallClockError += action.ms
        return
      case 'replay':
        return this.#replay(action.count, action.mutate, random)
      case 'garbage':
        return this.#garbage(hosts[action.to]!, action.count, random)
      case 'flood':
        return this.#flood(hosts[action.to]!, action.count, random)
      case 'advanceEarly': {
        const host = hosts[action.host]!
        if (host.isSuspended) return
        host.device.advance(this.now)
        return host.drain()
      }
    }
  }

  /** Ends all trouble: the network is perfect, everyone is up, awake and configured as in the beginning. */
  heal(): void {
    const { network } = this.simulation
    network.heal()
    network.conditions = {
      ...network.conditions,
      loss: 0,
      duplicate: 0,
      corrupt: 0,
      reorder: 0,
      jitterMs: 0,
      delayMs: 5,
      mark: 0,
    }
    for (const host of this.hosts) {
      host.resume()
      host.up()
    }
    for (const host of this.hosts) {
      for (const peer of this.peersOf(host)) {
        this.#restorePeer(host, peer)
        this.#giveAddresses(host, peer, peer)
        // An attacker may have delivered a datagram in the true sender's place; two fixed hosts would never notice.
        if (this.isAnchored(peer)) this.#tell(host, peer, { endpoint: parseEndpoint(peer.address)! })
      }
    }
  }

  /** No host has a reason to speak of its own accord. */
  stopKeepalives(): void {
    for (const host of this.hosts)
      for (const peer of this.peersOf(host)) this.#tell(host, peer, { persistentKeepaliveInterval: 0 })
  }

  /** The newest datagrams, for a report. */
  trace(lines: number): string[] {
    return this.simulation.eve.sightings.slice(-lines).map(describeSighting)
  }

  #later(ms: number, action: () => void): void {
    this.simulation.clock.schedule(this.now + ms, action)
  }

  #send(host: SimulatedHost, ...packets: readonly Uint8Array[]): void {
    if (!host.isSuspended && host.isUp) host.send(...packets)
  }

  #burst(action: Extract<Action, { tag: 'burst' }>, random: Random): void {
    const [from, to] = [this.hosts[action.from]!, this.hosts[action.to]!]
    const { count, spacingMs, family } = action
    if (spacingMs === 0) {
      this.#send(from, ...Array.from({ length: count }, () => this.packet(from, to, family, random)))
      return
    }
    for (let i = 0; i < count; i++)
      this.#later(i * spacingMs, () => this.#send(from, this.packet(from, to, family, random)))
  }

  #move(host: SimulatedHost, notice: boolean): void {
    if (this.isAnchored(host)) return
    const isBehindNat = hostOf(host.address) === '192.0.2.200'
    const move = this.#moves++
    // Home, and behind the translator, every other time.
    const goesHome = host === this.hosts.at(-1) && !isBehindNat
    host.moveTo(goesHome ? '192.0.2.200:51820' : `${ROAMING_PREFIX}.${(move >>> 8) & 255}.${move & 255}:51820`, notice)
    if (notice) this.invariants.allowHandshake(host)
  }

  #tell(host: SimulatedHost, peer: SimulatedHost, change: Omit<PeerUpdate, 'publicKey'>): void {
    if (this.#known.get(host)!.has(peer)) host.apply({ peers: [{ publicKey: peer.publicKey, ...change }] })
  }

  #addPeer(host: SimulatedHost, peer: SimulatedHost): void {
    const { endpoint, ...rest } = peer.asPeer()
    const presharedKey = this.#presharedKeys.get(pairName(host, peer)) ?? null
    // Where a host is that moves, or is behind a translator, one learns from itself.
    host.apply({ peers: [{ ...rest, presharedKey, ...(this.isAnchored(peer) && endpoint && { endpoint }) }] })
    this.#known.get(host)!.add(peer)
    for (const ip of [peer.tunnelIp4, peer.tunnelIp6]) this.#owners.get(host.name)!.set(formatIp(ip), peer.name)
  }

  #removePeer(host: SimulatedHost, peer: SimulatedHost): void {
    if (!this.#known.get(host)!.delete(peer)) return
    host.apply({ peers: [{ publicKey: peer.publicKey, remove: true }] })
    const owners = this.#owners.get(host.name)!
    for (const [ip, owner] of owners) if (owner === peer.name) owners.delete(ip)
    this.invariants.allowHandshake(host)
    this.invariants.allowAnswers(host)
  }

  #restorePeer(host: SimulatedHost, peer: SimulatedHost): void {
    if (!this.#known.get(host)!.has(peer) && this.peersOf(host).includes(peer)) this.#addPeer(host, peer)
  }

  #giveAddresses(host: SimulatedHost, from: SimulatedHost, to: SimulatedHost): void {
    const known = this.#known.get(host)!
    if (!known.has(to)) return
    this.#tell(host, to, { allowedIps: from.asPeer().allowedIps! })
    for (const ip of [from.tunnelIp4, from.tunnelIp6]) this.#owners.get(host.name)!.set(formatIp(ip), to.name)
  }

  #changePsk(host: SimulatedHost, peer: SimulatedHost, random: Random): void {
    const presharedKey = random.bytes(32) as PresharedKey
    this.#presharedKeys.set(pairName(host, peer), presharedKey)
    this.#tell(host, peer, { presharedKey })
    this.#tell(peer, host, { presharedKey })
  }

  #changeKey(host: SimulatedHost, random: Random): void {
    const knowing = this.hosts.filter((other) => this.#known.get(other)!.has(host))
    const owned = new Map(knowing.map((other) => [other, this.#ownedBy(other, host)]))
    for (const other of knowing) this.#removePeer(other, host)
    host.privateKey = random.bytes(32) as PrivateKey
    host.publicKey = nodeSuite.x25519.importPrivateKey(host.privateKey).publicKey as PublicKey
    const update: DeviceUpdate = { privateKey: host.privateKey }
    this.invariants.forbidOldKeys(host)
    host.apply(update)
    this.invariants.allowHandshake(host)
    for (const other of knowing) {
      this.#addPeer(other, host)
      // What was stolen from others meanwhile stays stolen.
      for (const victim of this.hosts)
        if (owned.get(other)!.has(formatIp(victim.tunnelIp4))) this.#giveAddresses(other, victim, host)
    }
  }

  #ownedBy(host: SimulatedHost, peer: SimulatedHost): Set<string> {
    return new Set([...this.#owners.get(host.name)!].filter(([, owner]) => owner === peer.name).map(([ip]) => ip))
  }

  #replay(count: number, mutate: boolean, random: Random): void {
    const { eve, network } = this.simulation
    const { sightings } = eve
    this.#isMarked = true
    for (let i = 0; i < count && sightings.length > 0; i++) {
      const { bytes, from, to, type } = random.pick(sightings)
      const copy = mutate ? mutateBytes(bytes, random) : bytes
      // The MACs of handshake messages say nothing of their sender; all of a data message is authentic or none.
      const isForged = type === TRANSPORT_DATA && Buffer.compare(copy, bytes) !== 0
      const attacker = isForged ? FORGER : ATTACKER
      network.send(random.chance(0.5) ? attacker : from, to, copy, random.pick([0, 3]))
    }
  }

  #garbage(to: SimulatedHost, count: number, random: Random): void {
    for (let i = 0; i < count; i++) {
      const type = random.between(0, 5)
      const length = random.chance(0.7) ? [7, 148, 92, 64, 96, 33][type]! : random.below(2000)
      const bytes = random.bytes(length)
      bytes.set([type, 0, 0, 0].slice(0, length))
      this.simulation.network.send(FORGER, to.address, bytes)
    }
  }

  #flood(to: SimulatedHost, count: number, random: Random): void {
    for (let i = 0; i < count; i++) {
      const source = `198.51.${random.below(256)}.${random.below(256)}:${random.between(1, 65535)}`
      const bytes = random.chance(0.9)
        ? forgeInitiation(nodeSuite, to.publicKey, random)
        : forgeResponse(nodeSuite, to.publicKey, random.u32(), random)
      this.simulation.network.send(source, to.address, bytes)
    }
  }
}

function pairName(one: SimulatedHost, two: SimulatedHost): string {
  return one.number < two.number ? `${one.name} ${two.name}` : `${two.name} ${one.name}`
}
