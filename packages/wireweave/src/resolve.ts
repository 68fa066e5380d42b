/** Host names of endpoints, looked up as patiently as `wg` does. */
import { lookup as systemLookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { literalEndpoint } from '@wireweave/config/conf-update'
import type { ZoneIndex } from '@wireweave/config/conf-update'
import type { HostEndpoint } from '@wireweave/config/conf-types'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { parseIp } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'

/** The addresses of a host, best first. Rejects with an error whose `code` is that of `getaddrinfo`. */
export type Lookup = (host: string) => Promise<readonly string[]>

export interface ResolveOptions {
  readonly signal?: AbortSignal | undefined
  /** How often to try again while the resolver does not answer; `WG_ENDPOINT_RESOLUTION_RETRIES`, else 15. */
  readonly retries?: number | undefined
  readonly zoneIndex?: ZoneIndex | undefined
  readonly lookup?: Lookup | undefined
  /** Told before each pause, after which the name is looked up again. */
  readonly onRetry?: ((host: string, pauseMs: number) => void) | undefined
}

const DEFAULT_RETRIES = 15
const FIRST_PAUSE_MS = 1000
const PAUSE_GROWTH = 1.2
const LONGEST_PAUSE_MS = 20_000
const AT_ONCE = 16
/** There is no such name: asking again changes nothing. */
const PERMANENT: ReadonlySet<unknown> = new Set([
  'ENOTFOUND',
  'ENODATA',
  'EAI_FAIL',
  'EAI_NONAME',
  'EAI_NODATA',
  'EINVAL',
])

/** Every address of an endpoint, best first, at least one. Rejects with a `WireGuardError`. */
export async function resolveEndpoint(
  endpoint: HostEndpoint,
  options: ResolveOptions = {},
): Promise<readonly Endpoint[]> {
  const literal = literalEndpoint(endpoint, options.zoneIndex)
  if (literal !== null) return [literal]
  const { host, port } = endpoint
  let left = options.retries ?? retriesOfEnvironment()
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
    try {
      const addresses = await unlessAborted((options.lookup ?? lookupHost)(host), options.signal)
      const found = addresses.map(parseIp).filter((address) => address !== null)
      if (found.length > 0) return found.map((address) => ({ address, port }))
      throw Object.assign(new Error('no address'), { code: 'ENODATA' })
    } catch (error) {
      if (error instanceof WireGuardError) throw error
      if (PERMANENT.has((error as NodeJS.ErrnoException).code) || left-- <= 0) throw notFound(host, error)
    }
    options.onRetry?.(host, pause)
    await pauseFor(pause, options.signal)
  }
}

/** The same for many, each name once: from `host:port` to the addresses. */
export async function resolveEndpoints(
  endpoints: readonly HostEndpoint[],
  options: ResolveOptions = {},
): Promise<ReadonlyMap<string, readonly Endpoint[]>> {
  const wanted = new Map(endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const resolved = new Map<string, readonly Endpoint[]>()
  const queue = [...wanted]
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      resolved.set(next[0], await resolveEndpoint(next[1], options))
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work))
  return resolved
}

/** As the file would write it. */
export function endpointKey({ host, port }: HostEndpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function retriesOfEnvironment(): number {
  const text = process.env['WG_ENDPOINT_RESOLUTION_RETRIES']
  if (text === 'infinity') return Number.POSITIVE_INFINITY
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : DEFAULT_RETRIES
}

async function lookupHost(host: string): Promise<readonly string[]> {
  const found = await systemLookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** A lookup cannot be called off: its result is passed over. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  let onAbort = (): void => {}
  const abort = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted(signal))
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  })
  try {
    return await Promise.race([work, abort])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal })
  } catch {
    throw aborted(signal!)
  }
}

function aborted(signal: AbortSignal): WireGuardError {
  return new WireGuardError('ABORTED', 'looking up host names was aborted', { cause: signal.reason })
}

function notFound(host: string, cause: unknown): WireGuardError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  const permanent = PERMANENT.has(code)
  const what = permanent ? `the host ${host} is not known (${code})` : `no answer about the host ${host} (${code})`
  const remedy = permanent ? 'Check the Endpoint line.' : 'Is DNS reachable?'
  return new WireGuardError('SYSTEM', `${what}. ${remedy}`, { cause, recoverable: !permanent, errno: code })
}
