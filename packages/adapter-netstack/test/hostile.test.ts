/** A peer that completes the handshake and then sends whatever it likes, beside an application that does the same. */
import { expect, test } from 'vitest'
import { icmpError, MSS_1000, Peer, SACK_PERMITTED, tcpPacket } from './segments.js'
import { ALICE, App, BOB, listenWith, pattern, randomOf, Wire } from './wire.js'

const MEMORY = 1024 * 1024
const ROUNDS = 150
const STEPS = 60

const bytesOf = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

class Hostile {
  readonly wire: Wire
  readonly app: App
  readonly #peer: Peer
  readonly #random: () => number
  /** What Bob has sent up to, and expects next. */
  #sent = 1
  #expected = 1
  packetsIn = 0
  packetsOut = 0

  constructor(seed: number) {
    const random = randomOf(seed)
    this.#random = random
    this.wire = new Wire(() => [], { tcp: { memoryBytes: MEMORY, maxTimeWait: 4 } }, seed)
    this.app = new App(pattern(this.#below(30_000)), random() < 0.5)
    this.app.isPaused = random() < 0.3
    listenWith(this.wire, () => this.app)
    this.#peer = new Peer(this.wire)
    const scale = random() < 0.3 ? [3, 3, this.#below(16), 1] : []
    const options = [...MSS_1000, ...(random() < 0.5 ? SACK_PERMITTED : []), ...scale]
    this.#peer.open(options, random() < 0.3 ? this.#below(3000) : 65535)
    this.#take()
  }

  step(): void {
    const kind = this.#below(12)
    if (kind < 9) this.#sendSegment()
    else if (kind === 9) this.#use()
    else if (kind === 10) this.#sendError()
    else this.#peer.wait(this.#oneOf([1, 50, 500, 5000, 130_000]))
    this.#take()
  }

  /** The application is gone and the peer silent. False when Bob does not come to an end. */
  end(): boolean {
    this.app.connection.close()
    for (let i = 0; i < 1000 && this.wire.bob.load.connections > 0; i++) {
      this.#peer.wait(100_000)
      this.#peer.receive()
    }
    return this.wire.bob.load.connections === 0
  }

  #sendSegment(): void {
    this.packetsIn++
    const near = [
      0,
      0,
      0,
      this.#below(3000) - 1500,
      this.#below(70_000) - 2000,
      this.#below(2 ** 31),
      -this.#below(2 ** 31),
    ]
    const sent = this.#sent
    const acks = [
      sent,
      sent,
      this.#below(sent + 2),
      sent + this.#below(100),
      -this.#below(100_000),
      this.#below(2 ** 31),
    ]
    const usual = ['A', 'A', 'A', 'AP', 'FA']
    const flags = this.#random() < 0.8 ? usual : ['S', 'SA', 'R', 'RA', '', 'F', 'SFRAPU', 'SF']
    this.#peer.send({
      seq: this.#expected + this.#oneOf(near),
      ack: this.#oneOf(acks),
      flags: this.#oneOf(flags),
      window: this.#oneOf([0, 1, this.#below(100), this.#below(5000), 65535]),
      options: this.#random() < 0.5 ? this.#blocks(this.#below(4)) : [],
      data: pattern(this.#oneOf([0, 0, 1, this.#below(1400)])),
    })
  }

  #blocks(count: number): number[] {
    const edges = Array.from({ length: count }, () => {
      const start = this.#peer.irs + this.#below(this.#sent + 10)
      return [...bytesOf(start), ...bytesOf(start + this.#below(2000))]
    })
    return [5, 2 + count * 8, ...edges.flat()]
  }

  #sendError(): void {
    const addresses = { source: BOB, destination: ALICE, sourcePort: 80, destinationPort: 4000 }
    const seq = this.#peer.irs + this.#below(this.#sent + 2)
    const quoted = tcpPacket({ seq, flags: 'A', ...addresses, data: pattern(this.#below(1400)) })
    this.wire.inject(this.wire.bob, icmpError(3, this.#below(5), this.#below(1500), quoted))
  }

  #use(): void {
    const { connection } = this.app
    const choice = this.#random()
    if (choice < 0.3) connection.close()
    else if (choice < 0.4) connection.abort()
    else if (choice < 0.6) connection.shutdown()
    else {
      this.app.isPaused = false
      this.app.onReadable()
    }
  }

  #take(): void {
    for (const { seq, ack, data } of this.#peer.receive()) {
      this.packetsOut++
      this.#expected = Math.max(this.#expected, ack)
      this.#sent = Math.max(this.#sent, seq + data.length)
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #oneOf<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!
  }
}

test('whatever a peer sends: nothing throws, memory is bounded, answers are not many, and the end comes', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const hostile = new Hostile(seed)
    const { bob } = hostile.wire
    for (let i = 0; i < STEPS; i++) {
      hostile.step()
      expect(bob.load.bufferBytes, `seed ${seed}`).toBeLessThanOrEqual(MEMORY)
    }
    expect(hostile.packetsOut, `seed ${seed}`).toBeLessThan(4 * (hostile.packetsIn + STEPS))
    expect(hostile.end(), `seed ${seed} comes to an end`).toBe(true)
    expect(bob.load, `seed ${seed}`).toMatchObject({ connections: 0, bufferBytes: 0 })
    expect(hostile.wire.handlerErrors).toEqual([])
  }
})
