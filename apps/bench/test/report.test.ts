import { describe, expect, test } from 'vitest'
import { markdown, markdownDocument } from '../src/report/markdown.js'
import { page } from '../src/report/page.js'
import { compareRows, parseReport } from '../src/report/report.js'
import { exampleReport } from './support/report.js'

const report = exampleReport()

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

  test('a report without results still makes a page', () => {
    expect(page(exampleReport({ results: [], latencies: [], contestants: [] }))).toContain('Not here')
  })
})

test('what is no report is refused with what to do', () => {
  expect(() => parseReport('{', 'a.json')).toThrow('a.json is not JSON; wireweave-bench run --json writes a report')
  expect(() => parseReport('{"format":"other"}', 'a.json')).toThrow(/a\.json is not a report of this version/)
  expect(parseReport(JSON.stringify(report), 'a.json')).toEqual(report)
})
