/** Which backend to use, and why not the others. */
import type { Availability, TunnelBackend } from './backend.js'
import { WireGuardError } from './errors.js'

export interface SkippedBackend {
  readonly name: string
  readonly reason: string
  readonly remedy: string
}

export interface Selection {
  readonly backend: TunnelBackend
  /** Why this one: who asked for it, or that it came first among the available. */
  readonly why: string
  readonly skipped: readonly SkippedBackend[]
}

export interface SelectionRequest {
  /** Every backend this program knows, in order of preference: kernel before user space. */
  readonly backends: readonly TunnelBackend[]
  /** A name, or `auto`. */
  readonly wanted: string
  /** Who asked, for the message: `--adapter`, `WIREWEAVE_ADAPTER`, … */
  readonly wantedBy: string
}

/** Probes in order and takes the first that would work. `auto` never takes a backend only this process can reach. */
export async function selectBackend(request: SelectionRequest): Promise<Selection> {
  const { backends, wanted, wantedBy } = request
  if (wanted !== 'auto') return selectNamed(request)
  const skipped: SkippedBackend[] = []
  for (const backend of backends) {
    if (backend.reach !== 'host') continue
    const availability = await probe(backend)
    if (availability.available) return { backend, why: `${wantedBy}: first available`, skipped }
    skipped.push({ name: backend.name, reason: availability.reason, remedy: availability.remedy })
  }
  const tried = skipped.map((entry) => `\n  ${entry.name}: ${entry.reason}. ${entry.remedy}`).join('')
  throw new WireGuardError('NOT_SUPPORTED', `no adapter works here.${tried}`)
}

async function selectNamed({ backends, wanted, wantedBy }: SelectionRequest): Promise<Selection> {
  const backend = backends.find((candidate) => candidate.name === wanted)
  if (backend === undefined) {
    const known = ['auto', ...backends.map((candidate) => candidate.name)].join(', ')
    throw new WireGuardError('CONFIG_INVALID', `${wantedBy} names the unknown adapter "${wanted}"; known: ${known}`)
  }
  const availability = await probe(backend)
  if (availability.available) return { backend, why: `asked for by ${wantedBy}`, skipped: [] }
  throw new WireGuardError('NOT_SUPPORTED', `adapter ${wanted}: ${availability.reason}. ${availability.remedy}`)
}

/** A probe that throws is an adapter that does not work: selection goes on. */
async function probe(backend: TunnelBackend): Promise<Availability> {
  try {
    return await backend.probe()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { available: false, reason: `its probe failed: ${reason}`, remedy: 'Please report this.' }
  }
}
