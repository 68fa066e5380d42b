/** Micro-benchmarks as text. */
import { digits } from '../report/format.js'
import { summarize } from '../statistics.js'
import type { MicroRun } from './timing.js'

/** A row for each case, the least and the median for each runtime: other work on the machine only ever adds. */
export function microTable(runs: readonly MicroRun[]): string {
  const names = runs[0]?.rows.map(({ name }) => name) ?? []
  const header = ['', ...runs.map(({ runtime, version }) => `${runtime} ${version}`)]
  const body = names.map((name, i) => [name, ...runs.map(({ rows }) => cell(rows[i]?.samples ?? []))])
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [line(header), ...body.map(line)].join('\n')
}

function cell(samples: readonly number[]): string {
  if (samples.length === 0) return '–'
  const { min, median } = summarize(samples)
  return `${time(min)} (${time(median)})`
}

function time(ns: number): string {
  return ns < 1000 ? `${digits(ns)} ns` : ns < 1e6 ? `${digits(ns / 1000)} µs` : `${digits(ns / 1e6)} ms`
}
