/** What is allowed but will not do what it seems to, or is often a mistake. */
import { formatIp, formatPrefix, maskPrefix, parseIp } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import type { ConfLine } from './document.js'
import { readConf } from './conf.js'
import type { ConfReading, ReadOptions } from './conf.js'
import { knownKey } from './internal/keys.js'
import { overlaps } from './internal/overlap.js'
import { listItems } from './internal/sections.js'
import { Fault, readAddress } from './internal/values.js'
import type { ConfProblem } from './problem.js'
import type { Conf, PeerConf } from './types.js'

export interface LintOptions extends ReadOptions {
  /** Permission bits of the file, as of `stat`; without them they are not looked at. */
  readonly mode?: number
  /** Curve25519, to see whether a peer has our own key; without it that is not looked at. */
  readonly publicKeyOf?: (privateKey: PrivateKey) => PublicKey
}

/** Everything there is to say about a file, in the order of its lines; errors included. */
export function lintConf(text: string, options: LintOptions = {}): readonly ConfProblem[] {
  const reading = readConf(text, options)
  const linter = new Linter(reading, options)
  linter.checkFile()
  linter.checkLines()
  linter.checkInterface()
  linter.checkPeers()
  linter.checkRoutes()
  return linter.problems.sort((left, right) => (left.line ?? 0) - (right.line ?? 0))
}

type Severity = 'warning' | 'hint'

const MOST_FINDINGS = 1000
const MOST_SERVERS = 16
const WIREGUARD_OVERHEAD_V6 = 80
const IPV6_MIN_MTU = 1280

class Linter {
  readonly problems: ConfProblem[]
  readonly #conf: Conf
  readonly #lines: readonly ConfLine[]
  readonly #options: LintOptions
  /** Lines of the headers of sections with an error, from 1: what they lack may be what could not be read. */
  readonly #broken = new Set<number>()

  constructor({ conf, problems }: ConfReading, options: LintOptions) {
    this.problems = [...problems]
    this.#conf = conf
    this.#lines = conf.document.lines
    this.#options = options
    const errors = new Set(problems.map((problem) => problem.line))
    for (const { start, end } of conf.document.sections) {
      for (let i = start; i < end; i++) if (errors.has(i + 1)) this.#broken.add(start + 1)
    }
  }

  checkFile(): void {
    const { mode } = this.#options
    const hasSecret =
      this.#conf.device.privateKey !== null || this.#conf.peers.some((peer) => peer.presharedKey !== null)
    if (mode !== undefined && hasSecret && (mode & 0o007) !== 0) {
      this.#add(
        'warning',
        'world-readable',
        null,
        null,
        'everybody on this machine can read the keys in it',
        'Run chmod 600 on it.',
      )
    }
    if (this.#lines[0]?.text.startsWith('\uFEFF')) {
      this.#add(
        'warning',
        'byte-order-mark',
        1,
        null,
        'the file begins with a byte order mark, which wg does not take',
        'Save it as UTF-8 without BOM.',
      )
    }
    let interfaces = 0
    for (const { name, start } of this.#conf.document.sections) {
      if (name !== 'interface' || ++interfaces === 1) continue
      this.#add(
        'warning',
        'repeated-section',
        start + 1,
        null,
        'a second [Interface] adds to the first',
        'Join the two.',
      )
    }
  }

  checkLines(): void {
    for (const { name, start, end } of this.#conf.document.sections) {
      const seen = new Map<string, number>()
      for (let i = start; i < end; i++) {
        const line = this.#lines[i]!
        const key = line.kind === 'entry' ? knownKey(line.name) : undefined
        if (key === undefined || key.section !== name) continue
        const first = seen.get(line.name)
        if (first === undefined) seen.set(line.name, i + 1)
        else if (!key.repeats) {
          const remedy =
            line.name === 'publickey' ? 'Is a [Peer] missing in front? Else remove one.' : 'Remove one of them.'
          this.#add('warning', 'duplicate-key', i + 1, key.name, `it is also on line ${first}; this one counts`, remedy)
        }
        if (key.name === 'AllowedIPs') this.#checkHostBits(line, i + 1)
        if (key.name === 'Endpoint') this.#checkBrackets(line, i + 1)
      }
    }
  }

  #checkHostBits(line: ConfLine, number: number): void {
    for (const item of listItems(line.value)) {
      const parsed = readAddress(item.replace(/^[+-]/, ''))
      if (parsed instanceof Fault) continue
      const network = maskPrefix(parsed.address, parsed.length)
      if (formatIp(network.address) === formatIp(parsed.address)) continue
      const meant = parsed.address.length === 4 ? 32 : 128
      const remedy = `Write that, or ${formatIp(parsed.address)}/${meant} for the one address.`
      this.#add(
        'warning',
        'host-bits',
        number,
        'AllowedIPs',
        `${formatPrefix(parsed)} is the network ${formatPrefix(network)}`,
        remedy,
      )
    }
  }

  #checkBrackets(line: ConfLine, number: number): void {
    const value = line.value.replaceAll(/\s+/g, '')
    const colon = value.lastIndexOf(':')
    const host = value.slice(0, colon)
    if (
      host.startsWith('[') ||
      !host.includes(':') ||
      parseIp(host.split('%', 1)[0]!) === null ||
      parseIp(value) !== null
    )
      return
    const port = value.slice(colon + 1)
    this.#add(
      'warning',
      'brackets',
      number,
      'Endpoint',
      `an IPv6 address without brackets: port ${port} of ${host} is meant`,
      `Write [${host}]:${port}.`,
    )
  }

  checkInterface(): void {
    const { device, quick, peers } = this.#conf
    const header = this.#conf.document.sections.find(({ name }) => name === 'interface')
    if (header !== undefined && device.privateKey === null && !this.#broken.has(header.start + 1)) {
      this.#add(
        'warning',
        'no-private-key',
        header.start + 1,
        null,
        'the interface has no PrivateKey: no handshake will succeed',
        'Add one, made with "wireweave genkey".',
      )
    }
    if (quick.mtu !== null) this.#checkMtu(quick.mtu)
    const seen = new Set<string>()
    for (const { address } of quick.addresses) {
      const text = formatIp(address)
      if (seen.has(text))
        this.#add(
          'warning',
          'duplicate-address',
          this.#lineOf('address', text),
          'Address',
          `${text} occurs twice`,
          'Remove one of them.',
        )
      seen.add(text)
    }
    for (const peer of peers) {
      for (const { address, length, remove } of peer.allowedIps) {
        if (remove === true || length !== address.length * 8 || !seen.has(formatIp(address))) continue
        this.#add(
          'warning',
          'own-address',
          peer.line,
          'AllowedIPs',
          `${formatIp(address)} is this interface's own Address`,
          "Use the peer's address here.",
        )
      }
    }
  }

  #checkMtu(mtu: number): void {
    const line = this.#lineOf('mtu')
    const { quick, peers } = this.#conf
    const isV6 = ({ address }: { address: Uint8Array }): boolean => address.length === 16
    if (mtu < IPV6_MIN_MTU && (quick.addresses.some(isV6) || peers.some((peer) => peer.allowedIps.some(isV6)))) {
      this.#add(
        'warning',
        'mtu',
        line,
        'MTU',
        `IPv6 needs at least ${IPV6_MIN_MTU}: it will not work with ${mtu}`,
        `Use ${IPV6_MIN_MTU} or more, or no IPv6.`,
      )
    } else if (mtu < 576) {
      this.#add(
        'warning',
        'mtu',
        line,
        'MTU',
        `${mtu} is less than the 576 every IPv4 host may send`,
        'Use 1280 to 1420.',
      )
    } else if (mtu > 65535 - WIREGUARD_OVERHEAD_V6) {
      this.#add(
        'warning',
        'mtu',
        line,
        'MTU',
        `a packet of ${mtu} and WireGuard's ${WIREGUARD_OVERHEAD_V6} fit no datagram`,
        'Use 1420.',
      )
    } else if (mtu > 1440) {
      this.#add(
        'warning',
        'mtu',
        line,
        'MTU',
        `${mtu} and WireGuard's ${WIREGUARD_OVERHEAD_V6} exceed the 1500 of most networks`,
        'Use 1420, or remove the line to find out.',
      )
    }
  }

  checkPeers(): void {
    const { device, peers } = this.#conf
    const own =
      device.privateKey !== null && this.#options.publicKeyOf
        ? formatKey(this.#options.publicKeyOf(device.privateKey))
        : null
    const seen = new Map<string, number>()
    for (const peer of peers) {
      const key = formatKey(peer.publicKey)
      const first = seen.get(key)
      if (first === undefined) seen.set(key, peer.line)
      else
        this.#add(
          'warning',
          'duplicate-peer',
          peer.line,
          null,
          `the peer of line ${first} again; this one's AllowedIPs count`,
          'Join the two, or give this one its own PublicKey.',
        )
      if (key === own)
        this.#add(
          'warning',
          'own-key',
          peer.line,
          'PublicKey',
          'it is the key of this interface itself',
          "Use the peer's public key.",
        )
      if (this.#broken.has(peer.line)) continue
      if (peer.allowedIps.length === 0) {
        this.#add(
          'warning',
          'no-allowed-ips',
          peer.line,
          null,
          'the peer has no AllowedIPs: no packet goes to or comes from it',
          'Add the addresses behind it.',
        )
      }
      this.#checkKeepalive(peer)
    }
  }

  #checkKeepalive(peer: PeerConf): void {
    const isClient = peer.endpoint !== null && this.#conf.device.listenPort === null
    if (!isClient || peer.persistentKeepaliveInterval !== null) return
    this.#add(
      'hint',
      'keepalive',
      peer.line,
      null,
      'without PersistentKeepalive the peer cannot reach us once a NAT has forgotten us',
      'Add PersistentKeepalive = 25 if we are behind one.',
    )
  }

  checkRoutes(): void {
    const { peers, quick } = this.#conf
    const prefixes = peers.flatMap((peer, owner) =>
      peer.allowedIps.filter(({ remove }) => remove !== true).map((prefix) => ({ prefix, owner })),
    )
    for (const { inner, outer, same } of overlaps(prefixes, MOST_FINDINGS)) {
      const [from, to] = [peers[outer.owner]!, peers[inner.owner]!]
      if (formatKey(from.publicKey) === formatKey(to.publicKey)) continue
      const text = formatPrefix(inner.prefix)
      if (same)
        this.#add(
          'warning',
          'overlap',
          to.line,
          'AllowedIPs',
          `${text} is taken from the peer of line ${from.line}`,
          'Give it to one of them.',
        )
      else
        this.#add(
          'hint',
          'overlap',
          to.line,
          'AllowedIPs',
          `${text} is cut out of ${formatPrefix(outer.prefix)} of line ${from.line}`,
          'Fine if that is meant.',
        )
    }
    if (quick.table === 'off' || quick.addresses.length === 0) return
    const all = (bytes: number): boolean =>
      prefixes.some(({ prefix }) => prefix.address.length === bytes && prefix.length === 0)
    const owns = (bytes: number): boolean => quick.addresses.some(({ address }) => address.length === bytes)
    if (all(4) && !all(16))
      this.#add(
        'hint',
        'leak',
        null,
        'AllowedIPs',
        'all of IPv4 goes through the tunnel, IPv6 around it',
        'Add ::/0 unless that is meant.',
      )
    if (all(16) && !owns(16))
      this.#add(
        all(4) ? 'hint' : 'warning', // Beside all of IPv4 ::/0 keeps IPv6 from going around the tunnel.
        'no-source',
        null,
        'Address',
        'IPv6 goes into the tunnel and no further: the interface has no IPv6 address',
        all(4) ? 'Fine if IPv6 is to be blocked, else add one.' : 'Add one, or remove ::/0.',
      )
    if (all(4) && !owns(4))
      this.#add(
        'warning',
        'no-source',
        null,
        'Address',
        'IPv4 goes through the tunnel, but the interface has no IPv4 address',
        'Add one, or remove 0.0.0.0/0.',
      )
    for (const server of quick.dnsServers.slice(0, MOST_SERVERS)) this.#checkServer(server, prefixes)
  }

  #checkServer(server: Uint8Array, prefixes: readonly { readonly prefix: IpPrefix }[]): void {
    const isInside = ({ prefix }: { readonly prefix: IpPrefix }): boolean =>
      prefix.address.length === server.length &&
      formatIp(maskPrefix(server, prefix.length).address) === formatIp(prefix.address)
    if (prefixes.some(isInside)) return
    this.#add(
      'hint',
      'dns',
      this.#lineOf('dns', formatIp(server)),
      'DNS',
      `${formatIp(server)} is not reached through the tunnel`,
      "Add it to a peer's AllowedIPs if it should be.",
    )
  }

  /** The last line of a key, or the last that contains `text`. */
  #lineOf(name: string, text: string = ''): number | null {
    if (this.problems.length >= MOST_FINDINGS) return null
    const at = this.#lines.findLastIndex(
      (line) => line.kind === 'entry' && line.name === name && line.value.includes(text),
    )
    return at < 0 ? null : at + 1
  }

  #add(
    severity: Severity,
    rule: string,
    line: number | null,
    key: string | null,
    message: string,
    remedy: string,
  ): void {
    if (this.problems.length < MOST_FINDINGS) this.problems.push({ severity, rule, line, key, message, remedy })
  }
}
