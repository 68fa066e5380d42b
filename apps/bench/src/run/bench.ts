/** A run from its options to its report: who takes part, where, and what came of it. */
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Dlls, Place } from '../contestants/contestant.js'
import { digits } from '../report/format.js'
import { FORMAT } from '../report/report.js'
import type { Report } from '../report/report.js'
import { choose, chooseGenerator, chooseMeasurements, findAll, nothingToMeasure } from './choose.js'
import type { Names } from './choose.js'
import { Collector } from './collector.js'
import { Live } from './live.js'
import type { Output } from './live.js'
import { race } from './race.js'
import { openTopology } from './topology.js'

export interface BenchOptions extends Names {
  /** Ids of measurements; `null` for all. */
  readonly metrics: readonly string[] | null
  readonly seconds: number
  readonly repeat: number
  readonly within: number
  readonly keys: number
  readonly quick: boolean
  readonly generator: string
  readonly tag: string | null
  readonly command: string
  readonly out: Output
  /** Calls it off; what was measured by then is reported, and everything is removed. */
  readonly signal: AbortSignal
  readonly dlls?: Dlls
}

/** Interface names have 15 characters; a number and a letter follow. */
const TAG = /^[a-z][a-z0-9]{0,7}$/
const REDUCED = process.platform === 'linux' ? 'without root ' : ''

export async function runBench(options: BenchOptions): Promise<Report> {
  const { dlls = {}, signal } = options
  const tag = options.tag ?? defaultTag()
  if (!TAG.test(tag)) throw new Error('--tag takes up to 8 small letters and digits, a letter first')
  const chosen = choose(options)
  const chosenMeasurements = chooseMeasurements(options.metrics, options.quick)
  const hasNamespaces = process.platform === 'linux' && process.getuid?.() === 0
  const { entries, missing } = await findAll(chosen, hasNamespaces, { ...options, dlls })
  if (entries.length === 0) throw new Error(nothingToMeasure(missing))
  const generator = await chooseGenerator(options.generator)
  const collector = new Collector(entries)
  const live = new Live(options.out, collector)
  const started = performance.now()
  const loadBefore = loadavg()[0]!
  const topology = hasNamespaces ? await openTopology(tag) : null
  const place: Place = { topology, tag, dlls, generator: generator.name, closers: [] }
  const close = async (): Promise<void> => {
    await Promise.allSettled(place.closers.splice(0).map((closer) => closer()))
    await topology?.close()
  }
  const onAbort = (): void => void close()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await race({
      ...options,
      place,
      contestants: entries.map(({ contestant }) => contestant),
      measurements: chosenMeasurements,
      keys: options.metrics?.includes('handshake-rate') === false ? 0 : options.keys,
      onEvent(event) {
        collector.take(event)
        live.show(event)
      },
    })
  } catch (error) {
    if (!signal.aborted || collector.rounds === 0) throw error
    collector.notes.push(`Interrupted in round ${collector.rounds}: this is what was measured by then`)
  } finally {
    live.end()
    signal.removeEventListener('abort', onAbort)
    await close()
  }
  if (loadBefore > cpus().length / 2) {
    const cores = `${cpus().length} ${cpus().length === 1 ? 'core' : 'cores'}`
    collector.notes.push(`The machine was busy before: ${digits(loadBefore)} processes wanted its ${cores}`)
  }
  if (chosen.some(({ reach }) => reach === 'host') && collector.rows.every(({ reach }) => reach === 'process'))
    collector.notes.push(`A reduced run: ${REDUCED}only what lives inside a process was measured, over loopback`)
  return {
    format: FORMAT,
    date: new Date().toISOString(),
    command: options.command,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown processor',
      cores: cpus().length,
      memoryBytes: totalmem(),
      system: `${type()} ${release()}`,
      loadBefore,
    },
    node: process.version,
    generator: generator.version,
    settings: {
      ...{ seconds: options.seconds, repeat: options.repeat, rounds: collector.rounds },
      ...{
        warmUp: 'a second of TCP both ways that does not count',
        order: 'alternating, every second round backwards',
      },
    },
    durationSeconds: Math.round((performance.now() - started) / 1000),
    contestants: collector.rows,
    missing,
    results: collector.results,
    latencies: collector.latencies,
    notes: collector.notes,
  }
}

function defaultTag(): string {
  return `wwb${process.pid.toString(36)}`
}
