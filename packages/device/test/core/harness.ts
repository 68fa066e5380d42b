/** Devices on a wire of their own, with a clock that only tests move. */
import { randomBytes } from 'node:crypto'
import { nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeSuite } from '@wireweave/crypto/node'
import type { TransportEngine } from '@wireweave/crypto/suite'
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { parseEndpoint, parseIp, parsePrefix, type Endpoint } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { createBatch, type PacketBatch } from '@wireweave/tunnel/packets'
import { PacketArena } from '../../src/core/arena.js'
import { DatagramBatch } from '../../src/core/datagrams.js'
import { Device, type DeviceOptions, deviceArenaBytes } from '../../src/core/device.js'
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from '../../src/core/endpoint.js'

export const BATCH = 64
const SLOT_BYTES = 66_000

export interface Sent {
  readonly bytes: Uint8Array
  readonly to: Endpoint
  readonly record: Uint8Array
  readonly trafficClass: number
  readonly recordIndex: number
}

export interface HostOptions extends Partial<DeviceOptions> {
  readonly wrapEngine?: (engine: TransportEngine) => TransportEngine
}

/** A device with what a shell would do for it. */
export class Host {
  readonly device: Device
  readonly privateKey: PrivateKey
  readonly publicKey: PublicKey
  readonly endpoint: Endpoint
  readonly events: TunnelEvent[] = []
  /** What the device put into `outbound` since it was last taken. */
  readonly sent: Sent[] = []
  /** What it gave to its interface. */
  readonly delivered: Uint8Array[] = []
  readonly arena: PacketArena
  wallClockMs = Date.UTC(2026, 0, 1)
  flushes = 0
  readonly #datagrams: DatagramBatch
  readonly #packets: PacketBatch
  readonly #region: number

  constructor(endpoint: string, { wrapEngine = (engine) => engine, ...options }: HostOptions = {}) {
    this.endpoint = parseEndpoint(endpoint)!
    this.arena = new PacketArena(deviceArenaBytes(BATCH) + BATCH * SLOT_BYTES)
    this.device = new Device({
      suite: nodeSuite,
      engine: wrapEngine(nobleTransportEngine.create(this.arena.memory)),
      arena: this.arena,
      random: (bytes) => bytes.set(randomBytes(bytes.length)),
      unixTimeMs: () => this.wallClockMs,
      mtu: 1420,
      batchSize: BATCH,
      onEvent: (event) => this.events.push(event),
      flush: () => {
        this.flushes++
        this.takeOutbound()
      },
      ...options,
    })
    this.#region = this.arena.take(BATCH * SLOT_BYTES).offset
    this.#datagrams = new DatagramBatch(this.arena, BATCH)
    this.#packets = createBatch(this.arena, BATCH)
    this.privateKey = randomBytes(32) as Uint8Array as PrivateKey
    this.publicKey = nodeSuite.x25519.importPrivateKey(this.privateKey).publicKey as PublicKey
    this.device.apply({ privateKey: this.privateKey }, 0)
  }

  apply(update: DeviceUpdate, now: number): void {
    this.device.apply(update, now)
    this.drain()
  }

  addPeer(other: Host, now: number, update: Partial<PeerUpdate> & { ips?: string[] } = {}): void {
    const { ips, ...rest } = update
    const allowedIps = (ips ?? []).map((text) => parsePrefix(text)!)
    this.apply({ peers: [{ publicKey: other.publicKey, endpoint: other.endpoint, allowedIps, ...rest }] }, now)
  }

  up(now: number): void {
    this.device.up(now)
    this.drain()
  }

  send(packets: readonly Uint8Array[], now: number): void {
    packets.forEach((packet, i) => {
      this.#packets.offsets[i] = this.#region + i * SLOT_BYTES
      this.#packets.lengths[i] = packet.length
      this.arena.bytes.set(packet, this.#packets.offsets[i])
      // What lies behind a packet is the device's to overwrite, and never zero by itself.
      this.arena.bytes.fill(
        0xaa,
        this.#packets.offsets[i]! + packet.length,
        this.#packets.offsets[i]! + packet.length + 16,
      )
    })
    this.#packets.count = packets.length
    this.device.sendPackets(this.#packets, now)
    this.drain()
  }

  /** Without working off handshakes. */
  receiveOnly(
    datagrams: readonly { bytes: Uint8Array; from: Endpoint; local?: string; trafficClass?: number }[],
    now: number,
  ): void {
    const batch = this.#datagrams
    batch.clear()
    for (const { bytes, from, local, trafficClass } of datagrams) {
      const i = batch.count++
      batch.offsets[i] = this.#region + i * SLOT_BYTES
      batch.lengths[i] = bytes.length
      batch.endpoints[i] = batch.recordCount
      batch.trafficClasses[i] = trafficClass ?? 0
      const record = batch.recordCount++ * ENDPOINT_BYTES
      writeEndpoint(batch.records, record, from)
      if (local !== undefined) batch.records.set(parseIp(local)!, record + 24)
      this.arena.bytes.set(bytes, batch.offsets[i])
    }
    this.device.receiveDatagrams(batch, now)
    this.drain()
  }

  receive(bytes: Uint8Array, from: Endpoint, now: number, more: { local?: string; trafficClass?: number } = {}): void {
    this.receiveOnly([{ bytes, from, ...more }], now)
    this.processHandshakes(now)
  }

  processHandshakes(now: number, budget = 4096): void {
    this.device.processHandshakes(budget, now)
    this.drain()
  }

  advance(now: number): void {
    this.device.advance(now)
    this.drain()
  }

  drain(): void {
    this.takeOutbound()
    const { inbound } = this.device
    for (let i = 0; i < inbound.count; i++) {
      const at = inbound.offsets[i]!
      this.delivered.push(this.arena.bytes.slice(at, at + inbound.lengths[i]!))
    }
    inbound.count = 0
  }

  takeSent(): Sent[] {
    return this.sent.splice(0)
  }

  tags(): string[] {
    return this.events.map((event) => event.tag)
  }

  takeOutbound(): void {
    const { outbound } = this.device
    for (let i = 0; i < outbound.count; i++) {
      const at = outbound.offsets[i]!
      const record = outbound.endpoints[i]! * ENDPOINT_BYTES
      this.sent.push({
        bytes: outbound.arena.bytes.slice(at, at + outbound.lengths[i]!),
        to: readEndpoint(outbound.records, record)!,
        record: outbound.records.slice(record, record + ENDPOINT_BYTES),
        trafficClass: outbound.trafficClasses[i]!,
        recordIndex: outbound.endpoints[i]!,
      })
    }
    outbound.clear()
  }
}

export const INITIATION = 1
export const RESPONSE = 2
export const COOKIE_REPLY = 3
export const DATA = 4
export const KEEPALIVE_BYTES = 32

/** Alice, 10.0.0.1, and Bob, 10.0.0.2, who know each other, and a wire between them. */
export class Pair {
  readonly alice: Host
  readonly bob: Host
  now = 0
  /** Every datagram in order, as an eavesdropper sees it. */
  readonly wire: { from: Host; type: number; bytes: Uint8Array; at: number; trafficClass: number }[] = []
  /** Says what is lost. */
  drop: (from: Host, type: number, bytes: Uint8Array) => boolean = () => false

  constructor(alice: HostOptions = {}, bob: HostOptions = {}, presharedKey: PresharedKey | null = null) {
    this.alice = new Host('192.0.2.1:1000', alice)
    this.bob = new Host('192.0.2.2:2000', bob)
    this.alice.addPeer(this.bob, 0, { ips: ['10.0.0.2/32', 'fd00::2/128'], presharedKey })
    this.bob.addPeer(this.alice, 0, { ips: ['10.0.0.1/32', 'fd00::1/128'], presharedKey })
    this.alice.up(0)
    this.bob.up(0)
  }

  /** Delivers everything, and what it brings about. */
  exchange(): void {
    for (let rounds = 0; rounds < 100; rounds++) {
      const fromAlice = this.alice.takeSent()
      const fromBob = this.bob.takeSent()
      if (fromAlice.length + fromBob.length === 0) return
      for (const sent of fromAlice) this.#carry(this.alice, this.bob, sent)
      for (const sent of fromBob) this.#carry(this.bob, this.alice, sent)
    }
    throw new Error('the two do not stop talking')
  }

  /** Runs every deadline of both up to `until`, each at its own time. */
  advanceTo(until: number): void {
    this.exchange()
    for (;;) {
      const at = Math.min(
        this.alice.device.nextDeadline()?.at ?? Infinity,
        this.bob.device.nextDeadline()?.at ?? Infinity,
      )
      if (at > until) break
      this.now = Math.max(this.now, at)
      this.alice.advance(this.now)
      this.bob.advance(this.now)
      this.exchange()
    }
    this.now = until
  }

  /** A handshake from Alice, without data. */
  connect(): void {
    this.alice.send([packet4('10.0.0.1', '10.0.0.2', 32)], this.now)
    this.exchange()
  }

  ping(length = 84): Uint8Array {
    const packet = packet4('10.0.0.1', '10.0.0.2', length)
    this.alice.send([packet], this.now)
    return packet
  }

  pong(length = 84): Uint8Array {
    const packet = packet4('10.0.0.2', '10.0.0.1', length)
    this.bob.send([packet], this.now)
    return packet
  }

  keepalives(from: Host): number[] {
    return this.wire
      .filter((entry) => entry.from === from && entry.type === DATA && entry.bytes.length === KEEPALIVE_BYTES)
      .map(({ at }) => at)
  }

  times(type: number, from?: Host): number[] {
    return this.wire
      .filter((entry) => entry.type === type && (from === undefined || entry.from === from))
      .map(({ at }) => at)
  }

  count(type: number, from?: Host): number {
    return this.wire.filter((entry) => entry.type === type && (from === undefined || entry.from === from)).length
  }

  #carry(from: Host, to: Host, sent: Sent): void {
    const type = sent.bytes[0]!
    this.wire.push({ from, type, bytes: sent.bytes, at: this.now, trafficClass: sent.trafficClass })
    if (this.drop(from, type, sent.bytes)) return
    to.receive(sent.bytes, from.endpoint, this.now, { trafficClass: sent.trafficClass })
  }
}

export function packet4(source: string, destination: string, length: number, tos = 0): Uint8Array {
  const packet = new Uint8Array(length)
  packet[0] = 0x45
  packet[1] = tos
  packet[2] = length >>> 8
  packet[3] = length & 0xff
  packet[8] = 64
  packet[9] = 17
  packet.set(parseIp(source)!, 12)
  packet.set(parseIp(destination)!, 16)
  const checksum = headerChecksum(packet)
  packet[10] = checksum >>> 8
  packet[11] = checksum & 0xff
  for (let i = 20; i < length; i++) packet[i] = i
  return packet
}

export function packet6(source: string, destination: string, length: number, trafficClass = 0): Uint8Array {
  const packet = new Uint8Array(length)
  packet[0] = 0x60 | (trafficClass >>> 4)
  packet[1] = (trafficClass << 4) & 0xf0
  packet[4] = (length - 40) >>> 8
  packet[5] = (length - 40) & 0xff
  packet[6] = 17
  packet[7] = 64
  packet.set(parseIp(source)!, 8)
  packet.set(parseIp(destination)!, 24)
  for (let i = 40; i < length; i++) packet[i] = i
  return packet
}

/** Of an IPv4 header whose checksum field is zero; 0 for one whose field is right. */
export function headerChecksum(packet: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += (packet[i]! << 8) | packet[i + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** A random source whose jitter, drawn as a store of 128 bytes, is always `ms`. */
export function withJitter(ms: number): Partial<DeviceOptions> {
  return {
    random: (bytes) => {
      bytes.set(randomBytes(bytes.length))
      if (bytes.length !== 128) return
      for (let i = 0; i < bytes.length; i += 2) bytes.set([ms & 0xff, ms >>> 8], i)
    },
  }
}

/** A handshake message made to look as if its sender knew `receiver`: with a right mac1, and nothing else right. */
export function withMac1(message: Uint8Array, receiver: PublicKey): Uint8Array {
  const copy = message.slice()
  const end = copy.length - 32
  const key = nodeSuite.hash(new TextEncoder().encode('mac1----'), receiver)
  copy.set(nodeSuite.mac(key, copy.subarray(0, end)), end)
  return copy
}
