/** Turns the events of a race into the rows of a report. */
import type { Contestant } from '../contestants/contestant.js'
import type { ContestantRow, Latency, Result } from '../report/report.js'
import { metrics } from './metrics.js'
import type { RaceEvent } from './race.js'

export class Collector {
  readonly notes: string[] = []
  readonly #rows = new Map<string, ContestantRow>()
  readonly #order: readonly string[]
  readonly #samples = new Map<string, (number | null)[]>()
  readonly #failures = new Map<string, string>()
  readonly #latencies = new Map<string, number[]>()

  constructor(contestants: readonly { readonly contestant: Contestant; readonly version: string }[]) {
    this.#order = contestants.map(({ contestant }) => contestant.name)
    for (const { contestant, version } of contestants) {
      const { name, role, reach, about } = contestant
      this.#rows.set(name, { name, role, reach, about, version, tool: '', pingTool: '' })
    }
  }

  take(event: RaceEvent): void {
    switch (event.tag) {
      case 'opened': {
        const { contestant, tool, pingTool } = event
        this.#rows.set(contestant, { ...this.#rows.get(contestant)!, tool, pingTool })
        break
      }
      case 'sample':
        this.#takeSample(event)
        break
      case 'failure':
        for (const metric of event.metrics) this.#failures.set(keyOf(event.contestant, metric), event.why)
        if (event.metrics.length === 0) this.notes.push(`${event.contestant} was not warmed up: ${event.why}`)
        break
      case 'note':
        this.notes.push(event.text)
        break
      case 'step':
      default:
    }
  }

  /** So far, in the order of the rounds; `null` where a round has none. */
  samplesOf(contestant: string, metric: string): readonly (number | null)[] {
    return this.#samples.get(keyOf(contestant, metric)) ?? []
  }

  /** How many there were, begun ones included. */
  get rounds(): number {
    return Math.max(0, ...[...this.#samples.values()].map((samples) => samples.length))
  }

  get rows(): ContestantRow[] {
    return this.#order.map((name) => this.#rows.get(name)!)
  }

  get results(): Result[] {
    return metrics.flatMap(({ id }) =>
      this.#order.flatMap((contestant) => {
        const key = keyOf(contestant, id)
        const failure = this.#failures.get(key)
        const samples = this.#samples.get(key) ?? []
        if (samples.length === 0 && failure === undefined) return []
        return [{ contestant, metric: id, samples, ...(failure !== undefined && { failure }) }]
      }),
    )
  }

  get latencies(): Latency[] {
    return (['idle', 'load'] as const).flatMap((when) =>
      this.#order.flatMap((contestant) => {
        const samples = this.#latencies.get(keyOf(contestant, when))
        return samples === undefined ? [] : [{ contestant, when, samples }]
      }),
    )
  }

  #takeSample({ contestant, round, sample }: RaceEvent & { tag: 'sample' }): void {
    for (const [metric, value] of Object.entries(sample.values)) {
      const samples = entryOf(this.#samples, keyOf(contestant, metric), () => [])
      while (samples.length < round - 1) samples.push(null)
      samples.push(value)
    }
    if (sample.latencies === undefined) return
    const { when, ms } = sample.latencies
    entryOf(this.#latencies, keyOf(contestant, when), () => []).push(...ms)
  }
}

function keyOf(contestant: string, what: string): string {
  return `${contestant} ${what}`
}

function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key) ?? make()
  map.set(key, found)
  return found
}
