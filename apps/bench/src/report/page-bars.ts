/** Horizontal bars with every sample. Positions are shares of the width, so that text keeps its size on any screen. */
import { summarize } from '../statistics.js'
import { digits } from './format.js'
import { escape } from './page-escape.js'
import type { ContestantRow } from './report.js'

export interface Bar {
  readonly row: ContestantRow
  /** Which of the colours of the page. */
  readonly color: number
  readonly samples: readonly number[]
  readonly failure: string | null
}

/** Room behind the longest bar, so that its last dot is whole. */
const MARGIN = 1.03
/** From here on the ceiling would press the others against the axis. */
const OFF_THE_SCALE = 1.3

export function bars(entries: readonly Bar[]): string {
  const scale = scaleOf(entries)
  return `<div class="bars">\n${entries.map((entry) => bar(entry, scale)).join('')}</div>\n`
}

/** What the full width stands for: the largest sample, but not that of a ceiling far above the rest. */
function scaleOf(entries: readonly Bar[]): number {
  const most = (of: readonly Bar[]): number => Math.max(0, ...of.flatMap(({ samples }) => samples))
  const contestants = most(entries.filter(({ row }) => row.role !== 'ceiling'))
  const all = most(entries)
  return (contestants > 0 && all > contestants * OFF_THE_SCALE ? contestants : all) * MARGIN || 1
}

function bar({ row, color, samples, failure }: Bar, scale: number): string {
  const name = `<span class="name">${escape(row.name)}</span>`
  if (samples.length === 0) {
    const why = escape(failure ?? 'no samples')
    return `<div class="bar">${name}<span class="failed">failed: ${why}</span><span class="value">–</span></div>\n`
  }
  const { median, min, max } = summarize(samples)
  const at = (value: number): string => `${Math.min(100, (value / scale) * 100).toFixed(2)}%`
  const isOff = median > scale
  const text = `${row.name}: median ${digits(median)}, ${digits(min)} to ${digits(max)} in ${samples.length} samples`
  const dots = samples
    .filter((value) => value <= scale)
    .map((value) => `<circle cx="${at(value)}" cy="50%" r="2.2"/>`)
    .join('')
  const spread = `<line x1="${at(min)}" x2="${at(max)}" y1="50%" y2="50%"/>`
  return `<div class="bar">${name}<svg class="k${color}" role="img" aria-label="${escape(text)}"><title>${escape(text)}</title>\
<rect width="${at(median)}" height="100%" rx="2"${isOff ? ' class="off"' : ''}/>${isOff ? '' : spread + dots}</svg>\
<span class="value">${digits(median)}${isOff ? ' ⟶' : ''}</span></div>
`
}
