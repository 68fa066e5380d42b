/** What changes in the middle of a stream: the MTU of either interface, of the path each way, who may still send. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tooBig } from './icmp.js'
import { App, call, type Fate, isSame, pattern, randomOf, Wire } from './wire.js'

const SCALE = Number(process.env['NETSTACK_RUNS'] ?? 1)
const SEED = Number(process.env['NETSTACK_SEED'] ?? 20260822)

const HOSTS = ['alice', 'bob'] as const
type HostName = (typeof HOSTS)[number]

interface Change {
  readonly at: number
  /** The interface's own MTU, or what the path from there carries. */
  readonly of: 'interface' | 'path'
  readonly host: HostName
  readonly mtu: number
}

interface Scenario {
  readonly seed: number
  readonly version: 4 | 6
  readonly loss: number
  readonly duplication: number
  readonly delay: number
  readonly jitter: number
  readonly changes: readonly Change[]
  /** Routers say what does not fit, or swallow it. */
  readonly saysTooBig: boolean
  /** Who begins to send only when the other one has closed its side; nobody: both send at once. */
  readonly waits: HostName | null
  /** How long each reads nothing. */
  readonly pauses: Readonly<Record<HostName, number>>
  readonly bytes: Readonly<Record<HostName, number>>
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(4000),
  of: fc.constantFrom('interface' as const, 'path' as const),
  host: fc.constantFrom(...HOSTS),
  mtu: fc.oneof(fc.constant(1420), fc.integer({ min: 600, max: 1420 })),
})
const pause = fc.oneof(fc.constant(0), fc.nat(20_000))
const scenario: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  version: fc.constantFrom(4 as const, 6 as const),
  loss: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.2, noNaN: true })),
  duplication: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.2, noNaN: true })),
  delay: fc.nat(100),
  jitter: fc.oneof(fc.constant(0), fc.nat(200)),
  changes: fc.array(change, { maxLength: 8 }),
  saysTooBig: fc.boolean(),
  waits: fc.constantFrom(null, ...HOSTS),
  pauses: fc.record({ alice: pause, bob: pause }),
  bytes: fc.record({ alice: fc.nat(250_000), bob: fc.nat(250_000) }),
})

/** Sends when the other side has closed. */
class Answering extends App {
  override onWritable(): void {
    if (this.hasEnded) super.onWritable()
  }

  override onEnd(): void {
    super.onEnd()
    this.onWritable()
  }
}

/** In how many runs something happened: what never does proves nothing. */
const seen = { shrunkInterface: 0, shrunkPath: 0, blackHole: 0, timeout: 0, recovery: 0, afterEnd: 0, together: 0 }

function run(options: Scenario): void {
  const random = randomOf(options.seed)
  const paths = { alice: 1420, bob: 1420 }
  const tooLarge: number[] = []
  let wire!: Wire
  const fate: Fate = (packet, from, now) => {
    if (packet.length > wire[from].interfaceMtu) tooLarge.push(packet.length)
    if (random() < options.loss) return []
    if (packet.length > paths[from]) {
      if (options.saysTooBig) wire.inject(wire[from], tooBig(packet, paths[from]))
      return []
    }
    const arrival = (): number => now + options.delay + random() * options.jitter
    return random() < options.duplication ? [arrival(), arrival()] : [arrival()]
  }
  // Small enough for windows to close.
  const tcp = { initialBufferBytes: 16_384, maxBufferBytes: 65_536 }
  wire = new Wire(fate, { tcp }, options.seed & 0xffff)
  const data = { alice: pattern(options.bytes.alice, 1), bob: pattern(options.bytes.bob, 2) }
  const party = (name: HostName): App => new (options.waits === name ? Answering : App)(data[name])
  const apps = { alice: party('alice'), bob: party('bob') }
  call(wire, apps.alice, apps.bob, 80, options.version)
  apps.alice.connection.setKeepAlive(60_000)
  apps.bob.onStart = () => apps.bob.connection.setKeepAlive(60_000)
  const isOver = (): boolean => apps.alice.isClosed && (apps.bob.isClosed || apps.bob.connection === undefined)

  for (const { at, act } of timetable(options, wire, apps, paths)) {
    wire.run(Math.max(0, 1000 + at - wire.now), isOver)
    act()
  }
  // Where nothing is lost without a word, everything is over before the first keep-alive.
  if (options.loss === 0 && options.saysTooBig) {
    wire.run(50_000, isOver)
    expect(isOver()).toBe(true)
  }
  wire.run(6 * 3600_000, isOver)

  expect(isOver()).toBe(true)
  expect(wire.handlerErrors).toEqual([])
  expect(tooLarge).toEqual([])
  for (const [name, other] of [HOSTS, HOSTS.toReversed()] as [HostName, HostName][]) {
    const { bytes, error, connection } = apps[name]
    expect(isSame(bytes, data[other].subarray(0, bytes.length))).toBe(true)
    if (error === null && connection !== undefined) expect(bytes.length).toBe(data[other].length)
    else expect(['ETIMEDOUT', 'ECONNRESET', undefined]).toContain(error)
  }
  if (options.loss < 0.1) expect([apps.alice.error, apps.bob.error]).toEqual([null, null])
  // TIME-WAIT passes, and a side that has heard nothing gives up: nothing is left, neither connections nor memory.
  wire.run(24 * 3600_000)
  for (const host of HOSTS) expect(wire[host].load).toMatchObject({ connections: 0, timeWait: 0, bufferBytes: 0 })
  note(options, wire, apps)
}

interface Appointment {
  readonly at: number
  act(): void
}

function timetable(
  { changes, pauses, version }: Scenario,
  wire: Wire,
  apps: Record<HostName, App>,
  paths: Record<HostName, number>,
): Appointment[] {
  const appointments = changes.map(({ at, of, host, mtu }): Appointment => {
    const fit = version === 6 ? Math.max(1280, mtu) : mtu
    return {
      at,
      act() {
        const app = apps[host]
        const isSending = app.connection !== undefined && app.connection.unacknowledgedBytes > fit
        if (of === 'interface') {
          if (isSending && fit < wire[host].interfaceMtu) seen.shrunkInterface++
          wire[host].setMtu(fit, wire.now)
        } else {
          if (isSending && fit < paths[host]) seen.shrunkPath++
          paths[host] = fit
        }
      },
    }
  })
  for (const host of HOSTS) {
    const app = apps[host]
    app.isPaused = pauses[host] > 0
    appointments.push({
      at: pauses[host],
      act() {
        app.isPaused = false
        if (app.connection !== undefined) app.onReadable()
      },
    })
  }
  return appointments.toSorted((a, b) => a.at - b.at)
}

function note({ waits, bytes }: Scenario, wire: Wire, apps: Record<HostName, App>): void {
  for (const host of HOSTS) {
    const { blackHoles, timeouts, fastRecoveries } = wire[host].tcpStats
    if (blackHoles > 0) seen.blackHole++
    if (timeouts > 0) seen.timeout++
    if (fastRecoveries > 0) seen.recovery++
  }
  if (waits !== null && bytes[waits] > 10_000 && apps[waits].error === null) seen.afterEnd++
  if (waits === null && Math.min(bytes.alice, bytes.bob) > 10_000) seen.together++
}

test(
  'whatever changes on the way, both streams are byte-identical or end with an error, and nothing is left of them',
  () => {
    fc.assert(fc.property(scenario, run), { numRuns: 150 * SCALE, seed: SEED })
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThanOrEqual(5)
  },
  120_000 * SCALE,
)
