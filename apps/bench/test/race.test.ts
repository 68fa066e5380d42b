import { describe, expect, test } from 'vitest'
import type { Contestant, Place } from '../src/contestants/contestant.js'
import type { Measurement } from '../src/run/measurements.js'
import { race } from '../src/run/race.js'
import type { RaceEvent, RaceOptions } from '../src/run/race.js'

const place = { topology: null, tag: 'wwb', dlls: {}, generator: 'own', closers: [] } satisfies Place
const never = new AbortController().signal

function contestant(name: string, open = async (): Promise<object> => ({ traffic: quiet })): Contestant {
  return { ...{ name, role: 'rival', reach: 'host', system: null, about: '' }, open } as unknown as Contestant
}
const quiet = { tool: 'a tool', pingTool: 'a ping', tcp: async () => ({}), ping: async () => [] }

/** Takes no time, whatever it is guessed to take. */
function measurement(
  id: string,
  guess = 0,
  sample: (contestant: string) => Promise<number> = async () => 1,
): Measurement {
  return {
    ...{ id, metrics: [id], estimate: () => guess, applies: () => true },
    sample: async ({ contestant }: { contestant: Contestant }) => ({ values: { [id]: await sample(contestant.name) } }),
  } as unknown as Measurement
}

async function run(change: Partial<RaceOptions>): Promise<RaceEvent[]> {
  const events: RaceEvent[] = []
  const base = { place, repeat: 1, seconds: 1, within: Number.POSITIVE_INFINITY, keys: 0, signal: never }
  const some = { contestants: [contestant('a'), contestant('b')], measurements: [measurement('x')] }
  await race({ ...base, ...some, onEvent: (event) => events.push(event), ...change })
  return events
}

const samplesOf = (events: readonly RaceEvent[]): string[] =>
  events.flatMap((event) =>
    event.tag === 'sample' ? [`${event.round} ${Object.keys(event.sample.values)[0]} ${event.contestant}`] : [],
  )
const notesOf = (events: readonly RaceEvent[]): string[] =>
  events.flatMap((event) => (event.tag === 'note' ? [event.text] : []))

describe('race', () => {
  test('each measurement goes over all before the next begins, and every second round goes backwards', async () => {
    const events = await run({ repeat: 2, measurements: [measurement('x'), measurement('y')] })
    expect(samplesOf(events)).toEqual(['1 x a', '1 x b', '1 y a', '1 y b', '2 x b', '2 x a', '2 y b', '2 y a'])
  })

  test('who cannot be opened fails in everything, and the others are measured', async () => {
    const broken = contestant('broken', () => Promise.reject(new Error('no\u001B[31m such\nthing')))
    const events = await run({ contestants: [broken, contestant('b')] })
    expect(samplesOf(events)).toEqual(['1 x b'])
    expect(events).toContainEqual({ tag: 'failure', contestant: 'broken', metrics: ['x'], why: 'no such thing' })
  })

  test('what failed once is not tried again; the rest is', async () => {
    const fails = measurement('x', 0, () => Promise.reject(new Error('lost')))
    const events = await run({ repeat: 2, measurements: [fails, measurement('y')] })
    expect(samplesOf(events)).toEqual(['1 y a', '1 y b', '2 y b', '2 y a'])
    expect(events.filter(({ tag }) => tag === 'failure')).toHaveLength(2)
  })

  test('what does not fit into the time is left out and named, in the first round and later', async () => {
    const long = measurement('long', 1000)
    const events = await run({ repeat: 2, within: 60, measurements: [measurement('x'), long, measurement('y')] })
    expect(samplesOf(events)).toEqual(['1 x a', '1 x b', '1 y a', '1 y b', '2 x b', '2 x a', '2 y b', '2 y a'])
    expect(notesOf(events)).toEqual(['long did not fit into 60 s'])
    const slow = measurement('slow', 0, () => new Promise((resolve) => setTimeout(resolve, 300, 1)))
    expect(notesOf(await run({ repeat: 9, within: 1, measurements: [slow] }))).toEqual([
      '1 of 9 rounds fitted into 1 s',
    ])
  })

  test('called off, it ends with the reason and begins nothing more', async () => {
    const abort = new AbortController()
    const first = measurement('x', 0, async () => {
      abort.abort(new Error('enough'))
      throw new Error('traffic was ended')
    })
    const events: RaceEvent[] = []
    const called = run({
      measurements: [first, measurement('y')],
      signal: abort.signal,
      onEvent: (event) => events.push(event),
    })
    await expect(called).rejects.toThrow('enough')
    expect(events.filter(({ tag }) => tag === 'failure' || tag === 'sample')).toEqual([])
  })
})
