/**
 * What may be in a packet: from the interface, where programs write what they like, and from a peer that has a session
 * and means harm. Nothing throws; only what is a packet of the right source gets through, as it was.
 */
import { innerPacket } from '../inner-packet.js'
import { mutateBytes } from '../mutate.js'
import type { Random } from '../random.js'
import { RawPeer } from '../raw-peer.js'
import { simulate } from '../simulation.js'
import type { Simulation } from '../simulation.js'
import { FuzzFailure, mustNotThrow } from './target.js'
import type { FuzzRound, FuzzTarget } from './target.js'

export const innerPackets: FuzzTarget = {
  name: 'inner-packets',
  begin: (random) => new InnerPacketRound(random),
}

const LONGEST = 4000

interface TunnelIps {
  readonly tunnelIp4: Uint8Array
  readonly tunnelIp6: Uint8Array
}

class InnerPacketRound implements FuzzRound {
  readonly #random: Random
  readonly #net: Simulation
  readonly #mallory: RawPeer
  #delivered: Uint8Array[] = []
  #sentTo: string[] = []

  constructor(random: Random) {
    this.#random = random
    const net = simulate({
      seed: random.u32(),
      watcher: {
        packetDelivered: (_, packet) => void this.#delivered.push(packet),
        datagramSent: (_, __, to) => void this.#sentTo.push(to),
      },
    })
    this.#net = net
    const { alice, bob, network } = net
    this.#mallory = new RawPeer({ network, random: random.fork(), number: 1, host: alice })
    alice.apply({ peers: [this.#mallory.asPeer()] })
    this.#mallory.send(this.#mallory.initiation())
    alice.send(net.packet(alice, bob))
    net.advance(1000)
  }

  step(): void {
    this.#delivered = []
    this.#sentTo = []
    if (this.#random.chance(0.5)) this.#fromInterface()
    else this.#fromMallory()
  }

  finish(): void {
    const { alice, bob } = this.#net
    bob.received.length = 0
    const packet = this.#net.packet(alice, bob)
    alice.send(packet)
    this.#net.advance(1000)
    if (!bob.received.some((one) => Buffer.compare(one, packet) === 0))
      throw new FuzzFailure('a good packet no longer comes through')
  }

  /** Sealed to whom its destination belongs, or not at all. */
  #fromInterface(): void {
    const { alice, bob } = this.#net
    const bytes = this.#draw(alice, bob)
    mustNotThrow(bytes, () => alice.send(bytes))
    const owner = this.#ownerOf(bytes)
    if (this.#sentTo.some((to) => to !== owner))
      throw new FuzzFailure(`sent to ${this.#sentTo.join()} instead of ${owner}`, bytes)
    for (const packet of this.#delivered)
      if (!isOwnIcmp(packet)) throw new FuzzFailure('delivered to its own interface', bytes)
  }

  #fromMallory(): void {
    const mallory = this.#mallory
    const { alice } = this.#net
    const bytes = this.#draw(this.#random.chance(0.2) ? this.#net.bob : mallory, alice)
    const datagram = mallory.seal(bytes)
    mustNotThrow(bytes, () => alice.deliver(datagram, mallory.address))
    const wanted = expectedDelivery(bytes, mallory)
    if (this.#delivered.length !== (wanted === null ? 0 : 1)) {
      throw new FuzzFailure(
        `${this.#delivered.length} packets delivered, ${wanted === null ? 'none' : 'one'} was right`,
        bytes,
      )
    }
    if (wanted !== null && Buffer.compare(wanted, this.#delivered[0]!) !== 0)
      throw new FuzzFailure('delivered something else', bytes)
  }

  #draw(from: TunnelIps, to: TunnelIps): Uint8Array {
    const random = this.#random
    const payload = random.bytes(random.below(random.pick([2, 20, 1400, LONGEST])))
    const six = random.chance(0.3)
    const packet = six
      ? innerPacket({ source: from.tunnelIp6, destination: to.tunnelIp6, payload })
      : innerPacket({ source: from.tunnelIp4, destination: to.tunnelIp4, payload })
    switch (random.below(5)) {
      case 0:
        return random.bytes(random.below(100))
      case 1: {
        // The right version and nothing else.
        const bytes = random.bytes(random.between(1, 60))
        bytes[0] = random.pick([0x45, 0x60, 0x4f, 0x40])
        return bytes
      }
      case 2:
        return mutateBytes(packet, random)
      case 3: {
        // Lengths lie most.
        const at = six ? 4 : 2
        new DataView(packet.buffer).setUint16(
          at,
          random.pick([0, 19, 20, 39, 40, packet.length + 1, 65495, 65496, 65535, random.below(65536)]),
        )
        return packet
      }
      default:
        return packet
    }
  }

  /** The endpoint of the peer that the destination is routed to, computed on its own. */
  #ownerOf(packet: Uint8Array): string | null {
    const version = packet.length > 0 ? packet[0]! >>> 4 : 0
    const { bob } = this.#net
    const starts = (bytes: Uint8Array, at: number) => bytes.every((byte, i) => packet[at + i] === byte)
    if (version === 4 && packet.length >= 20) {
      if (starts(bob.tunnelIp4, 16)) return bob.address
      if (starts(this.#mallory.tunnelIp4, 16)) return this.#mallory.address
    }
    if (version === 6 && packet.length >= 40) {
      if (starts(bob.tunnelIp6, 24)) return bob.address
      if (starts(this.#mallory.tunnelIp6, 24)) return this.#mallory.address
    }
    return null
  }
}

/** What of these bytes, padding and all, may come out of the interface when they come from this peer. */
function expectedDelivery(bytes: Uint8Array, peer: TunnelIps): Uint8Array | null {
  const version = bytes.length > 0 ? bytes[0]! >>> 4 : 0
  const starts = (address: Uint8Array, at: number) => address.every((byte, i) => bytes[at + i] === byte)
  if (version === 4 && bytes.length >= 20) {
    const total = bytes[2]! * 256 + bytes[3]!
    return total >= 20 && total <= bytes.length && starts(peer.tunnelIp4, 12) ? bytes.slice(0, total) : null
  }
  if (version === 6 && bytes.length >= 40) {
    const total = 40 + bytes[4]! * 256 + bytes[5]!
    return total <= bytes.length && starts(peer.tunnelIp6, 8) ? bytes.slice(0, total) : null
  }
  return null
}

function isOwnIcmp(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 4 ? packet[9] === 1 && packet[20] === 3 : packet[6] === 58 && packet[40] === 1
}
