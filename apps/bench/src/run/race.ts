/** Runs every measurement over every contestant in turns, round by round, every second round backwards. */
import type { Carrier, Contestant, Place } from '../contestants/contestant.js'
import { openHandshakeTarget } from '../contestants/handshake-target.js'
import { oneLine } from '../report/format.js'
import { sleep } from './command.js'
import { warmUp } from './measurements.js'
import type { Measurement, Sample, Subject } from './measurements.js'

export interface RaceOptions {
  readonly place: Place
  readonly contestants: readonly Contestant[]
  readonly measurements: readonly Measurement[]
  /** How many times each contestant is measured, after a warm-up that is not counted. */
  readonly repeat: number
  readonly seconds: number
  /** No round begins that would end after so many seconds, and of the first one what would is left out. */
  readonly within: number
  /** With how many keys the rate of handshakes is measured; 0 leaves it out. */
  readonly keys: number
  readonly onEvent: (event: RaceEvent) => void
  readonly signal: AbortSignal
}

export type RaceEvent =
  | { readonly tag: 'step'; readonly text: string; readonly done: number; readonly total: number }
  | { readonly tag: 'opened'; readonly contestant: string; readonly tool: string; readonly pingTool: string }
  | { readonly tag: 'sample'; readonly contestant: string; readonly round: number; readonly sample: Sample }
  | { readonly tag: 'failure'; readonly contestant: string; readonly metrics: readonly string[]; readonly why: string }
  | { readonly tag: 'note'; readonly text: string }

/** As long as a signal and its consequences may be apart. */
const AFTERMATH_MS = 100
const OPEN_S = 0.6
const WARM_UP_S = 1.6

/** What is ahead is counted in seconds that were guessed; what is behind tells how wrong the guess was. */
export async function race(options: RaceOptions): Promise<void> {
  const { contestants, place, measurements, onEvent } = options
  const run = new Run(options)
  const subjects: Subject[] = []
  for (const [i, contestant] of contestants.entries()) {
    const carrier = await run.step<Carrier>(
      `starting ${contestant.name}`,
      OPEN_S,
      contestant,
      measurements.flatMap((each) => each.metrics),
      () => contestant.open(place, i + 1),
    )
    if (carrier === null) continue
    const { tool, pingTool } = carrier.traffic
    onEvent({ tag: 'opened', contestant: contestant.name, tool, pingTool })
    subjects.push({ contestant, carrier, place })
  }
  if (measurements.length > 0) await warmUpAll(run, subjects)
  const rounds = measurements.length === 0 ? options.repeat : await measureAll(run, subjects)
  if (options.keys === 0) return
  if (run.fits(run.handshakeSeconds(1))) await measureHandshakes(run, Math.max(1, rounds))
  else onEvent({ tag: 'note', text: `handshake-rate did not fit into ${options.within} s` })
}

/** One that fails here is measured all the same: what ails it will show in its rows. */
async function warmUpAll(run: Run, subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) {
    const { contestant } = subject
    await run.step(`warming up ${contestant.name}`, WARM_UP_S, contestant, [], () => warmUp(subject))
  }
}

async function measureAll(run: Run, subjects: readonly Subject[]): Promise<number> {
  const { measurements, repeat, seconds, within } = run.options
  const started = performance.now()
  const left = new Set<string>()
  for (let round = 1; ; round++) {
    for (const measurement of measurements) {
      if (round === 1 && !run.fits(measurement.estimate(seconds) * subjects.length)) left.add(measurement.id)
      if (left.has(measurement.id)) continue
      // Who comes first in one round comes last in the next: whom one follows is not always the same.
      for (const subject of round % 2 === 1 ? subjects : subjects.toReversed()) {
        if (!measurement.applies(subject) || run.hasFailed(subject.contestant, measurement.metrics)) continue
        const { contestant } = subject
        const text = `round ${round} of ${repeat}: ${measurement.id}, ${contestant.name}`
        const sample = await run.step(text, measurement.estimate(seconds), contestant, measurement.metrics, () =>
          measurement.sample(subject, seconds),
        )
        if (sample !== null) run.options.onEvent({ tag: 'sample', contestant: contestant.name, round, sample })
      }
    }
    if (round === 1 && left.size > 0)
      run.options.onEvent({ tag: 'note', text: `${[...left].join(', ')} did not fit into ${within} s` })
    if (round === repeat) return round
    const aRound = (performance.now() - started) / 1000 / round
    if (run.elapsedSeconds + aRound + run.handshakeSeconds(round + 1) > within) {
      run.options.onEvent({ tag: 'note', text: `${round} of ${repeat} rounds fitted into ${within} s` })
      return round
    }
  }
}

async function measureHandshakes(run: Run, rounds: number): Promise<void> {
  const { contestants, place, keys, onEvent } = run.options
  const able = contestants.filter(({ startDaemon }) => startDaemon !== undefined)
  const targets: { contestant: Contestant; sample(): Promise<number> }[] = []
  for (const contestant of able) {
    const text = `starting ${contestant.name} with ${keys} peers`
    const target = await run.step(text, OPEN_S, contestant, ['handshake-rate'], () =>
      openHandshakeTarget(place, contestant, targets.length + 1, keys),
    )
    if (target !== null) targets.push({ contestant, sample: target })
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { contestant, sample } of round % 2 === 1 ? targets : targets.toReversed()) {
      if (run.hasFailed(contestant, ['handshake-rate'])) continue
      const text = `round ${round} of ${rounds}: handshake-rate, ${contestant.name}`
      const rate = await run.step(text, handshakeSeconds(keys), contestant, ['handshake-rate'], sample)
      if (rate !== null)
        onEvent({ tag: 'sample', contestant: contestant.name, round, sample: { values: { 'handshake-rate': rate } } })
    }
  }
}

/** Node's start, and per key: making two messages, waiting for two answers. */
function handshakeSeconds(keys: number): number {
  return 0.5 + keys * 0.003
}

/** Where a race is: what is behind it, what it will take, and who dropped out. */
class Run {
  readonly options: RaceOptions
  readonly #started = performance.now()
  readonly #failed = new Set<string>()
  #done = 0
  readonly #total: number

  constructor(options: RaceOptions) {
    this.options = options
    this.#total = pairSeconds(options) + this.handshakeSeconds(options.repeat)
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** Whether what was guessed to take so long will end in time, at the pace of what is behind. */
  fits(seconds: number): boolean {
    const pace = this.#done === 0 ? 1 : Math.max(1, this.elapsedSeconds / this.#done)
    return this.elapsedSeconds + seconds * pace <= this.options.within
  }

  /** What the rate of handshakes will take, over so many rounds. */
  handshakeSeconds(rounds: number): number {
    const { contestants, keys } = this.options
    const targets = keys > 0 ? contestants.filter(({ startDaemon }) => startDaemon !== undefined).length : 0
    return targets * (OPEN_S + rounds * handshakeSeconds(keys))
  }

  hasFailed(contestant: Contestant, metrics: readonly string[]): boolean {
    return metrics.length > 0 && metrics.every((metric) => this.#failed.has(`${contestant.name} ${metric}`))
  }

  /** `null`, and an event, when it fails; throws when the run was called off. */
  async step<T>(
    text: string,
    seconds: number,
    contestant: Contestant,
    metrics: readonly string[],
    work: () => Promise<T>,
  ): Promise<T | null> {
    const { signal, onEvent } = this.options
    signal.throwIfAborted()
    onEvent({ tag: 'step', text, done: this.#done, total: this.#total })
    try {
      return await work()
    } catch (error) {
      // Who interrupts from a terminal ends the traffic, too: its failure may be known before the signal is.
      await sleep(AFTERMATH_MS)
      signal.throwIfAborted()
      for (const metric of metrics) this.#failed.add(`${contestant.name} ${metric}`)
      const why = oneLine(error instanceof Error ? error.message : String(error))
      onEvent({ tag: 'failure', contestant: contestant.name, metrics, why })
      return null
    } finally {
      this.#done += seconds
    }
  }
}

/** About how long all but the rate of handshakes takes. */
function pairSeconds({ contestants, measurements, repeat, seconds }: RaceOptions): number {
  const each = measurements.reduce((sum, measurement) => sum + measurement.estimate(seconds), 0)
  return contestants.length * (OPEN_S + WARM_UP_S + repeat * each)
}
