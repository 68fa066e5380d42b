/** What a run shows while it is under way: a table that is redrawn on a terminal, plain lines elsewhere. */
import { digits } from '../report/format.js'
import { quantile } from '../statistics.js'
import type { Collector } from './collector.js'
import { metrics } from './metrics.js'
import type { RaceEvent } from './race.js'

export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const NAME_WIDTH = 20
const CELL_WIDTH = 8
const BAR_WIDTH = 24
const REDRAW_MS = 100

/** Called with each event, after the collector. */
export class Live {
  readonly #out: Output
  readonly #collector: Collector
  readonly #started = performance.now()
  #drawn = 0
  #lastDraw = 0
  #step = ''
  #share = 0

  constructor(out: Output, collector: Collector) {
    this.#out = out
    this.#collector = collector
  }

  show(event: RaceEvent): void {
    if (event.tag === 'step') {
      this.#step = event.text
      this.#share = Math.min(1, event.total > 0 ? event.done / event.total : 0)
    }
    if (this.#out.isTTY) this.#redraw(event.tag !== 'step')
    else this.#print(event)
  }

  /** Takes the table away: the report follows. */
  end(): void {
    if (this.#out.isTTY) this.#out.write(this.#erase())
  }

  #print(event: RaceEvent): void {
    if (event.tag === 'sample') {
      const values = Object.entries(event.sample.values).map(([id, value]) => `${id} ${digits(value)}`)
      if (values.length > 0) this.#out.write(`${this.#step}: ${values.join(', ')} (${this.#left()})\n`)
    } else if (event.tag === 'failure') this.#out.write(`${this.#step}: failed: ${event.why}\n`)
    else if (event.tag === 'note') this.#out.write(`${event.text}\n`)
    else if (event.tag === 'step' && !event.text.startsWith('round')) this.#out.write(`${event.text} …\n`)
  }

  #redraw(hasNews: boolean): void {
    const now = performance.now()
    if (!hasNews && now - this.#lastDraw < REDRAW_MS) return
    this.#lastDraw = now
    const lines = this.#lines(this.#out.columns || 80)
    this.#out.write(`${this.#erase()}${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  #erase(): string {
    const up = this.#drawn === 0 ? '' : `\u001B[${this.#drawn}A`
    this.#drawn = 0
    return `${up}\r\u001B[J`
  }

  /** Contestants down, metrics across, as many as fit. A line that wrapped would not be erased. */
  #lines(columns: number): string[] {
    const rows = this.#collector.rows
    const measured = metrics.filter(
      ({ id, short }) => short !== '' && rows.some(({ name }) => this.#collector.samplesOf(name, id).length > 0),
    )
    const room = Math.max(1, Math.floor((columns - NAME_WIDTH - 1) / CELL_WIDTH))
    const shown = measured.slice(0, room)
    const header = `${' '.repeat(NAME_WIDTH)}${shown.map(({ short }) => short.padStart(CELL_WIDTH)).join('')}`
    const body = rows.map(({ name }) => {
      const cells = shown.map(({ id }) => medianText(this.#collector.samplesOf(name, id)).padStart(CELL_WIDTH))
      return `${name.slice(0, NAME_WIDTH - 1).padEnd(NAME_WIDTH)}${cells.join('')}`
    })
    const filled = Math.round(this.#share * BAR_WIDTH)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
    return [header, ...body, `${bar} ${this.#left()}  ${this.#step}`].map((line) => line.slice(0, columns - 1))
  }

  /** By what was done in the time so far. */
  #left(): string {
    const elapsed = (performance.now() - this.#started) / 1000
    if (this.#share < 0.01) return 'estimating'
    return `about ${durationText((elapsed * (1 - this.#share)) / this.#share)} left`
  }
}

function medianText(samples: readonly (number | null)[]): string {
  const numbers = samples.filter((value) => value !== null).sort((a, b) => a - b)
  return numbers.length === 0 ? '·' : digits(quantile(numbers, 0.5))
}

function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} min`
}
