/** Rows as a Markdown table: readable in a terminal, pasted into docs/benchmarks.md as it is. */
import type { Summary } from './statistics.js'
import type { Row } from './tunnel/race.js'

export function markdownTable(rows: readonly Row[], contestants: readonly string[]): string {
  const [first, ...others] = contestants
  const header = ['', ...contestants, ...others.map((name) => `${first} / ${name}`)]
  const body = rows.map((row) => [
    `${row.metric} (${row.unit})`,
    ...contestants.map((name) => cell(row.summaries[name], row.failures[name])),
    ...others.map((name) => ratioCell(row.ratios[name])),
  ])
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text.padEnd(widths[i]!)).join(' | ')} |`
  return [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n')
}

function cell(summary: Summary | undefined, failure: string | undefined): string {
  if (failure !== undefined) return `failed: ${failure.replaceAll(/[\n|]/g, ' ').slice(0, 60)}`
  if (summary === undefined) return ''
  return `${digits(summary.median)} (${digits(summary.min)}–${digits(summary.max)})`
}

function ratioCell(summary: Summary | undefined): string {
  return summary === undefined
    ? ''
    : `${summary.median.toFixed(2)}× (${summary.min.toFixed(2)}–${summary.max.toFixed(2)})`
}

/** Three significant digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
