/** A run from its options to its report: who takes part, where, and what came of it. */
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { contestants as known } from '../contestants/all.js'
import type { Contestant, Place } from '../contestants/contestant.js'
import { whereIs } from '../contestants/processes.js'
import { digits } from '../report/format.js'
import { FORMAT } from '../report/report.js'
import type { Report } from '../report/report.js'
import { Collector } from './collector.js'
import { command } from './command.js'
import { Live } from './live.js'
import type { Output } from './live.js'
import { measurements } from './measurements.js'
import type { Measurement } from './measurements.js'
import { race } from './race.js'
import { openTopology } from './topology.js'

export interface BenchOptions {
  /** Names; `null` for every one of its kind, of which those that are missing become rows. */
  readonly adapters: readonly string[] | null
  readonly rivals: readonly string[] | null
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
}

interface Entry {
  readonly contestant: Contestant
  readonly version: string
}
type Missing = Report['missing'][number]

/** Without `--metrics`: the highest loss-free rate takes as long as all others together and has to be asked for. */
const DEFAULT = measurements.filter(({ id }) => id !== 'udp-lossfree')
const QUICK = new Set(['tcp-1', 'tcp-4', 'udp', 'idle', 'memory', 'handshake', 'start-up'])
const NEEDS_ROOT = { why: 'network namespaces need root on Linux', remedy: 'run it with sudo' }

export async function runBench(options: BenchOptions): Promise<Report> {
  const chosen = choose(options)
  const chosenMeasurements = chooseMeasurements(options)
  const hasRoot = process.platform === 'linux' && process.getuid?.() === 0
  const { entries, missing } = await findAll(chosen, hasRoot, options)
  if (entries.length === 0) throw new Error(nothingToMeasure(missing))
  const generator = await chooseGenerator(options.generator)
  const abort = new AbortController()
  const onSignal = (): void => abort.abort(new Error('interrupted; everything is removed'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  const collector = new Collector(entries)
  const live = new Live(options.out, collector)
  const started = performance.now()
  const loadBefore = loadavg()[0]!
  const topology = hasRoot ? await openTopology(options.tag ?? defaultTag()) : null
  const place: Place = { topology, generator: generator.name, closers: [] }
  const close = async (): Promise<void> => {
    await Promise.allSettled(place.closers.splice(0).map((closer) => closer()))
    await topology?.close()
  }
  abort.signal.addEventListener('abort', () => void close(), { once: true })
  let rounds = 0
  try {
    const result = await race({
      ...options,
      place,
      contestants: entries.map(({ contestant }) => contestant),
      measurements: chosenMeasurements,
      keys: options.metrics?.includes('handshake-rate') === false ? 0 : options.keys,
      signal: abort.signal,
      onEvent(event) {
        collector.take(event)
        live.show(event)
      },
    })
    rounds = result.rounds
  } finally {
    live.end()
    await close()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal)
  }
  if (loadBefore > cpus().length / 2) {
    const cores = `${cpus().length} ${cpus().length === 1 ? 'core' : 'cores'}`
    collector.notes.push(`The machine was busy before: ${digits(loadBefore)} processes wanted its ${cores}`)
  }
  if (!hasRoot && missing.length > 0)
    collector.notes.push('A reduced run: without root only what lives inside a process was measured, over loopback')
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
      ...{ seconds: options.seconds, repeat: options.repeat, rounds },
      ...{ warmUp: 'a second of TCP both ways that does not count', order: 'alternating' },
    },
    durationSeconds: Math.round((performance.now() - started) / 1000),
    contestants: collector.rows,
    missing,
    results: collector.results,
    latencies: collector.latencies,
    notes: collector.notes,
  }
}

/** Interface names have 15 characters; a number and a letter follow. */
function defaultTag(): string {
  return `wwb${process.pid.toString(36)}`
}

/** Throws for a name that nobody has. */
function choose({ adapters, rivals, tag }: BenchOptions): Contestant[] {
  if (tag !== null && !/^[a-z][a-z0-9]{0,7}$/.test(tag))
    throw new Error('--tag takes up to 8 small letters and digits, a letter first')
  const isOurs = ({ role }: Contestant): boolean => role === 'adapter'
  const pick = (names: readonly string[] | null, of: readonly Contestant[], kind: string): Contestant[] => {
    if (names === null) return [...of]
    return names
      .filter((name) => name !== 'none')
      .map((name) => {
        const found = of.find((contestant) => contestant.name === name)
        if (found !== undefined) return found
        throw new Error(`no ${kind} is called ${name}; there are ${of.map((each) => each.name).join(', ')}`)
      })
  }
  const ours = pick(adapters, known.filter(isOurs), 'adapter')
  const theirs = pick(
    rivals,
    known.filter((each) => !isOurs(each)),
    'rival',
  )
  // In the order of tables, the ceiling last; the order of `--adapters` decides whose ratios are shown.
  return [...ours, ...known.filter((each) => theirs.includes(each))]
}

async function findAll(
  chosen: readonly Contestant[],
  hasRoot: boolean,
  { adapters, rivals }: BenchOptions,
): Promise<{ entries: Entry[]; missing: Missing[] }> {
  const entries: Entry[] = []
  const missing: Missing[] = []
  for (const contestant of chosen) {
    const { name, reach } = contestant
    if (reach === 'host' && !hasRoot) {
      // Asked for by name, it is not left out quietly.
      if ([...(adapters ?? []), ...(rivals ?? [])].includes(name))
        throw new Error(`${name}: ${NEEDS_ROOT.why}; ${NEEDS_ROOT.remedy}`)
      missing.push({ name, ...NEEDS_ROOT })
      continue
    }
    const found = await contestant.find()
    if ('missing' in found) missing.push({ name, why: found.missing, remedy: found.remedy })
    else entries.push({ contestant, version: found.version })
  }
  return { entries, missing }
}

function nothingToMeasure(missing: readonly Missing[]): string {
  const list = missing.map(({ name, why, remedy }) => `\n  ${name}: ${why}; ${remedy}`).join('')
  return `there is nothing to measure.${list}`
}

function chooseMeasurements({ metrics, quick }: BenchOptions): readonly Measurement[] {
  if (metrics === null) return quick ? measurements.filter(({ id }) => QUICK.has(id)) : DEFAULT
  return metrics
    .filter((id) => id !== 'handshake-rate')
    .map((id) => {
      const found = measurements.find((measurement) => measurement.id === id)
      if (found !== undefined) return found
      const ids = [...measurements.map((each) => each.id), 'handshake-rate']
      throw new Error(`no measurement is called ${id}; there are ${ids.join(', ')}`)
    })
}

/** Whose version is told too: its behaviour is part of every number. */
async function chooseGenerator(wanted: string): Promise<{ name: Place['generator']; version: string }> {
  if (!['auto', 'iperf3', 'own'].includes(wanted)) throw new Error('--generator takes auto, iperf3 or own')
  const own = { name: 'own', version: `own generator on Node ${process.version}` } as const
  if (wanted === 'own') return own
  if (whereIs('iperf3') !== null && whereIs('ss') !== null) {
    const { stdout } = await command('iperf3', ['--version'])
    return { name: 'iperf3', version: stdout.split(' (', 1)[0]!.trim() }
  }
  if (wanted === 'iperf3') throw new Error('iperf3 is not here: apt-get install iperf3 iproute2, or --generator own')
  return own
}
