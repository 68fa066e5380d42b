/** Cumulative distributions of round trips, over a logarithmic axis of milliseconds. */
import { quantile } from '../statistics.js'
import { digits } from './format.js'
import { escape } from './page-escape.js'

export interface Curve {
  readonly name: string
  readonly color: number
  /** Milliseconds. */
  readonly samples: readonly number[]
}

/** The plane of the curves, stretched to whatever size the page has. */
const PLANE = 1000
/** A logarithm has no place for what the clock took for nothing. */
const LEAST_MS = 0.001
/** More would not be seen. */
const MOST_POINTS = 240

export function curves(lines: readonly Curve[]): string {
  const sorted = lines.map(({ samples }) => samples.toSorted((a, b) => a - b))
  const low = Math.max(LEAST_MS, Math.min(...sorted.map((samples) => samples[0]!)))
  const high = Math.max(LEAST_MS, ...sorted.map((samples) => samples.at(-1)!))
  const [from, to] = [Math.log10(low * 0.9), Math.log10(high * 1.1)]
  const at = (ms: number): number => (Math.log10(Math.max(LEAST_MS, ms)) - from) / (to - from)
  const ticks = ticksBetween(low * 0.9, high * 1.1)
  const grid = [
    ...ticks.map((ms) => {
      const x = `${(at(ms) * 100).toFixed(2)}%`
      return `<line x1="${x}" x2="${x}" y1="0" y2="100%"/><text x="${x}" y="100%" dy="14" text-anchor="middle">${ms}</text>`
    }),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const y = `${((1 - share) * 100).toFixed(0)}%`
      return `<line x1="0" x2="100%" y1="${y}" y2="${y}"/><text x="-6" y="${y}" dy="4" text-anchor="end">${share * 100} %</text>`
    }),
  ]
  const paths = lines.map(({ color }, i) => `<path class="k${color}" d="${path(sorted[i]!, at)}"/>`)
  const text = lines.map(({ name }, i) => `${name}: median ${digits(quantile(sorted[i]!, 0.5))} ms`).join('; ')
  const legend = lines.map(({ name, color }, i) => {
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map((q) => digits(quantile(sorted[i]!, q)))
    return `<tr><th scope="row"><svg class="k${color}" aria-hidden="true"><line x2="100%" y1="50%" y2="50%"/></svg>${escape(name)}</th><td>${p50}</td><td>${p90}</td><td>${p99}</td></tr>`
  })
  return `<svg class="curves" role="img" aria-label="${escape(text)}"><g class="grid-lines">${grid.join('')}</g>\
<svg viewBox="0 0 ${PLANE} ${PLANE}" preserveAspectRatio="none" width="100%" height="100%">${paths.join('')}</svg></svg>
<table class="legend"><thead><tr><th>ms</th><th scope="col">p50</th><th scope="col">p90</th><th scope="col">p99</th></tr></thead>\
<tbody>${legend.join('')}</tbody></table>
`
}

/** Steps: at each sample the share of those up to it grows by one part. */
function path(sorted: readonly number[], at: (ms: number) => number): string {
  const count = Math.min(sorted.length, MOST_POINTS)
  let text = ''
  for (let i = 0; i < count; i++) {
    const rank = count === 1 ? 0 : Math.round((i * (sorted.length - 1)) / (count - 1))
    const x = (at(sorted[rank]!) * PLANE).toFixed(1)
    const y = ((1 - (rank + 1) / sorted.length) * PLANE).toFixed(1)
    text += i === 0 ? `M${x} ${PLANE}V${y}` : `H${x}V${y}`
  }
  return `${text}H${PLANE}`
}

/** 1, 2, 5 of each power of ten; fewer when there are many. */
function ticksBetween(low: number, high: number): number[] {
  const ticks: number[] = []
  const decades = Math.log10(high / low)
  const steps = decades > 2.5 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5]
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const step of steps) {
      const value = Number((step * 10 ** power).toPrecision(1))
      if (value >= low && value <= high) ticks.push(value)
    }
  }
  return ticks
}
