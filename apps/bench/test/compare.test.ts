import { expect, test } from 'vitest'
import { changesText, circumstances, compareReports } from '../src/report/compare.js'
import { exampleReport } from './support/report.js'

const withSamples = (samples: readonly number[], metric = 'tcp-1') =>
  exampleReport({ results: [{ contestant: 'ours', metric, samples }] })
const before = [2, 2.1, 1.9, 2.05, 1.95]

function verdictOf(after: readonly number[], metric = 'tcp-1', alpha = 0.05): string {
  return compareReports(withSamples(before, metric), withSamples(after, metric), alpha)[0]!.verdict
}

test('a change beyond the noise is better or worse, by what the metric wants', () => {
  const faster = before.map((value) => value * 1.3)
  expect(verdictOf(faster)).toBe('better')
  expect(verdictOf(faster, 'cpu-tunnel')).toBe('worse')
  expect(verdictOf(before.map((value) => value / 1.3))).toBe('worse')
})

test('samples that mingle are noise', () => {
  expect(verdictOf([2.02, 1.98, 2.2, 1.85, 2])).toBe('noise')
  expect(verdictOf(before)).toBe('noise')
})

test('three samples each cannot show a change at 0.05, and that is said', () => {
  const change = compareReports(withSamples([1, 1.1, 0.9]), withSamples([5, 5.1, 4.9]), 0.05)[0]!
  expect(change).toMatchObject({ verdict: 'apart, but too few samples', p: 0.1 })
  expect(change.factor).toBeCloseTo(5)
  expect(compareReports(withSamples([1, 1.1, 0.9]), withSamples([5, 5.1, 4.9]), 0.1)[0]!.verdict).toBe('better')
  const text = changesText([change], 0.05, false)
  expect(text).toContain('0 of 1 rows changed beyond the noise; 0 did not.')
  expect(text).toContain('1 lie apart, but so few samples cannot show a change: run with --repeat 4 or more.')
})

test('different reach, traffic or length of samples is refused', () => {
  const base = withSamples(before)
  const altered = (change: object) =>
    exampleReport({ ...base, contestants: base.contestants.map((row) => ({ ...row, ...change })) })
  expect(compareReports(base, altered({ reach: 'process' }), 0.05)[0]).toMatchObject({ verdict: 'refused', p: null })
  expect(compareReports(base, altered({ tool: 'own generator' }), 0.05)[0]!.why).toMatch(/^different traffic/)
  const pinged = withSamples(before, 'idle-p50')
  const by = (pingTool: string) =>
    exampleReport({ ...pinged, contestants: pinged.contestants.map((row) => ({ ...row, pingTool })) })
  expect(compareReports(by('ping'), by('own generator'), 0.05)[0]!.why).toMatch(/^different traffic/)
  const longer = exampleReport({ ...base, settings: { ...base.settings, seconds: 9 } })
  expect(compareReports(base, longer, 0.05)[0]!.why).toMatch(/^samples of different length/)
})

test('the text names the test, what differs in the circumstances, and how many rows chance alone would change', () => {
  const other = exampleReport({ node: 'v24.0.0' })
  expect(circumstances(exampleReport(), other)).toEqual(['Node: v20.20.2 → v24.0.0'])
  const changes = compareReports(exampleReport(), exampleReport(), 0.05)
  const text = changesText(changes, 0.05, false)
  expect(text).toContain(`0 of ${changes.length} rows changed beyond the noise`)
  expect(text).toContain('rank sums (Mann and Whitney)')
})
