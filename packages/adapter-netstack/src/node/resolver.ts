/** Names through the tunnel: a stub resolver (RFC 1034 §5.3.1) over UDP, and over TCP for long answers (RFC 7766). */
import { randomInt } from 'node:crypto'
import { isIP } from 'node:net'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import type { Answer, Packet } from 'dns-packet'
import { withoutMapping } from '../core/ip/address.js'
import type { Host } from '../host.js'
import { TunnelDatagramSocket } from './datagram.js'
import { abortError, lookupError } from './errors.js'
import { exchangeTcp } from './dns-tcp.js'

export interface LookupAddress {
  readonly address: string
  readonly family: 4 | 6
}

export interface LookupOptions {
  /** 4 or 6 for such addresses only. @default 0, both, IPv6 first */
  readonly family?: number
  readonly signal?: AbortSignal
}

/** How long a server may take, and how often all of them are asked (resolv.conf(5) has 5 s and 2). */
const TIMEOUT_MS = 2500
const ROUNDS = 2
const DNS_PORT = 53

type Kind = 'A' | 'AAAA'

export class Resolver {
  readonly #host: Host
  readonly #servers: readonly string[]
  readonly #search: readonly string[]

  constructor(host: Host, servers: readonly string[], search: readonly string[]) {
    this.#host = host
    this.#servers = servers
    this.#search = search
    for (const server of servers) {
      if (isIP(server) === 0) throw new TypeError(`"${server}" is no IP address: a DNS server is named by one`)
    }
  }

  /**
   * All addresses of `name`, those of the families that the stack has. An address is its own answer. Rejects with the
   * code `ENOTFOUND`, or `EAI_AGAIN` when no server answered.
   */
  async lookup(name: string, options: LookupOptions = {}): Promise<LookupAddress[]> {
    const { signal } = options
    if (signal?.aborted === true) throw abortError(signal)
    const literal = isIP(name) === 0 ? null : parseIp(name)
    if (literal !== null) return [addressOf(withoutMapping(literal))]
    if (this.#servers.length === 0) throw lookupError('ENOTFOUND', name, 'the network was opened without DNS servers')
    const kinds = this.#kinds(options.family ?? 0)
    let mayRetry = false
    for (const candidate of candidates(name, this.#search)) {
      const results = await Promise.all(kinds.map((kind) => this.#resolve(candidate, kind, signal)))
      const addresses = results.flatMap((result) => result ?? [])
      if (addresses.length > 0) return addresses
      mayRetry = results.some((result) => result === null)
      if (mayRetry) break
    }
    throw lookupError(mayRetry ? 'EAI_AGAIN' : 'ENOTFOUND', name)
  }

  #kinds(family: number): Kind[] {
    const has = (bytes: number): boolean => this.#host.stack.addresses.some((address) => address.length === bytes)
    const kinds: Kind[] = []
    if (family !== 4 && has(16)) kinds.push('AAAA')
    if (family !== 6 && has(4)) kinds.push('A')
    return kinds
  }

  /** `null` when no server knew. */
  async #resolve(name: string, kind: Kind, signal: AbortSignal | undefined): Promise<LookupAddress[] | null> {
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of this.#servers) {
        try {
          const found = await ask(this.#host, server, name, kind, signal)
          if (found !== null) return found
        } catch (error) {
          if (signal?.aborted === true) throw error
        }
      }
    }
    return null
  }
}

/** RFC 1035 §2.3.4 and resolv.conf(5): a name with a dot is first tried as it is. */
function candidates(name: string, search: readonly string[]): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const longer = search.map((suffix) => `${name}.${suffix}`)
  return name.includes('.') ? [name, ...longer] : [...longer, name]
}

/** One question to one server. `null` when it could not tell. */
async function ask(
  host: Host,
  server: string,
  name: string,
  kind: Kind,
  signal: AbortSignal | undefined,
): Promise<LookupAddress[] | null> {
  // Loaded late: CommonJS, and of no use to whoever connects to addresses.
  const { default: dns } = await import('dns-packet')
  // RFC 5452 §4.3, §4.5: identifier and source port are random.
  const id = randomInt(65536)
  const query = dns.encode({
    ...{ type: 'query', id, flags: dns.RECURSION_DESIRED },
    questions: [{ type: kind, name }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  })
  const accept = (message: Uint8Array): Packet | null => {
    try {
      const reply = dns.decode(Buffer.from(message))
      const [question] = reply.questions ?? []
      // RFC 5452 §4.2: it answers the question that was asked.
      const isOurs =
        reply.type === 'response' && reply.id === id && question?.type === kind && isSameName(question.name, name)
      return isOurs ? reply : null
    } catch {
      return null
    }
  }
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  let reply = await exchangeUdp(host, server, query, accept, either)
  // RFC 1035 §4.2.1, TC.
  if (((reply.flags ?? 0) & dns.TRUNCATED_RESPONSE) !== 0)
    reply = await exchangeTcp(host, server, query, accept, either)
  const code = (reply.flags ?? 0) & 15
  if (code !== 0 && code !== 3) return null
  return addressesOf(reply.answers ?? [], name, kind)
}

/** How many aliases in a row are followed, and addresses taken: more than any honest name has. One by one they are tried. */
const MOST_ALIASES = 16
const MOST_ADDRESSES = 32

/** Follows CNAMEs (RFC 1034 §3.6.2); what was not asked for is not believed. */
function addressesOf(answers: readonly Answer[], name: string, kind: Kind): LookupAddress[] {
  const aliases = new Map<string, string>()
  for (const answer of answers) {
    if (answer.type === 'CNAME') aliases.set(answer.name.toLowerCase(), answer.data.toLowerCase())
  }
  const names = new Set<string>()
  for (let next: string | undefined = name.toLowerCase(); next !== undefined && names.size <= MOST_ALIASES;) {
    names.add(next)
    next = aliases.get(next)
  }
  const addresses: LookupAddress[] = []
  for (const answer of answers) {
    if (answer.type !== kind || !names.has(answer.name.toLowerCase())) continue
    const address = parseIp(answer.data)
    if (address !== null) addresses.push(addressOf(address))
    if (addresses.length === MOST_ADDRESSES) break
  }
  return addresses
}

function addressOf(address: Uint8Array): LookupAddress {
  return { address: formatIp(address), family: address.length === 4 ? 4 : 6 }
}

function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function exchangeUdp(
  host: Host,
  server: string,
  query: Uint8Array,
  accept: (message: Uint8Array) => Packet | null,
  signal: AbortSignal,
): Promise<Packet> {
  return new Promise((resolve, reject) => {
    // A port that takes from the server alone looks closed to everyone else (RFC 5452 §9.2 asks for ports that are not found).
    const socket = new TunnelDatagramSocket(host, { remote: { host: server, port: DNS_PORT } })
    const end = (): void => {
      signal.removeEventListener('abort', onAbort)
      socket.close()
    }
    const fail = (error: unknown): void => {
      end()
      reject(error as Error)
    }
    const onAbort = (): void => fail(abortError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('unreachable', fail)
    socket.on('message', (message: Buffer) => {
      const reply = accept(message)
      if (reply === null) return
      end()
      resolve(reply)
    })
    socket.send(query, DNS_PORT, server).catch(fail)
  })
}
