/**
 * Configuration files of wireproxy: a wg-quick file, or the path of one, and sections that say what to open. A plain
 * wg-quick file is one without such sections.
 */
import { parseDocument } from '@wireweave/config/conf-document'
import type { ConfLine } from '@wireweave/config/conf-document'
import { problemsError, quote } from '@wireweave/config/conf-problem'
import type { ConfProblem } from '@wireweave/config/conf-problem'
import { parseDecimal, parseIp } from '@wireweave/tunnel/ip'
import { parseTarget } from './address.js'
import type { Credentials } from './credentials.js'
import type { Target } from './dialer.js'
import type { Place } from './listening.js'
import type { ServiceOptions } from './proxy.js'

export interface WireproxyConf {
  /** The tunnel's part as text, every line where it was. */
  readonly tunnelText: string
  /** `WGConfig`: the tunnel is described by that file instead. */
  readonly tunnelFile: string | null
  readonly services: readonly ServiceOptions[]
  /** Files that an HTTP proxy with TLS needs, in the order of its services; `null` for those without. */
  readonly certificates: ReadonlyMap<ServiceOptions, { readonly cert: string; readonly key: string }>
  /** `[STDIOTunnel]`: standard input and output are a connection to there. */
  readonly stdio: Target | null
  /** `[Resolve]`: which addresses of names count. */
  readonly family: 0 | 4 | 6
  /** Ready means that these answer pings. */
  readonly checkAlive: readonly string[]
  readonly checkAliveSeconds: number
}

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  socks5: ['bindaddress', 'username', 'password'],
  http: ['bindaddress', 'username', 'password', 'certfile', 'keyfile'],
  tcpclienttunnel: ['bindaddress', 'target'],
  tcpservertunnel: ['listenport', 'target'],
  stdiotunnel: ['target'],
  udpproxytunnel: ['bindaddress', 'target', 'inactivitytimeout'],
  resolve: ['resolvestrategy'],
}

/** Throws a `WireGuardError` with a line for every mistake. `environment` gives the values that are written as `$NAME`. */
export function readWireproxyConf(
  text: string,
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): WireproxyConf {
  const reader = new Reader(environment)
  const { lines, sections } = parseDocument(text)
  const own = new Set<number>()
  const expanded = new Map<number, string>()
  for (const { name, start, end } of sections) {
    if (Object.hasOwn(SECTIONS, name)) {
      for (let i = start; i < end; i++) own.add(i)
      reader.readSection(name, lines, start, end)
      continue
    }
    for (let i = start; i < end; i++) {
      const line = lines[i]!
      if (line.kind !== 'entry') continue
      if (reader.readOwnKey(name, line, i)) own.add(i)
      else if (line.value.startsWith('$')) expanded.set(i, reader.expandLine(line, i))
    }
  }
  if (reader.problems.length > 0) throw problemsError(reader.problems, file)
  const tunnelText = lines.map((line, i) => (own.has(i) ? '\n' : (expanded.get(i) ?? line.text))).join('')
  const { tunnelFile, services, certificates, stdio, family, checkAlive, checkAliveSeconds } = reader
  return { tunnelText, tunnelFile, services, certificates, stdio, family, checkAlive, checkAliveSeconds }
}

type Values = ReadonlyMap<string, { readonly value: string; readonly line: number }>

class Reader {
  readonly problems: ConfProblem[] = []
  readonly services: ServiceOptions[] = []
  readonly certificates = new Map<ServiceOptions, { cert: string; key: string }>()
  tunnelFile: string | null = null
  stdio: Target | null = null
  family: 0 | 4 | 6 = 0
  checkAlive: string[] = []
  checkAliveSeconds = 5
  readonly #environment: Readonly<Record<string, string | undefined>>
  #line = 0
  #isExpanded = false

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment
  }

  /** Keys of wireproxy among those of wg-quick. */
  readOwnKey(section: string, line: ConfLine, index: number): boolean {
    this.#line = index + 1
    if (section === '' && line.name === 'wgconfig') {
      this.tunnelFile = this.#expand('WGConfig', line.value)
      return true
    }
    if (section !== 'interface') return false
    if (line.name === 'checkalive') {
      for (const item of line.value.split(',').map((address) => address.trim())) {
        if (parseIp(item) === null) this.#report('CheckAlive', `${quote(item)} is no IP address`, 'Name addresses.')
        else this.checkAlive.push(item)
      }
      return true
    }
    if (line.name !== 'checkaliveinterval') return false
    this.checkAliveSeconds = this.#number('CheckAliveInterval', line.value, 1, 86_400)
    return true
  }

  /** The line with its variable's value, such as a key that shall not be in the file. */
  expandLine(line: ConfLine, index: number): string {
    this.#line = index + 1
    const value = this.#expand(null, line.value)
    return line.text.replace(line.value, () => value)
  }

  readSection(name: string, lines: readonly ConfLine[], start: number, end: number): void {
    const values = new Map<string, { value: string; line: number }>()
    for (let i = start + 1; i < end; i++) {
      const line = lines[i]!
      this.#line = i + 1
      if (line.kind === 'other') this.#report(null, 'the line has no =', 'Write Key = value.')
      if (line.kind !== 'entry') continue
      if (SECTIONS[name]!.includes(line.name)) values.set(line.name, { value: line.value, line: i + 1 })
      else this.#report(null, `the key ${quote(line.name)} is unknown here`, 'Remove it, or put # in front.')
    }
    this.#line = start + 1
    this.#open(name, values)
  }

  #open(name: string, values: Values): void {
    switch (name) {
      case 'socks5':
        this.services.push({ kind: 'socks5', ...this.#place(values), credentials: this.#credentials(values) })
        return
      case 'http':
        this.#openHttp(values)
        return
      case 'tcpclienttunnel':
        this.services.push({
          kind: 'forward',
          protocol: 'tcp',
          ...this.#place(values),
          target: this.#target(values),
        })
        return
      case 'tcpservertunnel': {
        const port = this.#number('ListenPort', this.#text(values, 'ListenPort') ?? '', 0, 65535)
        this.services.push({ kind: 'reverse', protocol: 'tcp', port, target: this.#target(values) })
        return
      }
      case 'udpproxytunnel':
        this.#openUdp(values)
        return
      case 'stdiotunnel':
        this.stdio = this.#target(values)
        return
      default:
        this.#readStrategy(this.#text(values, 'ResolveStrategy') ?? 'auto')
    }
  }

  #openHttp(values: Values): void {
    const service: ServiceOptions = { kind: 'http', ...this.#place(values), credentials: this.#credentials(values) }
    this.services.push(service)
    const [cert, key] = [this.#text(values, 'CertFile'), this.#text(values, 'KeyFile')]
    if (cert !== null && key !== null) this.certificates.set(service, { cert, key })
    else if (cert !== key) this.#report(null, 'CertFile and KeyFile go together', 'Add the other one.')
  }

  #openUdp(values: Values): void {
    const idle = this.#text(values, 'InactivityTimeout')
    const seconds = idle === null ? 0 : this.#number('InactivityTimeout', idle, 0, 86_400)
    const udp = { kind: 'forward', protocol: 'udp', ...this.#place(values), target: this.#target(values) } as const
    // 0 is no limit for wireproxy; ours is the default then, as flows are bounded.
    this.services.push(seconds === 0 ? udp : { ...udp, idleMs: seconds * 1000 })
  }

  #readStrategy(strategy: string): void {
    const families: Readonly<Record<string, 0 | 4 | 6>> = { auto: 0, ipv4: 4, ipv6: 6 }
    const lower = strategy.toLowerCase()
    const family = Object.hasOwn(families, lower) ? families[lower] : undefined
    if (family === undefined)
      this.#report('ResolveStrategy', `${this.#quote(strategy)} is none`, 'Use auto, ipv4 or ipv6.')
    else this.family = family
  }

  #place(values: Values): Place {
    const text = this.#text(values, 'BindAddress')
    const nowhere = { host: '127.0.0.1', port: 0 }
    if (text === null) {
      this.#report('BindAddress', 'it is missing', 'Add BindAddress = 127.0.0.1:1080, with your port.')
      return nowhere
    }
    // Go's form for every address.
    const target = parseTarget(text.startsWith(':') ? `[::]${text}` : text)
    if (target !== null) return target
    this.#report('BindAddress', `${this.#quote(text)} is no address with a port`, 'Write 127.0.0.1:1080 or [::1]:1080.')
    return nowhere
  }

  #target(values: Values): Target {
    const text = this.#text(values, 'Target')
    const target = text === null ? null : parseTarget(text)
    if (target !== null) return target
    this.#report(
      'Target',
      text === null ? 'it is missing' : `${this.#quote(text)} is no host with a port`,
      'Write host:port.',
    )
    return { host: '0.0.0.0', port: 1 }
  }

  #credentials(values: Values): Credentials | undefined {
    const username = this.#text(values, 'Username') ?? ''
    const password = this.#text(values, 'Password') ?? ''
    if (username === '' && password === '') return undefined
    if (password === '') this.#report('Password', 'it is missing', 'Add one, or remove Username too.')
    for (const text of [username, password]) {
      if (Buffer.byteLength(text) > 255)
        this.#report(null, 'the name or password has more than 255 bytes', 'Shorten it.')
    }
    return { username, password }
  }

  #text(values: Values, key: string): string | null {
    const entry = values.get(key.toLowerCase())
    if (entry === undefined || entry.value === '') return null
    this.#line = entry.line
    this.#isExpanded = entry.value.startsWith('$')
    return this.#expand(key, entry.value)
  }

  /** What comes from the environment is not shown: it may be there because it is a secret. */
  #quote(text: string): string {
    return this.#isExpanded ? 'the value of the variable' : quote(text)
  }

  /** `$NAME` is the variable, `$$` a dollar sign. */
  #expand(key: string | null, value: string): string {
    if (value.startsWith('$$')) return value.slice(1)
    if (!/^\$[A-Za-z_]\w*$/.test(value)) return value
    const found = this.#environment[value.slice(1)]
    if (found === undefined)
      this.#report(key, `the variable ${value.slice(1)} is not set`, 'Set it, or write $$ for $.')
    // A second line could be a peer.
    else if (/\p{Cc}/u.test(found))
      this.#report(key, `the variable ${value.slice(1)} is more than one line`, 'Remove its control characters.')
    return found ?? ''
  }

  #number(key: string, text: string, least: number, most: number): number {
    const value = parseDecimal(text, most)
    if (value !== null && value >= least) return value
    this.#report(
      key,
      text === '' ? 'it is missing' : `${this.#quote(text)} is not a number in range`,
      `Use ${least} to ${most}.`,
    )
    return least
  }

  #report(key: string | null, message: string, remedy: string): void {
    this.problems.push({ severity: 'error', rule: 'proxy', line: this.#line, key, message, remedy })
  }
}
