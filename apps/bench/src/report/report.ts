/** A finished run: what its JSON file holds. */
import type { Reach } from '../contestants/contestant.js'
import { metricOf } from '../run/metrics.js'
import { ratios } from '../statistics.js'
import type { Summary } from '../statistics.js'

export const FORMAT = 'wireweave-bench/1'

export interface Report {
  readonly format: typeof FORMAT
  /** ISO 8601. */
  readonly date: string
  /** As it was typed, with what a preset added. */
  readonly command: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryBytes: number
    readonly system: string
    /** Processes that wanted to run in the last minute, before we began: above 0 something else was at work. */
    readonly loadBefore: number
  }
  readonly node: string
  /** iperf3's own line, or that of our generator. */
  readonly generator: string
  readonly settings: {
    readonly seconds: number
    readonly repeat: number
    /** How many rounds there were, of the `repeat` that were asked for. */
    readonly rounds: number
    readonly warmUp: string
    readonly order: string
  }
  readonly durationSeconds: number
  /** In the order of tables. */
  readonly contestants: readonly ContestantRow[]
  readonly missing: readonly { readonly name: string; readonly why: string; readonly remedy: string }[]
  /** In the order of `metrics`. */
  readonly results: readonly Result[]
  readonly latencies: readonly Latency[]
  /** What a reader has to know: rounds that did not fit, what had to be left out. */
  readonly notes: readonly string[]
}

export interface ContestantRow {
  readonly name: string
  readonly role: 'adapter' | 'rival' | 'ceiling'
  readonly reach: Reach
  readonly about: string
  readonly version: string
  readonly tool: string
  readonly pingTool: string
}

export interface Result {
  readonly contestant: string
  readonly metric: string
  /** One for each round; `null` where there is none. */
  readonly samples: readonly (number | null)[]
  /** Why it has no samples, or ends early. */
  readonly failure?: string
}

export interface Latency {
  readonly contestant: string
  readonly when: 'idle' | 'load'
  /** Milliseconds, every one, in the order they were measured. */
  readonly samples: readonly number[]
}

export function numbersOf(result: Result | undefined): number[] {
  return result?.samples.filter((value) => value !== null) ?? []
}

export function resultOf(report: Report, contestant: string, metric: string): Result | undefined {
  return report.results.find((result) => result.contestant === contestant && result.metric === metric)
}

/** The metrics that anyone has a result or a failure for, in the order of tables. */
export function metricsOf(report: Report): string[] {
  return [...new Set(report.results.map(({ metric }) => metric))]
}

export type Comparison = { readonly ratio: Summary } | { readonly refused: string }

/** How many times `other` has what `one` has, round by round; refused where the two are not the same kind of thing. */
export function compareRows(report: Report, metric: string, one: string, other: string): Comparison {
  const rows = [one, other].map((name) => report.contestants.find((row) => row.name === name))
  const [first, second] = rows
  if (first === undefined || second === undefined) return { refused: 'one of them was not measured' }
  if (first.reach !== second.reach)
    return { refused: `different reach: ${one} serves the ${first.reach}, ${other} the ${second.reach}` }
  const toolOf = (row: ContestantRow): string => (isPinged(metric) ? row.pingTool : row.tool)
  if (toolOf(first) !== toolOf(second)) return { refused: `different traffic: ${toolOf(first)} and ${toolOf(second)}` }
  const [ours, theirs] = [one, other].map((name) => resultOf(report, name, metric)?.samples ?? [])
  const rounds = ours!.flatMap((value, i) => {
    const their = theirs![i]
    return value === null || their === null || their === undefined || their === 0 ? [] : [[value, their] as const]
  })
  if (rounds.length === 0) return { refused: 'no round has both' }
  return {
    ratio: ratios(
      rounds.map(([value]) => value),
      rounds.map(([, value]) => value),
    ),
  }
}

/** Whether round trips make it, and not the traffic. */
export function isPinged(metric: string): boolean {
  return metric === 'handshake' || metricOf(metric).name.startsWith('latency')
}
