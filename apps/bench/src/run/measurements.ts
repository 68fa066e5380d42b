/** One measurement each: what it runs, and which metrics come of it. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Carrier, Contestant, Place } from '../contestants/contestant.js'
import { quantile, summarize } from '../statistics.js'
import { sleep, until } from './command.js'
import type { TcpRequest } from '../traffic/traffic.js'

export interface Subject {
  readonly contestant: Contestant
  readonly carrier: Carrier
  readonly place: Place
}

export interface Sample {
  /** By metric. */
  readonly values: Readonly<Record<string, number>>
  /** Every round trip in milliseconds, where latency was measured. */
  readonly latencies?: { readonly when: 'idle' | 'load'; readonly ms: readonly number[] }
}

export interface Measurement {
  readonly id: string
  readonly metrics: readonly string[]
  /** About how long one sample takes, for the time that is left. */
  estimate(seconds: number): number
  applies(subject: Subject): boolean
  /** `seconds` is how long traffic flows. */
  sample(subject: Subject, seconds: number): Promise<Sample>
}

const GIGA = 1e9
const UDP_BYTES = 1372
const SMALL_BYTES = 64
/**
 * Between pings: often enough for percentiles of a short run, too seldom to be load. From 10 ms down iputils' ping waits for
 * its next turn with sched_yield in a loop, and is a load of its own.
 */
const PING_INTERVAL_MS = 20
/** What a TCP flow needs to fill its path; pings under load begin so long after its first bytes, and end as long before it. */
const RAMP_MS = 150
/** What shows that a flow has begun: more than a handshake, in as long as a busy machine may take to start a program. */
const FLOWING_BYTES = 100_000
const FLOWING_SECONDS = 3

/** New sessions in a row, of which the middle one counts: the first wakes what slept. */
const HANDSHAKES = 3
/** Whoever answers takes initiations that follow faster for a flood, and the next attempt comes after five seconds. */
const HANDSHAKE_PAUSE_MS = 200

/** What a sample takes besides its traffic. */
const SAMPLE_OVERHEAD_S = 0.25

const always = {
  estimate: (seconds: number): number => seconds + SAMPLE_OVERHEAD_S,
  applies: (): boolean => true,
}

export const measurements: readonly Measurement[] = [
  {
    id: 'tcp-1',
    ...always,
    metrics: ['tcp-1', 'cpu-tunnel', 'cpu-machine', ...percentileIds('load')],
    sample: underLoad,
  },
  tcp('tcp-4', { streams: 4, direction: 'forward' }),
  tcp('tcp-16', { streams: 16, direction: 'forward' }),
  tcp('tcp-reverse', { streams: 1, direction: 'reverse' }),
  tcp('tcp-both', { streams: 1, direction: 'both' }),
  {
    id: 'udp',
    ...always,
    metrics: ['udp-rate', 'udp-loss'],
    async sample({ carrier }, seconds) {
      const blast = await carrier.traffic.udp({ payloadBytes: UDP_BYTES, bitsPerSecond: 0, seconds })
      return { values: { 'udp-rate': blast.bitsPerSecond / GIGA, 'udp-loss': blast.lostShare * 100 } }
    },
  },
  {
    id: 'udp-64',
    ...always,
    metrics: ['udp-64'],
    async sample({ carrier }, seconds) {
      const { bitsPerSecond } = await carrier.traffic.udp({ payloadBytes: SMALL_BYTES, bitsPerSecond: 0, seconds })
      return { values: { 'udp-64': bitsPerSecond / (SMALL_BYTES * 8) / 1000 } }
    },
  },
  { id: 'udp-lossfree', ...always, estimate: () => 10, metrics: ['udp-lossfree'], sample: highestLossFreeRate },
  {
    id: 'idle',
    ...always,
    estimate: (seconds) => pingSeconds(seconds) + 0.1,
    metrics: percentileIds('idle'),
    async sample({ carrier }, seconds) {
      const count = Math.round((pingSeconds(seconds) * 1000) / PING_INTERVAL_MS)
      return latencySample('idle', await carrier.traffic.ping({ count, intervalMs: PING_INTERVAL_MS }))
    },
  },
  {
    id: 'memory',
    ...always,
    estimate: () => 0,
    metrics: ['memory'],
    async sample({ carrier }) {
      const usage = await carrier.usage()
      return { values: usage === null ? {} : { memory: usage.residentBytes / 1e6 } }
    },
  },
  {
    id: 'handshake',
    metrics: ['handshake'],
    estimate: () => 1,
    applies: ({ carrier }) => carrier.handshake !== undefined,
    async sample({ carrier }) {
      const times: number[] = []
      for (let i = 0; i < HANDSHAKES; i++) {
        await sleep(HANDSHAKE_PAUSE_MS)
        times.push(await carrier.handshake!())
      }
      return { values: { handshake: summarize(times).median } }
    },
  },
  {
    id: 'start-up',
    metrics: ['start-up'],
    estimate: () => 0.4,
    applies: ({ contestant }) => contestant.startOnce !== undefined,
    async sample({ contestant, place }) {
      return { values: { 'start-up': await contestant.startOnce!(place, `${place.tag}s`) } }
    },
  },
]

/** Thrown away: routes, just-in-time compilers, socket buffers. */
export async function warmUp({ carrier }: Subject): Promise<void> {
  await carrier.traffic.tcp({ streams: 4, direction: 'both', seconds: 1 })
  await carrier.traffic.ping({ count: 10, intervalMs: PING_INTERVAL_MS })
}

function tcp(id: string, request: Omit<TcpRequest, 'seconds'>): Measurement {
  return {
    id,
    ...always,
    metrics: [id],
    async sample({ carrier }, seconds) {
      const { bitsPerSecond } = await carrier.traffic.tcp({ ...request, seconds })
      return { values: { [id]: bitsPerSecond / GIGA } }
    },
  }
}

/** One TCP stream with pings beside it: rate, CPU time and latency of the same seconds. */
async function underLoad({ carrier, place }: Subject, seconds: number): Promise<Sample> {
  const before = await carrier.usage()
  const machineBefore = machineCpuSeconds()
  const transfer = carrier.traffic.tcp({ streams: 1, direction: 'forward', seconds })
  transfer.catch(() => {})
  await flowing(place)
  await sleep(RAMP_MS)
  const count = Math.max(10, Math.round((seconds * 1000 - 2 * RAMP_MS) / PING_INTERVAL_MS))
  const times = await carrier.traffic.ping({ count, intervalMs: PING_INTERVAL_MS })
  const { bitsPerSecond, bytes } = await transfer
  const machine = machineCpuSeconds() - machineBefore
  const after = await carrier.usage()
  const gigabytes = bytes / GIGA
  return {
    ...latencySample('load', times, {
      'tcp-1': bitsPerSecond / GIGA,
      ...(before !== null && after !== null && { 'cpu-tunnel': (after.cpuSeconds - before.cpuSeconds) / gigabytes }),
      ...(machine > 0 && { 'cpu-machine': machine / gigabytes }),
    }),
  }
}

/** Waits until bytes cross the wire; where there is none to look at, about as long as a program takes to start. */
async function flowing({ topology }: Place): Promise<void> {
  if (topology === null) return sleep(RAMP_MS)
  const before = await topology.wireBytes()
  const isFlowing = async (): Promise<boolean> => (await topology.wireBytes()) > before + FLOWING_BYTES
  await until('traffic to flow', FLOWING_SECONDS, isFlowing).catch(() => {})
}

function latencySample(when: 'idle' | 'load', ms: readonly number[], values: Record<string, number> = {}): Sample {
  if (ms.length === 0) return { values }
  const sorted = ms.toSorted((a, b) => a - b)
  const percentiles = { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), p99: quantile(sorted, 0.99) }
  const named = Object.entries(percentiles).map(([name, value]) => [`${when}-${name}`, value])
  return { values: { ...values, ...Object.fromEntries(named) }, latencies: { when, ms } }
}

function percentileIds(when: 'idle' | 'load'): string[] {
  return ['p50', 'p90', 'p99'].map((name) => `${when}-${name}`)
}

/** Short runs ping for less: the time is better spent on another round. */
function pingSeconds(seconds: number): number {
  return seconds <= 1 ? 0.6 : seconds
}

/** Busy time of all cores, in kernel and user space. */
function machineCpuSeconds(): number {
  // Linux counts interrupts apart, which Node leaves out.
  if (process.platform !== 'linux') {
    const busy = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq)
    return busy.reduce((sum, milliseconds) => sum + milliseconds, 0) / 1000
  }
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq!) / 100
}

/** Halves the interval seven times between nothing and the rate that a full blast gets through. */
async function highestLossFreeRate({ carrier }: Subject): Promise<Sample> {
  const blast = await carrier.traffic.udp({ payloadBytes: UDP_BYTES, bitsPerSecond: 0, seconds: 1 })
  let low = 0
  let high = blast.bitsPerSecond * 1.5
  for (let step = 0; step < 7; step++) {
    const bitsPerSecond = (low + high) / 2
    const { lostShare } = await carrier.traffic.udp({ payloadBytes: UDP_BYTES, bitsPerSecond, seconds: 1 })
    if (lostShare <= 0.01) low = bitsPerSecond
    else high = bitsPerSecond
  }
  return { values: { 'udp-lossfree': low / GIGA } }
}
