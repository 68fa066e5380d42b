import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tooBig } from './icmp.js'
import { App, call, type Fate, isSame, pattern, randomOf, Wire } from './wire.js'

const SCALE = Number(process.env['NETSTACK_RUNS'] ?? 1)
const SEED = Number(process.env['NETSTACK_SEED'] ?? 20260822)

interface Faults {
  readonly seed: number
  readonly loss: number
  readonly duplication: number
  readonly corruption: number
  readonly delay: number
  readonly jitter: number
  /** Packets larger than this are lost, answered with an ICMP error or not. */
  readonly pathMtu: number
  readonly saysTooBig: boolean
  /** When the path changes to it. */
  readonly changesAt: number
  /** Nothing passes from here on, for so long. */
  readonly outageAt: number
  readonly outageMs: number
  /** The server reads nothing for so long. */
  readonly pauseMs: number
}

const faults: fc.Arbitrary<Faults> = fc.record({
  seed: fc.nat(),
  loss: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.3, noNaN: true })),
  duplication: fc.double({ min: 0, max: 0.2, noNaN: true }),
  corruption: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.1, noNaN: true })),
  delay: fc.nat(200),
  jitter: fc.oneof(fc.constant(0), fc.nat(300)),
  pathMtu: fc.oneof(fc.constant(1500), fc.integer({ min: 600, max: 1420 })),
  saysTooBig: fc.boolean(),
  changesAt: fc.nat(3000),
  outageAt: fc.nat(5000),
  outageMs: fc.oneof(fc.constant(0), fc.nat(20_000)),
  pauseMs: fc.oneof(fc.constant(0), fc.nat(60_000)),
})

/** A byte of the IPv6 header that is in no checksum would only send the packet elsewhere: that is loss, too. */
function fateOf(wire: () => Wire, options: Faults): Fate {
  const random = randomOf(options.seed)
  return (packet, from, now) => {
    const at = now - 1000
    if (at >= options.outageAt && at < options.outageAt + options.outageMs) return []
    if (random() < options.loss) return []
    if (packet.length > options.pathMtu && at >= options.changesAt) {
      if (options.saysTooBig)
        wire().inject(from === 'alice' ? wire().alice : wire().bob, tooBig(packet, options.pathMtu))
      return []
    }
    if (random() < options.corruption) {
      const i = Math.floor(random() * packet.length)
      packet[i]! ^= 1 << Math.floor(random() * 8)
    }
    const arrival = (): number => now + options.delay + random() * options.jitter
    return random() < options.duplication ? [arrival(), arrival()] : [arrival()]
  }
}

function transfer(options: Faults, version: 4 | 6, toServer: number, toClient: number) {
  let wire!: Wire
  wire = new Wire(
    fateOf(() => wire, options),
    // Small enough for windows to close.
    { tcp: options.pauseMs > 0 ? { initialBufferBytes: 16_384, maxBufferBytes: 32_768 } : {} },
    options.seed & 0xffff,
  )
  const client = new App(pattern(toServer, 1))
  const server = new App(pattern(toClient, 2))
  call(wire, client, server, 80, version)
  return { wire, client, server, isOver: runToEnd(wire, client, server, options.pauseMs) }
}

/** A side that only listens for what is left notices a vanished peer by keep-alive alone. */
function runToEnd(wire: Wire, client: App, server: App, pauseMs = 0): boolean {
  client.connection.setKeepAlive(60_000)
  server.onStart = () => server.connection.setKeepAlive(60_000)
  const isOver = (): boolean => client.isClosed && (server.isClosed || server.connection === undefined)
  if (pauseMs > 0) {
    server.isPaused = true
    wire.run(pauseMs, isOver)
    server.isPaused = false
    if (server.connection !== undefined) server.onReadable()
  }
  wire.run(6 * 3600_000, isOver)
  return isOver()
}

test(
  'whatever the network does, the stream is byte-identical or ends with an error, and never hangs',
  () => {
    fc.assert(
      fc.property(
        faults,
        fc.constantFrom(4 as const, 6 as const),
        fc.nat(120_000),
        fc.nat(120_000),
        (options, version, up, down) => {
          const fit = version === 6 ? { ...options, pathMtu: Math.max(1280, options.pathMtu) } : options
          const { wire, client, server, isOver } = transfer(fit, version, up, down)
          expect(isOver).toBe(true)
          expect(wire.handlerErrors).toEqual([])
          expect(isSame(server.bytes, pattern(up, 1).subarray(0, server.bytes.length))).toBe(true)
          expect(isSame(client.bytes, pattern(down, 2).subarray(0, client.bytes.length))).toBe(true)
          if (client.error === null) expect(client.bytes.length).toBe(down)
          if (server.error === null && server.connection !== undefined) expect(server.bytes.length).toBe(up)
          // A network that works most of the time is no reason to give up.
          if (options.outageMs === 0 && options.loss < 0.1 && options.corruption < 0.05) {
            expect([client.error, server.error]).toEqual([null, null])
          }
        },
      ),
      { numRuns: 60 * SCALE, seed: SEED },
    )
  },
  120_000 * SCALE,
)

test(
  'a sender without SACK, timestamps or large windows gets through as well',
  () => {
    fc.assert(
      fc.property(faults, fc.nat(60_000), (options, bytes) => {
        let wire!: Wire
        const inner = fateOf(() => wire, { ...options, corruption: 0 })
        wire = new Wire((packet, from, now) => inner(withoutOptions(packet), from, now), {}, options.seed & 0xffff)
        const client = new App(pattern(bytes, 1))
        const server = new App()
        call(wire, client, server)
        expect(runToEnd(wire, client, server)).toBe(true)
        if (client.error === null) expect(isSame(server.bytes, pattern(bytes, 1))).toBe(true)
        if (options.outageMs === 0 && options.loss < 0.1) expect(client.error).toBe(null)
      }),
      { numRuns: 30 * SCALE, seed: SEED },
    )
  },
  120_000 * SCALE,
)

test('the same seed gives the same trace', () => {
  const options: Faults = {
    ...{ seed: 7, loss: 0.1, duplication: 0.1, corruption: 0.05, delay: 20, jitter: 50 },
    ...{ pathMtu: 900, saysTooBig: true, changesAt: 100, outageAt: 0, outageMs: 0, pauseMs: 0 },
  }
  const traceOf = (): unknown[] => {
    let wire!: Wire
    wire = new Wire(
      fateOf(() => wire, options),
      {},
      7,
    )
    wire.keepTrace = true
    const client = new App(pattern(50_000, 1))
    call(wire, client, new App())
    wire.run(600_000, () => client.isClosed)
    return wire.trace.map(({ at, from, packet }) => [at, from, Buffer.from(packet).toString('hex')])
  }
  const first = traceOf()
  expect(first.length).toBeGreaterThan(50)
  expect(traceOf()).toEqual(first)
})

/** The options of a SYN turned into NOPs, but for the MSS. */
function withoutOptions(packet: Uint8Array): Uint8Array {
  if (packet[0] !== 0x45 || packet[9] !== 6 || (packet[33]! & 2) === 0) return packet
  const copy = packet.slice()
  const end = 20 + (copy[32]! >>> 4) * 4
  copy.fill(1, 44, end)
  copy[36] = copy[37] = 0
  let total = 6 + end - 20
  for (let i = 12; i < end; i += 2) total += (copy[i]! << 8) | copy[i + 1]!
  total = (total & 0xffff) + (total >>> 16)
  total = ~((total & 0xffff) + (total >>> 16)) & 0xffff
  copy[36] = total >>> 8
  copy[37] = total
  return copy
}
