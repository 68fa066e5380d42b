/** What strangers can send: nothing of it may throw, be answered, be delivered or change anything. */
import { nodeSuite } from '@wireweave/crypto/node'
import { describeState } from '../device-state.js'
import { firstIndex, HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA } from '../eavesdropper.js'
import type { Sighting } from '../eavesdropper.js'
import { forgeInitiation, forgeResponse, withMac1 } from '../forgery.js'
import { mutateBytes } from '../mutate.js'
import type { Random } from '../random.js'
import { simulate } from '../simulation.js'
import type { Simulation } from '../simulation.js'
import { FuzzFailure, mustNotThrow } from './target.js'
import type { FuzzRound, FuzzTarget } from './target.js'

const MAC2_BYTES = 16
const UNDELIVERED = 20

export const datagrams: FuzzTarget = {
  name: 'datagrams',
  begin: (random) => new DatagramRound(random),
}

/** Alice has a session with bob and a handshake with carol, who is silent, in progress. */
class DatagramRound implements FuzzRound {
  readonly #random: Random
  readonly #net: Simulation
  /** Real ones to alice: some came already, the data of `#fresh` has not. */
  readonly #seen: readonly Sighting[]
  readonly #fresh: readonly Sighting[]
  readonly #openIndex: number
  readonly #indices: readonly number[]
  #before: string
  #sent = 0
  #delivered = 0
  #events = 0

  constructor(random: Random) {
    this.#random = random
    const net = simulate({
      seed: random.u32(),
      hosts: ['alice', 'bob', 'carol'],
      watcher: {
        datagramSent: () => void this.#sent++,
        packetDelivered: () => void this.#delivered++,
        // An initiation played back may be logged: see the clock that was set back, §5.1.
        event: (_, event) => void (this.#events += event.tag === 'log' ? 0 : 1),
      },
    })
    this.#net = net
    const { alice, bob } = net
    const carol = net.hosts[2]!
    carol.down()
    bob.send(net.packet(bob, alice))
    net.advance(1000)
    alice.send(net.packet(alice, bob))
    net.advance(130_000)
    alice.send(net.packet(alice, bob))
    net.advance(1000)
    alice.send(net.packet(alice, carol))
    this.#openIndex = firstIndex(net.eve.of(HANDSHAKE_INITIATION).at(-1)!.bytes)
    net.network.drop = () => true
    const before = net.eve.count()
    for (let i = 0; i < UNDELIVERED; i++) bob.send(net.packet(bob, alice, random.bytes(random.below(1300))))
    this.#fresh = net.eve.sightings.slice(before).filter(isData)
    this.#seen = net.eve.sightings.slice(0, before).filter((one) => one.to === alice.address)
    this.#indices = [...new Set([...this.#seen, ...this.#fresh].filter(isData).map((one) => firstIndex(one.bytes)))]
    this.#before = describeState(alice.device)
  }

  step(): void {
    const bytes = this.#draw()
    const { alice, bob } = this.#net
    const from = this.#random.chance(0.3)
      ? bob.address
      : `198.51.100.${this.#random.below(256)}:${this.#random.between(1, 65535)}`
    const [sent, delivered, events] = [this.#sent, this.#delivered, this.#events]
    mustNotThrow(bytes, () => alice.deliver(bytes, from, this.#random.below(256)))
    if (this.#sent !== sent) throw new FuzzFailure('a stranger was answered', bytes)
    if (this.#delivered !== delivered) throw new FuzzFailure('something unauthenticated was delivered', bytes)
    if (this.#events !== events) throw new FuzzFailure('a stranger caused an event', bytes)
    const after = describeState(alice.device)
    if (after !== this.#before) throw new FuzzFailure(`state changed\nfrom ${this.#before}\nto   ${after}`, bytes)
  }

  /** What was held back is still accepted, once: no forgery has used up its place. */
  finish(): void {
    const { alice, bob } = this.#net
    const before = this.#delivered
    for (let twice = 0; twice < 2; twice++)
      for (const { bytes } of this.#fresh) alice.deliver(bytes.slice(), bob.address)
    const got = this.#delivered - before
    if (got !== this.#fresh.length)
      throw new FuzzFailure(`${got} instead of ${this.#fresh.length} packets came after the forgeries`)
  }

  #draw(): Uint8Array {
    const random = this.#random
    const { alice } = this.#net
    switch (random.below(10)) {
      case 0:
        return random.bytes(random.pick([0, 1, 3, 4, 31, 32, 64, 92, 148, random.below(2000), random.below(65508)]))
      case 1:
        return this.#typed()
      case 2:
        return forgeInitiation(nodeSuite, alice.publicKey, random)
      case 3:
        return forgeResponse(nodeSuite, alice.publicKey, random.pick([this.#openIndex, random.u32()]), random)
      case 4:
        return this.#forgedCookie()
      case 5:
        return random.pick(this.#seen).bytes.slice()
      case 6:
        return this.#spoilHandshake()
      default:
        return changed(random.pick(random.chance(0.8) ? this.#fresh : this.#seen.filter(isData)).bytes, random)
    }
  }

  /** A right type, an index in use, and nothing else right. */
  #typed(): Uint8Array {
    const random = this.#random
    const bytes = random.bytes(random.between(8, 200))
    bytes.set([random.between(0, 6), 0, 0, random.chance(0.1) ? 1 : 0])
    const index = random.pick([...this.#indices, this.#openIndex])
    new DataView(bytes.buffer).setUint32(4, index, true)
    return bytes
  }

  #forgedCookie(): Uint8Array {
    const bytes = this.#random.bytes(64)
    bytes.set([3, 0, 0, 0])
    new DataView(bytes.buffer).setUint32(4, this.#openIndex, true)
    return bytes
  }

  /** A real handshake message with a change before its MACs, which are made right again or not. */
  #spoilHandshake(): Uint8Array {
    const random = this.#random
    const { alice } = this.#net
    const real = random.pick(
      this.#seen.filter((one) => one.type === HANDSHAKE_INITIATION || one.type === HANDSHAKE_RESPONSE),
    )
    const bytes = real.bytes.slice()
    // mac2 is not looked at without load, and a changed mac2 is no forgery.
    const at = random.below(bytes.length - 2 * MAC2_BYTES)
    bytes[at]! ^= 1 << random.below(8)
    return random.chance(0.7) && at >= 4 ? withMac1(nodeSuite, alice.publicKey, real.type, bytes) : bytes
  }
}

function isData(sighting: Sighting): boolean {
  return sighting.type === TRANSPORT_DATA
}

/** Never equal to what it was. */
function changed(bytes: Uint8Array, random: Random): Uint8Array {
  for (;;) {
    const copy = mutateBytes(bytes, random)
    if (Buffer.compare(copy, bytes) !== 0) return copy
  }
}
