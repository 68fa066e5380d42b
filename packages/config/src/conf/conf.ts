/**
 * Reads `wg` and `wg-quick` configuration files. Every problem is found in one go and says file, line, key and remedy;
 * none contains a key. Linear in the length of the text, apart from what is said about at most a hundred mistakes.
 */
import type { AllowedIpUpdate } from '@wireweave/tunnel/config'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { parseDocument } from './document.js'
import type { ConfDocument, ConfLine } from './document.js'
import { isAmneziaKey, knownKey, nearestKey } from './internal/keys.js'
import type { KnownKey, SectionName } from './internal/keys.js'
import { listItems, peerName } from './internal/sections.js'
import * as values from './internal/values.js'
import { problemsError, quote } from './problem.js'
import type { ConfProblem } from './problem.js'
import type { Conf, HostEndpoint, InterfaceAddress, PeerConf } from './types.js'

export interface ReadOptions {
  /** Sections of other programs to pass over, such as `socks5` of wireproxy. Lower case. */
  readonly otherSections?: readonly string[]
}

export interface ConfReading {
  /** What could be read; complete only without a problem of severity `error`. */
  readonly conf: Conf
  readonly problems: readonly ConfProblem[]
}

/** Throws a `WireGuardError` with a line for every error; `file` is how messages call the text. */
export function parseConf(text: string, file: string, options: ReadOptions = {}): Conf {
  const { conf, problems } = readConf(text, options)
  if (problems.some((problem) => problem.severity === 'error')) throw problemsError(problems, file)
  return conf
}

/** Reads what can be read and reports the rest. */
export function readConf(text: string, options: ReadOptions = {}): ConfReading {
  if (text.length > MOST_CHARACTERS) {
    const empty = new Reader(parseDocument(''), options)
    empty.report(null, null, 'size', `the file has more than ${MOST_CHARACTERS} characters`, 'Is it the right file?')
    return empty.finish()
  }
  const reader = new Reader(parseDocument(text), options)
  reader.read()
  return reader.finish()
}

const MOST_CHARACTERS = 64 * 1024 * 1024
/** More say nothing new, and must not cost more than the file itself. */
const MOST_PROBLEMS = 1000
/** Lists that are empty say something; keys have a remedy of their own. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set([
  'AllowedIPs',
  'Address',
  'DNS',
  'PrivateKey',
  'PublicKey',
  'PresharedKey',
])
const NO_VALUE = new values.Fault('there is no value', 'Write one, or remove the line.')

class Reader {
  readonly #document: ConfDocument
  readonly #otherSections: ReadonlySet<string>
  readonly #problems: ConfProblem[] = []
  readonly #peers: PeerConf[] = []
  #line = 0
  #privateKey: PrivateKey | null = null
  #listenPort: number | null = null
  #fwmark: number | null = null
  readonly #addresses: InterfaceAddress[] = []
  readonly #dnsServers: IpAddress[] = []
  readonly #dnsSearch: string[] = []
  #mtu: number | null = null
  #table = 'auto'
  readonly #hooks = { preUp: [] as string[], postUp: [] as string[], preDown: [] as string[], postDown: [] as string[] }
  #saveConfig = false

  constructor(document: ConfDocument, options: ReadOptions) {
    this.#document = document
    this.#otherSections = new Set(options.otherSections)
  }

  report(line: number | null, key: string | null, rule: string, message: string, remedy: string): void {
    if (this.#problems.length < MOST_PROBLEMS) {
      this.#problems.push({ severity: 'error', rule, line, key, message, remedy })
    }
  }

  finish(): ConfReading {
    const device = { privateKey: this.#privateKey, listenPort: this.#listenPort, fwmark: this.#fwmark }
    const quick = {
      ...{ addresses: this.#addresses, dnsServers: this.#dnsServers, dnsSearch: this.#dnsSearch },
      ...{ mtu: this.#mtu, table: this.#table, hooks: this.#hooks, saveConfig: this.#saveConfig },
    }
    return { conf: { device, peers: this.#peers, quick, document: this.#document }, problems: this.#problems }
  }

  read(): void {
    for (const { name, start, end } of this.#document.sections) {
      this.#line = start + 1
      if (name === 'peer') this.#readPeer(start, end)
      else if (name === 'interface')
        this.#eachEntry(name, start + 1, end, (key, line) => this.#readInterface(key, line.value))
      else if (name === '') this.#readPreamble(start, end)
      else if (!this.#otherSections.has(name)) this.#reportSection(name)
    }
    const isEmpty = this.#document.sections.every(({ name }) => name !== 'interface' && name !== 'peer')
    if (isEmpty && this.#problems.length === 0) {
      this.report(null, null, 'empty', 'there is no [Interface] section', 'Is it the right file?')
    }
  }

  #reportSection(name: string): void {
    if (name.startsWith('[')) return this.#reportSyntax(this.#document.lines[this.#line - 1]!)
    const meant = ['interfaces', 'inteface', 'interace', 'wginterface', 'device'].includes(name) ? '[Interface]' : null
    const peer = ['peers', 'wireguardpeer', 'wgpeer', 'peer]'].includes(name) ? '[Peer]' : null
    const remedy = (meant ?? peer) ? `Write ${meant ?? peer}.` : 'Sections are [Interface] and [Peer].'
    this.report(this.#line, null, 'unknown-section', `the section ${quote(name)} is unknown`, remedy)
  }

  #readPreamble(start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const line = this.#document.lines[i]!
      this.#line = i + 1
      if (line.kind === 'blank' || line.kind === 'comment') continue
      if (/^\s*(;|\/\/)/.test(line.text) || line.text.includes('\u0000')) this.#reportSyntax(line)
      else this.report(i + 1, null, 'syntax', 'the line precedes the first section', 'Begin the file with [Interface].')
      return
    }
  }

  /** Calls `read` with each known key of the section; it returns what is wrong with the value. */
  #eachEntry(
    section: SectionName,
    start: number,
    end: number,
    read: (key: KnownKey, line: ConfLine) => values.Fault | null,
  ): void {
    for (let i = start; i < end; i++) {
      const line = this.#document.lines[i]!
      this.#line = i + 1
      if (line.kind === 'other') this.#reportSyntax(line)
      if (line.kind !== 'entry') continue
      const key = knownKey(line.name)
      if (key === undefined) this.#reportUnknown(line)
      else if (key.section !== section) this.#reportMisplaced(key)
      else if (line.value === '' && !MAY_BE_EMPTY.has(key.name)) this.#reportFault(key, NO_VALUE)
      else this.#reportFault(key, read(key, line))
    }
  }

  #reportSyntax({ text }: ConfLine): void {
    const trimmed = text.trim()
    if (trimmed.startsWith('[')) {
      this.report(
        this.#line,
        null,
        'syntax',
        'a section stands alone on its line, between [ and ]',
        'Write [Interface] or [Peer].',
      )
    } else if (trimmed.startsWith(';') || trimmed.startsWith('//')) {
      this.report(this.#line, null, 'syntax', 'the line is no comment here', 'Comments begin with #.')
    } else if (trimmed.includes('\u0000')) {
      this.report(this.#line, null, 'syntax', 'the line is not text', 'Is it the right file?')
    } else {
      this.report(this.#line, null, 'syntax', 'the line has no =', 'Write Key = value, or put # in front of a comment.')
    }
  }

  #reportUnknown({ name, text }: ConfLine): void {
    if (this.#problems.length >= MOST_PROBLEMS) return
    const written = text.slice(0, text.indexOf('=')).trim()
    const near = nearestKey(name)
    let remedy = 'Remove it, or put # in front.'
    if (name === '') remedy = 'Write Key = value.'
    else if (near !== null) remedy = `Did you mean ${near.name}?`
    else if (isAmneziaKey(name)) remedy = 'It belongs to AmneziaWG, another protocol; plain WireGuard cannot use it.'
    this.report(this.#line, null, 'unknown-key', `the key ${quote(written)} is unknown`, remedy)
  }

  #reportMisplaced(key: KnownKey): void {
    const right = key.section === 'peer' ? '[Peer]' : '[Interface]'
    const wrong = key.section === 'peer' ? '[Interface]' : '[Peer]'
    const remedy =
      key.name === 'PublicKey' ? 'This side needs PrivateKey; PublicKey goes to [Peer].' : `Move it to ${right}.`
    this.report(this.#line, key.name, 'wrong-section', `it does not belong in ${wrong}`, remedy)
  }

  #reportFault(key: KnownKey, fault: values.Fault | null): void {
    if (fault !== null) this.report(this.#line, key.name, 'value', fault.message, fault.remedy)
  }

  #readInterface(key: KnownKey, value: string): values.Fault | null {
    switch (key.name) {
      case 'PrivateKey':
        return keep(
          values.readKey<PrivateKey>(squeeze(value), 'Make one with "wireweave genkey".'),
          (read) => (this.#privateKey = read),
        )
      case 'ListenPort':
        return keep(values.readPort(squeeze(value)), (port) => (this.#listenPort = port))
      case 'FwMark':
        return keep(values.readFwmark(squeeze(value)), (mark) => (this.#fwmark = mark))
      case 'MTU':
        return keep(values.readMtu(value), (mtu) => (this.#mtu = mtu))
      case 'Table':
        return keep(values.readTable(value), (table) => (this.#table = table))
      case 'SaveConfig':
        return keep(values.readBoolean(value), (save) => (this.#saveConfig = save))
      case 'Address':
        return this.#readList(key, value, (item) =>
          keep(values.readAddress(item), (address) => this.#addresses.push(address)),
        )
      case 'DNS':
        return this.#readList(key, value, (item) => keep(values.readDns(item), (dns) => this.#addDns(dns)))
      default:
        return this.#readHook(key, value)
    }
  }

  #readHook(key: KnownKey, value: string): null {
    const name = `${key.name[0]!.toLowerCase()}${key.name.slice(1)}` as keyof Conf['quick']['hooks']
    this.#hooks[name].push(value)
    return null
  }

  #addDns(dns: { readonly server: IpAddress } | { readonly search: string }): void {
    if ('server' in dns) this.#dnsServers.push(dns.server)
    else this.#dnsSearch.push(dns.search)
  }

  /** Reports each bad item of a list, and reads the others. */
  #readList(key: KnownKey, value: string, read: (item: string) => values.Fault | null): null {
    for (const item of listItems(value)) this.#reportFault(key, read(item))
    return null
  }

  #readPeer(start: number, end: number): void {
    let publicKey: PublicKey | null = null
    let hasPublicKey = false
    let presharedKey: PresharedKey | null = null
    let endpoint: HostEndpoint | null = null
    let persistentKeepaliveInterval: number | null = null
    const allowedIps: AllowedIpUpdate[] = []
    let replaceAllowedIps = true
    this.#eachEntry('peer', start + 1, end, (key, { value }) => {
      const text = squeeze(value)
      switch (key.name) {
        case 'PublicKey':
          hasPublicKey = true
          return keep(
            values.readKey<PublicKey>(text, 'Ask the peer for its "wg pubkey".'),
            (read) => (publicKey = read),
          )
        case 'PresharedKey':
          return keep(
            values.readKey<PresharedKey>(text, 'Make one with "wireweave genpsk".'),
            (read) => (presharedKey = read),
          )
        case 'Endpoint':
          return keep(values.readEndpoint(text), (read) => (endpoint = read))
        case 'PersistentKeepalive':
          return keep(values.readKeepalive(text), (seconds) => (persistentKeepaliveInterval = seconds))
        default:
          return this.#readList(key, value, (item) =>
            keep(values.readAllowedIp(item), ({ change, ...prefix }) => {
              allowedIps.push(prefix)
              if (change) replaceAllowedIps = false
            }),
          )
      }
    })
    if (!hasPublicKey) {
      this.report(start + 1, null, 'no-public-key', 'the peer has no PublicKey', 'Add PublicKey = … of the peer.')
    }
    if (publicKey === null) return
    const name = peerName(this.#document, start, end)
    const line = start + 1
    const keys = { name, publicKey, presharedKey, endpoint, persistentKeepaliveInterval }
    this.#peers.push({ ...keys, allowedIps, replaceAllowedIps, line })
  }
}

/** Keeps a value that could be read, passes a fault on. */
function keep<T>(read: T | values.Fault, use: (value: T) => void): values.Fault | null {
  if (read instanceof values.Fault) return read
  use(read)
  return null
}

/** `wg` ignores white space anywhere in its values. */
function squeeze(value: string): string {
  return value.replaceAll(/\s+/g, '')
}
