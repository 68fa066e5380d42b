import { describe, expect, test } from 'vitest'
import { markdown, markdownDocument } from '../src/report/markdown.js'
import { page } from '../src/report/page.js'
import { parseReport } from '../src/report/parse.js'
import { compareRows } from '../src/report/report.js'
import { exampleReport } from './support/report.js'

const report = exampleReport()
/** What {@link parseReport} takes only certain words for. */
const FIXED = new Set(['format', 'metric', 'role', 'reach', 'when'])

describe('markdown', () => {
  const text = markdown(report)

  test('names the machine, the versions, every median with its spread, and who failed why', () => {
    expect(text).toContain('A processor, 2 cores, 4 GiB, Linux 6.12, Node v20.20.2')
    expect(text).toContain('- theirs: theirs 1.0 (what theirs is)')
    const row = text.split('\n').find((line) => line.startsWith('| TCP, 1 stream (Gbit/s)'))!
    expect(row).toContain('3.00 (2.50–3.50)')
    expect(row).toContain('failed: it   fell <i>over</i>')
    expect(text).toContain('- absent <b>: not installed; apt-get install absent')
    expect(text).toContain('iperf 3.12 and ping (ours, theirs, broken, wire)')
    expect(text).toContain('2 of 3 rounds fitted into 60 s.')
  })

  test('rows of different reach are in different tables, and no ratio joins them', () => {
    const tables = text.split('\n\n').filter((part) => part.startsWith('| '))
    for (const table of tables.filter((each) => !each.includes('p50'))) {
      const header = table.split('\n')[0]!
      expect(header.includes('inside') && header.includes('theirs')).toBe(false)
    }
    expect(compareRows(report, 'tcp-1', 'ours', 'inside')).toEqual({
      refused: 'different reach: ours serves the host, inside the process',
    })
  })

  test('ratios take only rounds that both have', () => {
    expect(compareRows(report, 'tcp-1', 'ours', 'theirs')).toMatchObject({ ratio: { median: 1.625, samples: 2 } })
    expect(compareRows(report, 'tcp-1', 'ours', 'broken')).toEqual({ refused: 'no round has both' })
  })

  test('traffic of different programs is not compared', () => {
    const [ours, ...others] = report.contestants
    const other = exampleReport({ contestants: [{ ...ours!, tool: 'own generator' }, ...others] })
    expect(compareRows(other, 'tcp-1', 'ours', 'theirs')).toMatchObject({ refused: /^different traffic/ })
  })

  test('a document keeps what people wrote around the measured part', () => {
    const fresh = markdownDocument(report, null)
    const edited = `${fresh}\n## What falls short\n\nThis and that.\n`.replace('# Benchmarks', '# Ours')
    const again = markdownDocument(exampleReport({ date: '2027-01-01T00:00:00.000Z' }), edited)
    expect(again).toMatch(/^# Ours/)
    expect(again).toContain('2027-01-01')
    expect(again).not.toContain('2026-01-02')
    expect(again).toMatch(/## What falls short\n\nThis and that\.\n$/)
  })
})

describe('page', () => {
  const html = page(report)

  test('needs nothing else: no script, no address to load from', () => {
    expect(html).not.toMatch(/<script/i)
    expect(html).not.toMatch(/\b(?:src|href)="(?!data:,)/)
    expect(html).not.toMatch(/url\(|@import|https?:/)
  })

  test('what programs, machines and reports say is text, wherever it stands', () => {
    const evil = '"><script>x</script>'
    const strings = (value: unknown): unknown =>
      typeof value === 'string'
        ? value + evil
        : Array.isArray(value)
          ? value.map(strings)
          : typeof value === 'object' && value !== null
            ? Object.fromEntries(
                Object.entries(value).map(([key, each]) => [key, FIXED.has(key) ? each : strings(each)]),
              )
            : value
    const text = page(strings(report) as typeof report)
    expect(text.split('&gt;&lt;script').length).toBeGreaterThan(40)
    expect(text).not.toContain('<script')
    expect(text).toContain('content="default-src &#39;none&#39;')
  })

  test('what programs say of themselves is text', () => {
    expect(html).toContain('absent &lt;b&gt;')
    expect(html).not.toContain('<i>over')
  })

  test('each reach has a section of its own with a chart for every metric, dots for samples, and curves', () => {
    const [host, process] = html.split('<section data-reach="process">')
    expect(host).toContain('data-metric="tcp-1"')
    expect(host).toContain('data-metric="cpu-tunnel"')
    expect(host).toContain('data-curves="idle"')
    expect(process).toContain('data-curves="load"')
    const chart = /<figure data-metric="tcp-1">[\s\S]*?<\/figure>/.exec(host!)![0]
    expect(chart.match(/<circle/g)).toHaveLength(5)
    expect(chart).toContain('failed: it | fell')
  })

  test('a ceiling far above the rest does not press them against the axis', () => {
    const chart = /<figure data-metric="tcp-1">[\s\S]*?<\/figure>/.exec(html)![0]
    const widths = [...chart.matchAll(/<rect width="([\d.]+)%/g)].map((match) => Number(match[1]))
    expect(widths).toHaveLength(3)
    expect(widths[0]).toBeGreaterThan(80)
    expect(chart).toContain('class="off"')
  })

  test('round trips too short for the clock have a place on the axis', () => {
    const [latency] = report.latencies
    const text = page(exampleReport({ latencies: [{ ...latency!, samples: [0, 0.1, 0.2] }] }))
    expect(text).not.toMatch(/NaN|Infinity/)
  })

  test('a report without results still makes a page', () => {
    expect(page(exampleReport({ results: [], latencies: [], contestants: [] }))).toContain('Not here')
  })
})

test('what is no report is refused with what to do', () => {
  expect(() => parseReport('{', 'a.json')).toThrow('a.json is not JSON; wireweave-bench run --json writes a report')
  expect(() => parseReport('{"format":"other"}', 'a.json')).toThrow(/a\.json is not a report of this version/)
  expect(parseReport(JSON.stringify(report), 'a.json')).toEqual(report)
})

test('a report that somebody tampered with is refused by the part that is wrong, before any of it is shown', () => {
  const [result] = report.results
  const samples = (...values: unknown[]) => [{ ...result!, samples: values }]
  const [row] = report.contestants
  for (const [key, value] of [
    ['durationSeconds', '<img src=x>'],
    ['machine', { ...report.machine, loadBefore: '1' }],
    ['results', samples('2')],
    ['results', samples(-1)],
    ['results', [{ ...result!, metric: 'no-such' }]],
    ['contestants', [{ ...row!, reach: 'everything' }]],
    ['latencies', [{ contestant: 'ours', when: 'idle', samples: [] }]],
    ['notes', null],
  ] as const)
    expect(() => parseReport(JSON.stringify({ ...report, [key]: value }), 'a.json'), key).toThrow(
      `a.json is damaged: its "${key}" is not what a run writes`,
    )
})
