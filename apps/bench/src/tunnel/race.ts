/** Runs every metric over every contestant in alternating order, and pairs the samples of each round. */
import { ratios, summarize } from '../statistics.js'
import type { Summary } from '../statistics.js'
import { openPair } from './contestant.js'
import type { Contestant, Pair } from './contestant.js'
import type { Metric } from './measure.js'
import { openTopology } from './topology.js'

export interface RaceOptions {
  readonly contestants: readonly Contestant[]
  readonly metrics: readonly Metric[]
  /** How many times each contestant is measured for each metric, after one round that is not counted. */
  readonly rounds: number
  readonly seconds: number
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
  const { contestants, metrics, rounds, seconds, onProgress, signal } = options
  await using topology = await openTopology()
  signal.addEventListener('abort', () => void topology.close(), { once: true })
  const pairs: Pair[] = []
  for (const [i, contestant] of contestants.entries()) {
    onProgress(`starting ${contestant.name}`)
    pairs.push(await openPair(topology, contestant, i + 1))
  }
  const rows: Row[] = []
  for (const metric of metrics) {
    const samples: Record<string, number[]> = Object.fromEntries(pairs.map((pair) => [pair.contestant, []]))
    const failures: Record<string, string> = {}
    // Round 0 warms up: routes, just-in-time compilers, socket buffers. It is short and thrown away.
    for (let round = 0; round <= rounds; round++) {
      for (const pair of pairs) {
        if (signal.aborted) throw signal.reason
        if (pair.contestant in failures) continue
        onProgress(`${metric.name}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${pair.contestant}`)
        try {
          const value = await metric.sample(topology, pair, round === 0 ? 1 : seconds)
          if (round > 0) samples[pair.contestant]!.push(value)
        } catch (error) {
          failures[pair.contestant] = error instanceof Error ? error.message : String(error)
          delete samples[pair.contestant]
        }
      }
    }
    rows.push(toRow(metric, samples, failures))
  }
  return rows
}

function toRow(metric: Metric, samples: Record<string, number[]>, failures: Record<string, string>): Row {
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
