/** A machine of the simulation: a device core, and around it what the shell would be, in virtual time. */
import type { Suite, TransportEngineFactory } from '@wireweave/crypto/suite'
import { PacketArena } from '@wireweave/device/core/arena'
import type { Region } from '@wireweave/device/core/arena'
import { DatagramBatch } from '@wireweave/device/core/datagrams'
import { Device } from '@wireweave/device/core/device'
import type { HandshakeSecrets } from '@wireweave/device/core/device'
import { ENDPOINT_BYTES, ENDPOINT_LOCAL, readEndpoint, writeEndpoint } from '@wireweave/device/core/endpoint'
import type { DeviceUpdate, PeerSnapshot, PeerUpdate } from '@wireweave/tunnel/config'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatEndpoint, formatIp, parseEndpoint, parseIp } from '@wireweave/tunnel/ip'
import type { Endpoint, IpAddress } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { createBatch, PACKET_TAILROOM } from '@wireweave/tunnel/packets'
import type { PacketBatch } from '@wireweave/tunnel/packets'
import { hostOf } from './network.js'
import type { Network } from './network.js'
import type { Random } from './random.js'

/** Sees everything a host does, at the moment it does it. Throws to end the simulation. */
export interface Watcher {
  datagramSent?(host: SimulatedHost, bytes: Uint8Array, to: string): void
  packetDelivered?(host: SimulatedHost, packet: Uint8Array): void
  event?(host: SimulatedHost, event: TunnelEvent): void
}

export interface HostOptions {
  readonly name: string
  /** Small and different for each host: its addresses come from it. */
  readonly number: number
  readonly network: Network
  readonly random: Random
  readonly suite: Suite
  readonly engine: TransportEngineFactory
  readonly watcher: Watcher
  readonly mtu?: number
  /** Of the outer addresses; 4 when absent. */
  readonly family?: 4 | 6
  /** Received packets and events that are kept, newest last; 10 000 when absent. */
  readonly keep?: number
  onHandshakeSecrets?(secrets: HandshakeSecrets): void
}

const BATCH_SIZE = 32
const ARENA_BYTES = 8 << 20
const REGION_BYTES = 256 << 10
const PORT = 51820
/** Written behind what a device may write, and looked at afterwards. */
const CANARY = Uint8Array.from([0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xf0, 0x0d])
/** 2026-01-01, as good as any. */
const WALL_CLOCK_START_MS = 1_767_225_600_000

interface Arrived {
  readonly bytes: Uint8Array
  readonly from: string
  readonly trafficClass: number
}

export class SimulatedHost {
  readonly name: string
  readonly number: number
  readonly device: Device
  readonly tunnelIp4: IpAddress
  readonly tunnelIp6: IpAddress
  /** What the interface got, oldest first. */
  readonly received: Uint8Array[] = []
  readonly events: TunnelEvent[] = []
  privateKey: PrivateKey
  publicKey: PublicKey
  /** Its endpoint on the network, as text. */
  address: string
  /** Milliseconds that the wall clock is ahead of where it should be; may change at any time. */
  wallClockError = 0
  readonly #options: HostOptions
  readonly #arena: PacketArena
  readonly #incoming: DatagramBatch
  readonly #incomingRegion: Region
  readonly #outgoing: PacketBatch
  readonly #outgoingRegion: Region
  readonly #inbox: Arrived[] = []
  readonly #ownAddress = new Uint8Array(ENDPOINT_BYTES)
  #isUp = false
  #isSuspended = false

  constructor(options: HostOptions) {
    const { name, number, network, random, suite } = options
    this.name = name
    this.number = number
    this.#options = options
    this.tunnelIp4 = parseIp(`10.77.0.${number}`)!
    this.tunnelIp6 = parseIp(`fd77::${number.toString(16)}`)!
    this.address = options.family === 6 ? `[2001:db8::${number.toString(16)}]:${PORT}` : `192.0.2.${number}:${PORT}`
    this.privateKey = random.bytes(32) as PrivateKey
    this.publicKey = suite.x25519.importPrivateKey(this.privateKey).publicKey as PublicKey
    this.#arena = new PacketArena(ARENA_BYTES)
    this.#incomingRegion = this.#arena.take(REGION_BYTES)
    this.#outgoingRegion = this.#arena.take(REGION_BYTES)
    this.#incoming = new DatagramBatch(this.#arena, BATCH_SIZE)
    this.#outgoing = createBatch(this.#arena, BATCH_SIZE)
    const keyLog = options.onHandshakeSecrets?.bind(options)
    this.device = new Device({
      suite,
      engine: options.engine.create(this.#arena.memory),
      arena: this.#arena,
      random: (bytes) => random.draw(bytes),
      unixTimeMs: () => Math.floor(WALL_CLOCK_START_MS + network.clock.now + this.wallClockError),
      mtu: options.mtu ?? 1420,
      batchSize: BATCH_SIZE,
      onEvent: (event) => this.#note(event),
      flush: () => this.#sendOutbound(),
      ...(keyLog && { onHandshakeSecrets: keyLog }),
    })
    this.apply({ privateKey: this.privateKey, listenPort: PORT })
  }

  get now(): number {
    return this.#options.network.clock.now
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get isSuspended(): boolean {
    return this.#isSuspended
  }

  get endpoint(): Endpoint {
    return parseEndpoint(this.address)!
  }

  /** How other hosts configure this one. */
  asPeer(): PeerUpdate {
    const allowedIps = [
      { address: this.tunnelIp4, length: 32 },
      { address: this.tunnelIp6, length: 128 },
    ]
    return { publicKey: this.publicKey, endpoint: this.endpoint, allowedIps }
  }

  peer(other: SimulatedHost): PeerSnapshot | undefined {
    return this.device
      .snapshot()
      .peers.find(({ publicKey }) => publicKey.every((byte, i) => byte === other.publicKey[i]))
  }

  apply(update: DeviceUpdate): void {
    this.device.apply(update, this.now)
    this.drain()
  }

  up(): void {
    if (this.#isUp) return
    this.#isUp = true
    this.#options.network.listen(this.address, (bytes, from, _to, trafficClass) =>
      this.#arrive(bytes, from, trafficClass),
    )
    this.device.setBoundPort(PORT)
    this.device.up(this.now)
    this.drain()
  }

  down(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#inbox.length = 0
    this.#options.network.stopListening(this.address)
    this.device.down(this.now)
    this.drain()
  }

  /** Another network: a new address, and what the shell does when it notices. */
  moveTo(address: string, notice = true): void {
    const wasUp = this.#isUp
    if (wasUp) this.#options.network.stopListening(this.address)
    this.address = address
    if (!wasUp) return
    this.#options.network.listen(address, (bytes, from, _to, trafficClass) => this.#arrive(bytes, from, trafficClass))
    if (notice) {
      this.device.networkChanged(this.now)
      this.drain()
    }
  }

  /** Sleeps: nothing runs, datagrams are lost, and the clock goes on. */
  suspend(): void {
    this.#isSuspended = true
    this.#inbox.length = 0
  }

  resume(): void {
    this.#isSuspended = false
  }

  /** The host's programs send packets, in as few calls as the batch allows. */
  send(...packets: readonly Uint8Array[]): void {
    for (let first = 0; first < packets.length; first += BATCH_SIZE)
      this.#sendBatch(packets.slice(first, first + BATCH_SIZE))
  }

  /** A datagram arrives without the network, and what it causes at this moment happens. */
  deliver(bytes: Uint8Array, from: string, trafficClass = 0): void {
    this.#arrive(bytes, from, trafficClass)
    this.step()
  }

  /** When the host has something to do; Infinity for never. */
  nextMoment(): number {
    if (this.#isSuspended) return Number.POSITIVE_INFINITY
    if (this.#inbox.length > 0) return this.now
    return this.device.nextDeadline()?.at ?? Number.POSITIVE_INFINITY
  }

  /** Does what is due now. */
  step(): void {
    if (this.#isSuspended) return
    while (this.#inbox.length > 0) this.#receiveBatch()
    for (let turns = 0; ; turns++) {
      const deadline = this.device.nextDeadline()
      if (deadline === null || deadline.at > this.now) return
      if (turns > 10_000) throw new Error(`${this.name}: the deadline ${deadline.reason} does not pass`)
      if (deadline.reason === 'handshakeQueue') this.device.processHandshakes(16, this.now)
      else this.device.advance(this.now)
      this.drain()
    }
  }

  /** Sends and hands over what a call of the device left. */
  drain(): void {
    this.#sendOutbound()
    const { inbound } = this.device
    for (let i = 0; i < inbound.count; i++) {
      const offset = inbound.offsets[i]!
      const packet = this.#arena.bytes.slice(offset, offset + inbound.lengths[i]!)
      this.#options.watcher.packetDelivered?.(this, packet)
      this.received.push(packet)
    }
    inbound.count = 0
    this.#forget(this.received)
  }

  #sendBatch(packets: readonly Uint8Array[]): void {
    const { bytes } = this.#arena
    let at = this.#outgoingRegion.offset
    for (const [i, packet] of packets.entries()) {
      bytes.set(packet, at)
      // What stood in the tailroom before is nobody's business, but padding must be zero whatever it was.
      bytes.fill(0xaa, at + packet.length, at + packet.length + PACKET_TAILROOM)
      bytes.set(CANARY, at + packet.length + PACKET_TAILROOM)
      this.#outgoing.offsets[i] = at
      this.#outgoing.lengths[i] = packet.length
      at += packet.length + PACKET_TAILROOM + CANARY.length
    }
    this.#outgoing.count = packets.length
    // As the driver does: who slept runs the timers that ran out meanwhile before anything else.
    this.device.advance(this.now)
    this.device.sendPackets(this.#outgoing, this.now)
    for (const [i, packet] of packets.entries()) {
      this.#lookAtCanary(this.#outgoing.offsets[i]! + packet.length + PACKET_TAILROOM, 'a packet')
    }
    this.drain()
  }

  #arrive(bytes: Uint8Array, from: string, trafficClass: number): void {
    if (!this.#isSuspended) this.#inbox.push({ bytes, from, trafficClass })
  }

  #receiveBatch(): void {
    const batch = this.#incoming
    const arrived = this.#inbox.splice(0, BATCH_SIZE)
    writeEndpoint(this.#ownAddress, 0, this.endpoint)
    batch.clear()
    let at = this.#incomingRegion.offset
    for (const { bytes, from, trafficClass } of arrived) {
      this.#arena.bytes.set(bytes, at)
      this.#arena.bytes.set(CANARY, at + bytes.length)
      batch.offsets[batch.count] = at
      batch.lengths[batch.count] = bytes.length
      batch.trafficClasses[batch.count] = trafficClass
      batch.endpoints[batch.count] = batch.recordCount
      const record = batch.recordCount * ENDPOINT_BYTES
      writeEndpoint(batch.records, record, parseEndpoint(from)!)
      batch.records.set(this.#ownAddress.subarray(4, 20), record + ENDPOINT_LOCAL)
      batch.recordCount++
      batch.count++
      at += bytes.length + CANARY.length
    }
    this.device.advance(this.now)
    this.device.receiveDatagrams(batch, this.now)
    for (let i = 0; i < arrived.length; i++)
      this.#lookAtCanary(batch.offsets[i]! + arrived[i]!.bytes.length, 'a datagram')
    this.drain()
  }

  #sendOutbound(): void {
    const { outbound } = this.device
    for (let i = 0; i < outbound.count; i++) {
      const offset = outbound.offsets[i]!
      const bytes = this.#arena.bytes.slice(offset, offset + outbound.lengths[i]!)
      const record = outbound.endpoints[i]! * ENDPOINT_BYTES
      const to = readEndpoint(outbound.records, record)
      if (to === null) throw new Error(`${this.name}: a datagram to nowhere`)
      this.#options.watcher.datagramSent?.(this, bytes, formatEndpoint(to))
      if (this.#isUp) this.#options.network.send(this.address, formatEndpoint(to), bytes, outbound.trafficClasses[i]!)
      else throw new Error(`${this.name}: a datagram although it is down`)
    }
    outbound.clear()
  }

  #note(event: TunnelEvent): void {
    this.#options.watcher.event?.(this, event)
    this.events.push(event)
    this.#forget(this.events)
  }

  #forget(list: unknown[]): void {
    const keep = this.#options.keep ?? 10_000
    if (list.length > keep * 2) list.splice(0, list.length - keep)
  }

  #lookAtCanary(at: number, behind: string): void {
    for (const [i, byte] of CANARY.entries()) {
      if (this.#arena.bytes[at + i] !== byte) throw new Error(`${this.name}: wrote behind ${behind}`)
    }
  }

  toString(): string {
    return `${this.name} (${formatIp(this.tunnelIp4)}, ${hostOf(this.address)})`
  }
}
