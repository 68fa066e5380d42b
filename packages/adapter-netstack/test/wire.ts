/** Two stacks, a wire that does what a test says, and a virtual clock. */
import { createBatch, type PacketBatch } from '@wireweave/tunnel/packets'
import {
  type Connection,
  type ConnectionHandler,
  type Listener,
  type NetworkErrorCode,
  Stack,
  type StackOptions,
} from '../src/core/stack.js'

export const ALICE: Uint8Array = Uint8Array.of(10, 0, 0, 1)
export const BOB: Uint8Array = Uint8Array.of(10, 0, 0, 2)
const ALICE6: Uint8Array = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
const BOB6: Uint8Array = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)

/** sfc32: the same everywhere for a seed. */
export function randomOf(seed: number): () => number {
  let a = seed | 0
  let b = 0x9e3779b9 | 0
  let c = 0x243f6a88
  let d = 1
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return (t >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 15; i++) next()
  return next
}

/** Says what becomes of a packet: when each copy of it arrives. An empty list loses it. May change its bytes. */
export type Fate = (packet: Uint8Array, from: 'alice' | 'bob', now: number) => readonly number[]

interface Flight {
  readonly at: number
  readonly order: number
  readonly to: Stack
  readonly packet: Uint8Array
}

const ARENA_BYTES = 1 << 20
const CAPACITY = 32

export class Wire {
  now = 1000
  readonly alice: Stack
  readonly bob: Stack
  fate: Fate
  /** Every packet that was sent, by whom and when. */
  readonly trace: { readonly at: number; readonly from: 'alice' | 'bob'; readonly packet: Uint8Array }[] = []
  keepTrace = false
  packets = 0
  readonly handlerErrors: unknown[] = []
  readonly #batch: PacketBatch = createBatch({ bytes: new Uint8Array(ARENA_BYTES), memory: null }, CAPACITY)
  #flights: Flight[] = []
  #order = 0

  constructor(fate: Fate, options: Partial<StackOptions> = {}, seed = 1) {
    this.fate = fate
    const make = (addresses: Uint8Array[], mine: number): Stack => {
      const random = randomOf(seed * 1000 + mine)
      return new Stack({
        addresses,
        mtu: 1420,
        random: (bytes) => bytes.forEach((_, i) => (bytes[i] = random() * 256)),
        onOutput: () => undefined,
        onHandlerError: (error) => this.handlerErrors.push(error),
        ...options,
      })
    }
    this.alice = make([ALICE, ALICE6], 1)
    this.bob = make([BOB, BOB6], 2)
  }

  /** Runs until nothing is left to do, or `until` ms have passed, or `done` says so. False when time ran out. */
  run(until: number, done: () => boolean = () => false): boolean {
    const end = this.now + until
    for (;;) {
      this.#flush()
      if (done()) return true
      const next = Math.min(this.#flights[0]?.at ?? Infinity, this.alice.nextDeadline(), this.bob.nextDeadline())
      if (next === Infinity) return true
      if (next > end) {
        this.now = end
        return false
      }
      this.now = Math.max(this.now, next)
      this.#step()
    }
  }

  /** Hands a packet to a stack as if it had come over the wire. */
  inject(to: Stack, packet: Uint8Array): void {
    const batch = createBatch({ bytes: packet.slice(), memory: null }, 1)
    batch.lengths[0] = packet.length
    batch.count = 1
    to.receive(batch, 0, this.now)
  }

  /** What `stack` has to send right now, off the wire. */
  drain(stack: Stack): Uint8Array[] {
    stack.advance(this.now)
    const packets: Uint8Array[] = []
    while (stack.transmit(this.#batch, 0, ARENA_BYTES, this.now) > 0) {
      for (let i = 0; i < this.#batch.count; i++) packets.push(copyOf(this.#batch, i))
    }
    return packets
  }

  #step(): void {
    while (this.#flights.length > 0 && this.#flights[0]!.at <= this.now) {
      const flight = this.#flights.shift()!
      this.inject(flight.to, flight.packet)
    }
    this.alice.advance(this.now)
    this.bob.advance(this.now)
  }

  #flush(): void {
    let isBusy = true
    while (isBusy) {
      isBusy = this.#send(this.alice, 'alice')
      isBusy = this.#send(this.bob, 'bob') || isBusy
    }
  }

  #send(stack: Stack, from: 'alice' | 'bob'): boolean {
    stack.advance(this.now)
    const count = stack.transmit(this.#batch, 0, ARENA_BYTES, this.now)
    for (let i = 0; i < count; i++) {
      const packet = copyOf(this.#batch, i)
      this.packets++
      if (this.keepTrace) this.trace.push({ at: this.now, from, packet: packet.slice() })
      for (const at of this.fate(packet, from, this.now))
        this.#put(at, from === 'alice' ? this.bob : this.alice, packet)
    }
    return count > 0
  }

  #put(at: number, to: Stack, packet: Uint8Array): void {
    const flight = { at, order: this.#order++, to, packet: packet.slice() }
    let low = 0
    let high = this.#flights.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#flights[middle]!.at <= at) low = middle + 1
      else high = middle
    }
    this.#flights.splice(low, 0, flight)
  }
}

function copyOf(batch: PacketBatch, i: number): Uint8Array {
  return batch.arena.bytes.slice(batch.offsets[i]!, batch.offsets[i]! + batch.lengths[i]!)
}

/** A wire that only takes time. */
export const delayed =
  (ms: number): Fate =>
  (_packet, _from, now) => [now + ms]

/** An application that writes `data`, then closes its side, and remembers what it heard. */
export class App implements ConnectionHandler {
  readonly log: string[] = []
  connection!: Connection
  received: Uint8Array[] = []
  error: NetworkErrorCode | null | undefined = undefined
  isConnected = false
  hasEnded = false
  /** Reads nothing while true. */
  isPaused = false
  onData: (() => void) | null = null
  onStart: (() => void) | null = null
  readonly #data: Uint8Array
  readonly #shutsDown: boolean
  #written = 0

  constructor(data: Uint8Array = new Uint8Array(0), shutsDown = true) {
    this.#data = data
    this.#shutsDown = shutsDown
  }

  get bytes(): Uint8Array {
    const all = new Uint8Array(this.received.reduce((total, part) => total + part.length, 0))
    let at = 0
    for (const part of this.received) {
      all.set(part, at)
      at += part.length
    }
    return all
  }

  get isClosed(): boolean {
    return this.error !== undefined
  }

  onConnect(): void {
    this.isConnected = true
    this.log.push('connect')
    this.onStart?.()
    this.onWritable()
  }

  onReadable(): void {
    if (this.isPaused) return
    while (this.connection.readableBytes > 0) {
      const part = new Uint8Array(this.connection.readableBytes)
      this.connection.read(part)
      this.received.push(part)
    }
    this.onData?.()
  }

  onWritable(): void {
    while (this.#written < this.#data.length) {
      const taken = this.connection.write(this.#data, this.#written)
      if (taken === 0) return
      this.#written += taken
    }
    if (this.#shutsDown) this.connection.shutdown()
  }

  onEnd(): void {
    this.hasEnded = true
    this.log.push('end')
  }

  onClose(error: NetworkErrorCode | null): void {
    this.error = error
    this.log.push(`close ${error}`)
  }
}

/** Alice calls Bob; both ends are `App`s. */
export function call(wire: Wire, client: App, server: App, port = 80, version: 4 | 6 = 4): Listener {
  const listener = listenWith(wire, () => server, port)
  const remote = version === 4 ? BOB : BOB6
  const connection = wire.alice.connect({ remote, remotePort: port, handler: client }, wire.now)
  if (typeof connection === 'string') throw new Error(connection)
  client.connection = connection
  return listener
}

export function listenWith(wire: Wire, app: () => App, port = 80): Listener {
  const listener = wire.bob.listen(null, port, {
    onConnection(connection) {
      const server = app()
      server.connection = connection
      connection.handler = server
      server.onConnect()
    },
  })
  if (typeof listener === 'string') throw new Error(listener)
  return listener
}

export function pattern(bytes: number, seed = 1): Uint8Array {
  const data = new Uint8Array(bytes)
  let x = seed | 0
  for (let i = 0; i < bytes; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0
    data[i] = x >>> 24
  }
  return data
}

/** `toEqual` of megabytes takes minutes. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
