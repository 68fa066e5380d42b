/** Who takes part, what is measured, and with which traffic. */
import { contestants as known } from '../contestants/all.js'
import type { Contestant, Dlls, Place } from '../contestants/contestant.js'
import { whereIs } from '../contestants/processes.js'
import type { Report } from '../report/report.js'
import { command } from './command.js'
import { measurements } from './measurements.js'
import type { Measurement } from './measurements.js'

export interface Names {
  /** `null` for every one of its kind that this system can have, of which those that are missing become rows. */
  readonly adapters: readonly string[] | null
  readonly rivals: readonly string[] | null
}

export interface Entry {
  readonly contestant: Contestant
  readonly version: string
}
type Missing = Report['missing'][number]

/** Without `--metrics`: the highest loss-free rate takes as long as all others together and has to be asked for. */
const DEFAULT = measurements.filter(({ id }) => id !== 'udp-lossfree')
const QUICK = new Set(['tcp-1', 'tcp-4', 'udp', 'idle', 'memory', 'handshake', 'start-up'])
const NEEDS_ROOT = { why: 'network namespaces need root on Linux', remedy: 'run it with sudo' }
const SYSTEMS = { linux: 'Linux', win32: 'Windows' }
const NO_IPERF3 =
  process.platform === 'linux'
    ? 'iperf3 is not here: apt-get install iperf3 iproute2, or --generator own'
    : 'iperf3 cannot reach the other end, which is a stack in a process here: --generator own'

/** Throws for a name that nobody has. */
export function choose({ adapters, rivals }: Names): Contestant[] {
  const isOurs = ({ role }: Contestant): boolean => role === 'adapter'
  const pick = (names: readonly string[] | null, of: readonly Contestant[], kind: string): Contestant[] => {
    const here = of.filter(runsHere)
    if (names === null) return here
    return [...new Set(names)]
      .filter((name) => name !== 'none')
      .map((name) => {
        const found = of.find((contestant) => contestant.name === name)
        const others = `there are ${here.map((each) => each.name).join(', ')}`
        if (found === undefined) throw new Error(`no ${kind} is called ${name}; ${others}`)
        if (!runsHere(found)) throw new Error(`${name} runs on ${SYSTEMS[found.system!]} only; here ${others}`)
        return found
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

function runsHere({ system }: Contestant): boolean {
  return system === null || system === process.platform
}

export async function findAll(
  chosen: readonly Contestant[],
  hasNamespaces: boolean,
  { adapters, rivals, dlls }: Names & { readonly dlls: Dlls },
): Promise<{ entries: Entry[]; missing: Missing[] }> {
  const entries: Entry[] = []
  const missing: Missing[] = []
  for (const contestant of chosen) {
    const { name, system } = contestant
    if (system === 'linux' && !hasNamespaces) {
      // Asked for by name, it is not left out quietly.
      if ([...(adapters ?? []), ...(rivals ?? [])].includes(name))
        throw new Error(`${name}: ${NEEDS_ROOT.why}; ${NEEDS_ROOT.remedy}`)
      missing.push({ name, ...NEEDS_ROOT })
      continue
    }
    const found = await contestant.find(dlls)
    if ('missing' in found) missing.push({ name, why: found.missing, remedy: found.remedy })
    else entries.push({ contestant, version: found.version })
  }
  return { entries, missing }
}

export function nothingToMeasure(missing: readonly Missing[]): string {
  const list = missing.map(({ name, why, remedy }) => `\n  ${name}: ${why}; ${remedy}`).join('')
  return `there is nothing to measure.${list}`
}

export function chooseMeasurements(metrics: readonly string[] | null, quick: boolean): readonly Measurement[] {
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
export async function chooseGenerator(wanted: string): Promise<{ name: Place['generator']; version: string }> {
  if (!['auto', 'iperf3', 'own'].includes(wanted)) throw new Error('--generator takes auto, iperf3 or own')
  const own = { name: 'own', version: `own generator on Node ${process.version}` } as const
  if (wanted === 'own') return own
  if (process.platform === 'linux' && whereIs('iperf3') !== null && whereIs('ss') !== null) {
    const { stdout } = await command('iperf3', ['--version'])
    return { name: 'iperf3', version: stdout.split(' (', 1)[0]!.trim() }
  }
  if (wanted === 'iperf3') throw new Error(NO_IPERF3)
  return own
}
