import { expect, test } from 'vitest'
import { markdownDocument } from '../src/report.js'
import type { Report } from '../src/report.js'
import { ratios, summarize } from '../src/statistics.js'

const ours = [3, 2.5, 3.5]
const theirs = [2, 2, 2]
const report: Report = {
  date: '2026-01-02T03:04:05.000Z',
  machine: { cpu: 'A processor', cores: 2, memoryBytes: 1e9, kernel: '6.12' },
  node: 'v20.20.2',
  versions: { ours: 'ours 0.1.0', theirs: 'theirs 2', broken: 'broken 1' },
  rounds: 3,
  seconds: 2,
  rows: [
    {
      ...{ metric: 'TCP', unit: 'Gbit/s', better: 'higher', samples: { ours, theirs } },
      summaries: { ours: summarize(ours), theirs: summarize(theirs) },
      ratios: { theirs: ratios(ours, theirs) },
      failures: { broken: 'it | fell\nover' },
    },
  ],
}

test('a document names the command, the machine, the versions, every median with its spread, and who failed why', () => {
  const text = markdownDocument(report)
  expect(text).toContain('npm run perf -- --rounds 3 --seconds 2')
  expect(text).toContain('A processor, 2 cores, Linux 6.12, Node v20.20.2')
  expect(text).toContain('- theirs: theirs 2')
  const row = text.split('\n').find((line) => line.startsWith('| TCP'))!
  expect(row).toContain('3.00 (2.50–3.50)')
  expect(row).toContain('1.50× (1.25–1.75)')
  expect(row).toContain('failed: it   fell over')
  expect(row.split('|')).toHaveLength(8)
})
