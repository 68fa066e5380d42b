import { describe, expect, test } from 'vitest'
import type { Contestant } from '../src/contestants/contestant.js'
import { Collector } from '../src/run/collector.js'
import { Live } from '../src/run/live.js'
import type { RaceEvent } from '../src/run/race.js'

const contestant = (name: string): { contestant: Contestant; version: string } => ({
  contestant: { name, role: 'rival', reach: 'host', about: '' } as unknown as Contestant,
  version: '1',
})
const step = (text: string, done: number): RaceEvent => ({ tag: 'step', text, done, total: 10 })
const sample = (who: string, round: number, values: Record<string, number>, ms: number[] = []): RaceEvent => ({
  ...{ tag: 'sample', contestant: who, round },
  sample: { values, ...(ms.length > 0 && { latencies: { when: 'idle', ms } }) },
})

describe('collector', () => {
  test('samples keep the place of their round, also when one is missing', () => {
    const collector = new Collector([contestant('one'), contestant('other')])
    collector.take(sample('one', 1, { 'tcp-1': 1 }))
    collector.take(sample('other', 2, { 'tcp-1': 5 }))
    collector.take(sample('one', 2, { 'tcp-1': 2 }))
    expect(collector.results).toEqual([
      { contestant: 'one', metric: 'tcp-1', samples: [1, 2] },
      { contestant: 'other', metric: 'tcp-1', samples: [null, 5] },
    ])
  })

  test('every round trip of every round is kept, in order', () => {
    const collector = new Collector([contestant('one')])
    collector.take(sample('one', 1, {}, [3, 1]))
    collector.take(sample('one', 2, {}, [2]))
    expect(collector.latencies).toEqual([{ contestant: 'one', when: 'idle', samples: [3, 1, 2] }])
  })

  test('what failed is a result that says why; a warm-up that failed is a note', () => {
    const collector = new Collector([contestant('one')])
    collector.take({ tag: 'failure', contestant: 'one', metrics: ['udp-64'], why: 'no socket' })
    collector.take({ tag: 'failure', contestant: 'one', metrics: [], why: 'no answer' })
    expect(collector.results).toEqual([{ contestant: 'one', metric: 'udp-64', samples: [], failure: 'no socket' }])
    expect(collector.notes).toEqual(['one was not warmed up: no answer'])
  })
})

describe('live', () => {
  function shown(isTTY: boolean, columns: number): string {
    let text = ''
    const collector = new Collector([contestant('one'), contestant('other')])
    const live = new Live({ isTTY, columns, write: (part) => (text += part) }, collector)
    const events = [step('starting one', 0), step('round 1 of 1: tcp-1, one', 5), sample('one', 1, { 'tcp-1': 1.5 })]
    for (const event of [
      ...events,
      { tag: 'failure', contestant: 'other', metrics: ['tcp-1'], why: 'gone' } as const,
    ]) {
      collector.take(event)
      live.show(event)
    }
    live.end()
    return text
  }

  test('a pipe gets a line for each sample and failure, without control characters', () => {
    const lines = shown(false, 80).split('\n')
    expect(lines[0]).toBe('starting one …')
    expect(lines[1]).toMatch(/^round 1 of 1: tcp-1, one: tcp-1 1\.50 \(about .* left\)$/)
    expect(lines[2]).toBe('round 1 of 1: tcp-1, one: failed: gone')
  })

  test('a terminal of 20 columns gets no line that wraps', () => {
    const frame = shown(true, 20).split('\u001B[J').at(-2)!
    expect(frame).toContain('one')
    for (const line of frame.split('\n')) expect(line.replace('\u001B[4A', '').length).toBeLessThan(20)
  })

  test('a terminal gets a table with medians and the time left, no line wider than it is, and a clean screen after', () => {
    const text = shown(true, 60)
    const frames = text.split('\u001B[J')
    expect(frames.at(-1)).toBe('')
    const frame = frames.at(-2)!.split('\n')
    expect(frame[0]).toMatch(/^ +tcp 1$/)
    expect(frame[1]).toMatch(/^one +1\.50$/)
    expect(frame[2]).toMatch(/^other +·$/)
    expect(frame[3]).toMatch(/^█{12}░{12} about .* left {2}round 1/)
    for (const line of frame) expect(line.replace('\u001B[4A', '').length).toBeLessThan(60)
  })
})
