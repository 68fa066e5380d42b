/** A report as one HTML page: no script, nothing loaded, charts drawn here. Light or dark as the reader's system is. */
import { metricOf } from '../run/metrics.js'
import type { Metric } from '../run/metrics.js'
import { bars } from './page-bars.js'
import { curves } from './page-curves.js'
import { escape } from './page-escape.js'
import { STYLE } from './page-style.js'
import { firstAdapter, tools } from './markdown.js'
import { digits, medianAndSpread, rounds } from './format.js'
import { compareRows, metricsOf, numbersOf, resultOf } from './report.js'
import type { ContestantRow, Report } from './report.js'

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['Throughput', ['tcp-1', 'tcp-4', 'tcp-16', 'tcp-reverse', 'tcp-both']],
  ['Datagrams', ['udp-rate', 'udp-loss', 'udp-lossfree', 'udp-64']],
  ['CPU per gigabyte', ['cpu-tunnel', 'cpu-machine']],
  ['Latency', ['idle-p50', 'load-p50', 'idle-p99', 'load-p99']],
  ['Sessions and memory', ['handshake', 'handshake-rate', 'start-up', 'memory']],
]

const REACH_TEXT = {
  host: ['For every program of the host', 'An interface of the system carries the packets.'],
  process: [
    'Inside one process',
    'No interface: only the program that opened the tunnel can use it, and its own time counts. Not comparable with the rows above.',
  ],
} as const

/** Nothing but the page itself: no script, no request to anywhere, also when it is opened as a file. */
export const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

export function page(report: Report): string {
  const { machine, settings } = report
  const title = `Wireweave benchmark, ${report.date.slice(0, 10)}`
  const gigabytes = (machine.memoryBytes / 2 ** 30).toFixed(0)
  const facts = [
    `${machine.cpu}, ${machine.cores} cores, ${gigabytes} GiB`,
    `${machine.system}, Node ${report.node}`,
    `${rounds(settings.rounds)} of ${settings.seconds} s, ${settings.order}`,
    tools(report),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${escape(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escape(title)}</h1>
<p class="facts">${facts.map((fact) => `<span>${escape(fact)}</span>`).join('')}</p>
<p class="key">A bar ends at the median. The thin line runs from the smallest to the largest sample, each dot is one. A pale
bar with an arrow goes on beyond its chart.</p>
${report.notes.map((note) => `<p class="note">${escape(note)}</p>`).join('\n')}
</header>
<main>
${(['host', 'process'] as const).map((reach) => reachSection(report, reach)).join('')}
${missingSection(report)}
${howSection(report)}
</main>
</body>
</html>
`
}

function reachSection(report: Report, reach: ContestantRow['reach']): string {
  const rows = report.contestants.filter((row) => row.reach === reach)
  if (rows.length === 0) return ''
  const [title, text] = REACH_TEXT[reach]
  const present = new Set(metricsOf(report))
  const groups = GROUPS.map(([name, ids]) => {
    const figures = ids.filter((id) => present.has(id)).map((id) => figure(report, rows, metricOf(id)))
    const charts = name === 'Latency' ? latencyCurves(report, rows) : ''
    const body = `${charts}${figures.join('')}`
    return body === '' ? '' : `<h3>${escape(name)}</h3>\n<div class="grid">\n${body}</div>\n`
  })
  return `<section data-reach="${reach}">
<h2>${escape(title)}</h2>
<p>${escape(text)}</p>
${groups.join('')}${tables(report, rows)}
</section>
`
}

function figure(report: Report, rows: readonly ContestantRow[], { id, name, unit, better }: Metric): string {
  const entries = rows.flatMap((row) => {
    const result = resultOf(report, row.name, id)
    if (result === undefined) return []
    const samples = numbersOf(result)
    return [{ row, color: colorOf(report, row), samples, failure: result.failure ?? null }]
  })
  if (entries.length === 0) return ''
  return `<figure data-metric="${id}">
<figcaption>${escape(name)} <span>${escape(unit)}, ${better === 'higher' ? 'more' : 'less'} is better</span></figcaption>
${bars(entries)}</figure>
`
}

function latencyCurves(report: Report, rows: readonly ContestantRow[]): string {
  return (['idle', 'load'] as const)
    .map((when) => {
      const lines = rows.flatMap((row) => {
        const samples = report.latencies.find((each) => each.when === when && each.contestant === row.name)?.samples
        return samples === undefined ? [] : [{ name: row.name, color: colorOf(report, row), samples }]
      })
      if (lines.length === 0) return ''
      const caption = when === 'idle' ? 'Round trips, idle' : 'Round trips under TCP load'
      return `<figure class="wide" data-curves="${when}">
<figcaption>${caption} <span>share of packets back within so many ms, logarithmic; left is better</span></figcaption>
${curves(lines)}</figure>
`
    })
    .join('')
}

/** Everything as numbers, for who wants to read them, and for who cannot see charts. */
function tables(report: Report, rows: readonly ContestantRow[]): string {
  const ids = metricsOf(report).filter((id) => rows.some((row) => resultOf(report, row.name, id) !== undefined))
  const header = `<tr><th></th>${rows.map(({ name }) => `<th scope="col">${escape(name)}</th>`).join('')}</tr>`
  const body = ids.map((id) => {
    const { name, unit } = metricOf(id)
    const cells = rows.map((row) => `<td>${cell(report, row.name, id)}</td>`)
    return `<tr><th scope="row">${escape(`${name} (${unit})`)}</th>${cells.join('')}</tr>`
  })
  const numbers = `<table><thead>${header}</thead><tbody>${body.join('')}</tbody></table>`
  return details('Every median, with smallest and largest', numbers) + ratioTable(report, rows, ids)
}

function ratioTable(report: Report, rows: readonly ContestantRow[], ids: readonly string[]): string {
  const first = firstAdapter(report, rows)
  const others = rows.filter((row) => row !== first)
  if (first === null || others.length === 0) return ''
  const header = `<tr><th></th>${others.map(({ name }) => `<th scope="col">${escape(name)}</th>`).join('')}</tr>`
  const body = ids
    .filter((id) => metricOf(id).unit !== '%')
    .map((id) => {
      const cells = others.map(({ name }) => {
        const comparison = compareRows(report, id, first.name, name)
        if ('refused' in comparison) return `<td title="${escape(comparison.refused)}">–</td>`
        const { median, min, max } = comparison.ratio
        return `<td>${digits(median)}× <small>(${digits(min)}–${digits(max)})</small></td>`
      })
      return `<tr><th scope="row">${escape(metricOf(id).name)}</th>${cells.join('')}</tr>`
    })
  const table = `<table><thead>${header}</thead><tbody>${body.join('')}</tbody></table>`
  return details(`${first.name} over each of the others, round by round`, table)
}

function details(summary: string, table: string): string {
  return `<details><summary>${escape(summary)}</summary><div class="scroll" tabindex="0" role="region" aria-label="${escape(summary)}">${table}</div></details>\n`
}

function cell(report: Report, contestant: string, metric: string): string {
  const result = resultOf(report, contestant, metric)
  const numbers = numbersOf(result)
  if (numbers.length > 0) return escape(medianAndSpread(numbers))
  return result?.failure === undefined ? '' : `<span title="${escape(result.failure)}">failed</span>`
}

function missingSection({ missing }: Report): string {
  if (missing.length === 0) return ''
  const items = missing.map(
    ({ name, why, remedy }) => `<dt>${escape(name)}</dt><dd>${escape(why)}; <code>${escape(remedy)}</code></dd>`,
  )
  return `<section><h2>Not here</h2><dl>${items.join('\n')}</dl></section>`
}

function howSection(report: Report): string {
  const { machine, settings, contestants } = report
  const about = contestants.map(
    ({ name, version, about, tool, pingTool }) =>
      `<dt>${escape(name)}</dt><dd>${escape(`${version}. ${about}. Traffic: ${tool === '' ? 'none' : tool}; round trips: ${pingTool === '' ? 'none' : pingTool}.`)}</dd>`,
  )
  return `<section><h2>How it was measured</h2>
<p>Both ends of every tunnel are on this machine and share its cores, so no figure is what two machines would give.
All are up at once and take turns, ${escape(settings.order)}, after ${escape(settings.warmUp)}. The load of the machine was
${digits(machine.loadBefore)} before. CPU time of “tunnel processes” leaves out the kernel's share and what sends;
that of the “whole machine” holds everything, other programs too.</p>
<dl>${about.join('\n')}</dl>
<p><code>${escape(report.command)}</code>, ${digits(report.durationSeconds)} s</p></section>`
}

/** The same in every chart. */
function colorOf(report: Report, row: ContestantRow): number {
  return report.contestants.indexOf(row)
}
