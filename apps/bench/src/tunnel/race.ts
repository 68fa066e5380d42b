/** Runs every metric over every contestant in alternating order, and pairs the samples of each round. */
import { ratios, summarize } from '../statistics.js'
import type { Summary } from '../statistics.js'
import { openPair } from './contestant.js'
import type { Contestant, Pair } from './contestant.js'
import { openHandshakeTarget } from './handshakes.js'
import type { Metric } from './measure.js'
import { openTopology } from './topology.js'

export interface RaceOptions {
  readonly contestants: readonly Contestant[]
  readonly metrics: readonly Metric[]
  /** How many times each contestant is measured for each metric, after one round that is not counted. */
  readonly rounds: number
  readonly seconds: number
  /** With how many keys the rate of handshakes is measured; 0 to leave it out. */
  readonly handshakes: number
  readonly onProgress: (text: string) => void
  readonly signal: AbortSignal
}

export interface Row {
  readonly metric: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** By contestant, in the order of the rounds. */
  readonly samples: Readonly<Record<string, readonly number[]>>
  readonly summaries: Readonly<Record<string, Summary>>
  /** First contestant over each other one, round by round. */
  readonly ratios: Readonly<Record<string, Summary>>
  /** What went wrong, by contestant; such a contestant has no samples. */
  readonly failures: Readonly<Record<string, string>>
}

export async function race(options: RaceOptions): Promise<Row[]> {
  const { contestants, metrics, seconds, onProgress, signal } = options
  await using topology = await openTopology()
  signal.addEventListener('abort', () => void topology.close(), { once: true })
  const rows: Row[] = []
  if (metrics.length > 0) {
    const pairs: Pair[] = []
    for (const [i, contestant] of contestants.entries()) {
      onProgress(`starting ${contestant.name}`)
      pairs.push(await openPair(topology, contestant, i + 1))
    }
    for (const metric of metrics) {
      const runners = pairs.map((pair) => ({
        contestant: pair.contestant,
        // The round that warms up is short.
        sample: (round: number) => metric.sample(topology, pair, round === 0 ? 1 : seconds),
      }))
      rows.push(await alternate(metric, runners, options))
    }
  }
  if (options.handshakes > 0) {
    const targets: Runner[] = []
    for (const [i, contestant] of contestants.entries()) {
      onProgress(`starting ${contestant.name} with ${options.handshakes} peers`)
      targets.push(await openHandshakeTarget(topology, contestant, i + 1, options.handshakes))
    }
    rows.push(await alternate(HANDSHAKE_RATE, targets, options))
  }
  return rows
}

const HANDSHAKE_RATE = { name: 'handshakes answered on one core', unit: '/s', better: 'higher' } as const

interface Runner {
  readonly contestant: string
  sample(round: number): Promise<number>
}

/** Round 0 warms up: routes, just-in-time compilers, socket buffers. It is thrown away. */
async function alternate(
  metric: Pick<Metric, 'name' | 'unit' | 'better'>,
  runners: readonly Runner[],
  { rounds, onProgress, signal }: RaceOptions,
): Promise<Row> {
  const samples: Record<string, number[]> = Object.fromEntries(runners.map(({ contestant }) => [contestant, []]))
  const failures: Record<string, string> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const { contestant, sample } of runners) {
      if (signal.aborted) throw signal.reason
      if (contestant in failures) continue
      onProgress(`${metric.name}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${contestant}`)
      try {
        const value = await sample(round)
        if (round > 0) samples[contestant]!.push(value)
      } catch (error) {
        failures[contestant] = error instanceof Error ? error.message : String(error)
        delete samples[contestant]
      }
    }
  }
  return toRow(metric, samples, failures)
}

function toRow(
  metric: Pick<Metric, 'name' | 'unit' | 'better'>,
  samples: Record<string, number[]>,
  failures: Record<string, string>,
): Row {
  const [first, ...others] = Object.keys(samples)
  return {
    metric: metric.name,
    unit: metric.unit,
    better: metric.better,
    samples,
    failures,
    summaries: Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summarize(values)])),
    ratios: Object.fromEntries(others.map((name) => [name, ratios(samples[first!]!, samples[name]!)])),
  }
}
