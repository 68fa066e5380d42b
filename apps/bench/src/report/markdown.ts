/** A report as Markdown: readable in a terminal, and what docs/benchmarks.md holds between its marks. */
import { metricOf } from '../run/metrics.js'
import { quantile } from '../statistics.js'
import { digits, medianAndSpread, rounds } from './format.js'
import { compareRows, metricsOf, numbersOf, resultOf } from './report.js'
import type { ContestantRow, Report } from './report.js'

const BEGIN = '<!-- measured: npm run bench or npm run perf writes what follows -->'
const END = '<!-- /measured -->'

/** One table for each reach: rows of different reach are never side by side. */
export function markdown(report: Report): string {
  const { machine, node, settings, notes, missing } = report
  const gigabytes = (machine.memoryBytes / 2 ** 30).toFixed(0)
  return [
    `${machine.cpu}, ${machine.cores} cores, ${gigabytes} GiB, ${machine.system}, Node ${node}; ${report.date.slice(0, 10)}`,
    '',
    ...report.contestants.map(({ name, version, about }) => `- ${name}: ${version} (${about})`),
    '',
    `Medians of ${rounds(settings.rounds)} of ${settings.seconds} s (smallest–largest), ${settings.order}, ` +
      `after ${settings.warmUp}. Traffic: ${tools(report)}. Load of the machine before: ${digits(machine.loadBefore)}.`,
    ...notes.map((note) => `\n${note}.`),
    ...(['host', 'process'] as const).flatMap((reach) => reachSections(report, reach)),
    ...latencySection(report),
    ...(missing.length === 0 ? [] : ['', 'Not here:', '']),
    ...missing.map(({ name, why, remedy }) => `- ${name}: ${why}; ${remedy}`),
  ].join('\n')
}

/**
 * The document with the report in it. What stands outside the two marks is kept: prose is written by hand. A document
 * without marks is replaced.
 */
export function markdownDocument(report: Report, existing: string | null): string {
  const measured = `${BEGIN}\n\nWritten by \`${report.command}\`.\n\n${markdown(report)}\n\n${END}`
  const begin = existing?.indexOf(BEGIN) ?? -1
  const end = existing?.indexOf(END) ?? -1
  if (existing !== null && begin >= 0 && end > begin)
    return `${existing.slice(0, begin)}${measured}${existing.slice(end + END.length)}`
  return `# Benchmarks\n\n${HOW}\n\n${measured}\n`
}

const HOW = `Two network namespaces on one machine, a veth pair between them, a tunnel of each contestant over it, all up at the same
time and measured in turns. CPU and memory are those of the tunnel's processes on both sides. The machine is shared: read
the ratios, not the absolute figures.`

function reachSections(report: Report, reach: ContestantRow['reach']): string[] {
  const rows = report.contestants.filter((row) => row.reach === reach)
  if (rows.length === 0) return []
  const names = rows.map(({ name }) => name)
  const metrics = metricsOf(report).filter((metric) => names.some((name) => resultOf(report, name, metric)))
  const title = reach === 'host' ? 'For every program of the host' : 'Inside one process'
  const body = metrics.map((metric) => [label(metric), ...names.map((name) => cell(report, name, metric))])
  return ['', `**${title}**`, '', table(['', ...names], body), ...ratioSection(report, rows, metrics)]
}

/** Our first adapter against each of the others, in the metrics that both have. */
function ratioSection(report: Report, rows: readonly ContestantRow[], metrics: readonly string[]): string[] {
  const first = firstAdapter(report, rows)
  const others = rows.filter((row) => row !== first)
  if (first === null || others.length === 0) return []
  const body = metrics.flatMap((metric) => {
    const cells = others.map(({ name }) => {
      const comparison = compareRows(report, metric, first.name, name)
      if ('refused' in comparison) return ''
      const { median, min, max } = comparison.ratio
      return `${digits(median)}× (${digits(min)}–${digits(max)})`
    })
    return metricOf(metric).unit === '%' || cells.every((text) => text === '') ? [] : [[label(metric, false), ...cells]]
  })
  if (body.length === 0) return []
  const title = `${first.name} over each of the others, round by round`
  return ['', title, '', table(['', ...others.map(({ name }) => name)], body)]
}

/** The first of ours that was measured. */
export function firstAdapter(report: Report, rows: readonly ContestantRow[]): ContestantRow | null {
  const isMeasured = ({ name }: ContestantRow): boolean =>
    report.results.some(({ contestant, samples }) => contestant === name && samples.length > 0)
  return rows.find((row) => row.role === 'adapter' && isMeasured(row)) ?? null
}

function latencySection(report: Report): string[] {
  if (report.latencies.length === 0) return []
  const body = report.latencies.map(({ contestant, when, samples }) => {
    const sorted = samples.toSorted((a, b) => a - b)
    return [contestant, when, ...[0.5, 0.9, 0.99, 1].map((q) => digits(quantile(sorted, q))), `${samples.length}`]
  })
  return ['', 'Latency from every sample (ms)', '', table(['', 'when', 'p50', 'p90', 'p99', 'worst', 'samples'], body)]
}

/** Which programs made the traffic of whom. */
export function tools({ contestants, generator }: Report): string {
  const used = contestants.filter(({ tool }) => tool !== '')
  const kinds = [...new Set(used.map(toolsOf))]
  const text = kinds.map((kind) => {
    const names = used.filter((row) => toolsOf(row) === kind).map(({ name }) => name)
    return kinds.length === 1 ? kind : `${kind} (${names.join(', ')})`
  })
  return text.join('; ').replace('iperf3', generator) || 'none'
}

function toolsOf({ tool, pingTool }: ContestantRow): string {
  return pingTool.startsWith(tool) ? tool : `${tool} and ${pingTool}`
}

function label(metric: string, hasUnit = true): string {
  const { name, unit } = metricOf(metric)
  return hasUnit ? `${name} (${unit})` : name
}

function cell(report: Report, contestant: string, metric: string): string {
  const result = resultOf(report, contestant, metric)
  const numbers = numbersOf(result)
  if (numbers.length > 0) return medianAndSpread(numbers)
  return result?.failure === undefined ? '' : `failed: ${result.failure.replaceAll(/[\n|]/g, ' ').slice(0, 60)}`
}

function table(header: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text.padEnd(widths[i]!)).join(' | ')} |`
  return [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n')
}
