/** What changed from one report to another, beyond what the samples vary by themselves. */
import { metricOf } from '../run/metrics.js'
import { leastRankSumP, rankSumP, summarize } from '../statistics.js'
import { digits, medianAndSpread } from './format.js'
import { isPinged, numbersOf, resultOf } from './report.js'
import type { ContestantRow, Report } from './report.js'

type Verdict = 'better' | 'worse' | 'noise' | 'apart, but too few samples' | 'refused'

export interface Change {
  readonly contestant: string
  readonly metric: string
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Median after over median before; `null` where it has no meaning. */
  readonly factor: number | null
  /** Of the rank-sum test; `null` where it was refused. */
  readonly p: number | null
  readonly verdict: Verdict
  /** Why it was refused. */
  readonly why?: string
}

/** Rows that both have. `alpha`: how often a row that did not change may look changed. */
export function compareReports(before: Report, after: Report, alpha: number): Change[] {
  return before.results.flatMap(({ contestant, metric }): Change[] => {
    const samples = [before, after].map((report) => numbersOf(resultOf(report, contestant, metric)))
    const [old, fresh] = samples as [number[], number[]]
    if (old.length === 0 || fresh.length === 0) return []
    const base = { contestant, metric, before: old, after: fresh }
    const why = refusal(metric, rowOf(before, contestant), rowOf(after, contestant), before, after)
    if (why !== null) return [{ ...base, factor: null, p: null, verdict: 'refused', why }]
    const median = summarize(old).median
    const factor = median === 0 ? null : summarize(fresh).median / median
    const p = rankSumP(old, fresh)
    return [{ ...base, factor, p, verdict: judge(base, p, alpha) }]
  })
}

function judge(
  { metric, before, after }: Pick<Change, 'metric' | 'before' | 'after'>,
  p: number,
  alpha: number,
): Verdict {
  if (p > alpha) {
    const isApart = Math.min(...after) > Math.max(...before) || Math.max(...after) < Math.min(...before)
    const isFew = leastRankSumP(before.length, after.length) > alpha
    return isApart && isFew ? 'apart, but too few samples' : 'noise'
  }
  const rose = summarize(after).median > summarize(before).median
  return rose === (metricOf(metric).better === 'higher') ? 'better' : 'worse'
}

function rowOf(report: Report, contestant: string): ContestantRow | undefined {
  return report.contestants.find(({ name }) => name === contestant)
}

/** `null` when the two measured the same kind of thing in the same way. */
function refusal(
  metric: string,
  one: ContestantRow | undefined,
  other: ContestantRow | undefined,
  before: Report,
  after: Report,
): string | null {
  if (one === undefined || other === undefined) return 'a report does not say what it is'
  if (one.reach !== other.reach) return `different reach: ${one.reach} and ${other.reach}`
  const tools = [one, other].map((row) => (isPinged(metric) ? row.pingTool : row.tool))
  if (tools[0] !== tools[1]) return `different traffic: ${tools.join(' and ')}`
  if (before.settings.seconds !== after.settings.seconds)
    return `samples of different length: ${before.settings.seconds} s and ${after.settings.seconds} s`
  return null
}

/** What differs between the two runs besides what was to be compared. */
export function circumstances(before: Report, after: Report): string[] {
  const pairs: [string, (report: Report) => string][] = [
    ['processor', ({ machine }) => `${machine.cpu}, ${machine.cores} cores`],
    ['system', ({ machine }) => machine.system],
    ['Node', ({ node }) => node],
    ['generator', ({ generator }) => generator],
  ]
  const differing = pairs.flatMap(([what, of]) =>
    of(before) === of(after) ? [] : [`${what}: ${of(before)} → ${of(after)}`],
  )
  const versions = before.contestants.flatMap(({ name, version }) => {
    const other = rowOf(after, name)
    return other === undefined || other.version === version ? [] : [`${name}: ${version} → ${other.version}`]
  })
  return [...differing, ...versions]
}

export function changesText(changes: readonly Change[], alpha: number, all: boolean): string {
  const isChange = ({ verdict }: Change): boolean => verdict === 'better' || verdict === 'worse'
  const isFew = ({ verdict }: Change): boolean => verdict === 'apart, but too few samples'
  const told = changes.filter((change) => all || isChange(change) || isFew(change))
  const lines = told.map((change) => {
    const { contestant, metric, before, after, factor, p, verdict, why } = change
    const { name, unit } = metricOf(metric)
    const values = `${medianAndSpread(before)} → ${medianAndSpread(after)} ${unit}`
    const numbers = [factor === null ? '' : `${factor.toFixed(2)}×`, p === null ? '' : `p = ${digits(p)}`]
    return `${verdict.padEnd(6)}  ${contestant}, ${name}: ${values}  ${numbers.join('  ')}${why === undefined ? '' : ` (${why})`}`
  })
  const tested = changes.filter(({ p }) => p !== null).length
  const [changed, few] = [changes.filter(isChange).length, changes.filter(isFew).length]
  const refused = changes.filter(({ verdict }) => verdict === 'refused')
  return [
    ...lines,
    ...(lines.length > 0 ? [''] : []),
    `${changed} of ${tested} rows changed beyond the noise; ${tested - changed - few} did not.`,
    ...(few === 0 ? [] : [`${few} lie apart, but so few samples cannot show a change: run with --repeat 4 or more.`]),
    ...(refused.length === 0
      ? []
      : [`${refused.length} rows refused: ${[...new Set(refused.map(({ why }) => why))].join('; ')}.`]),
    `Test: two-sided rank sums (Mann and Whitney) over the samples of the rounds, p ≤ ${alpha}. Of ${tested} rows that`,
    `did not change at all, about ${digits(tested * alpha)} would look changed by chance.`,
  ].join('\n')
}
