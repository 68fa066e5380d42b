/** The words of `wg set` after the interface, such as `listen-port 51820 peer … allowed-ips 10.0.0.0/8`. */
import type { AllowedIpUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { listItems } from './conf/internal/sections.js'
import {
  Fault,
  readAllowedIp,
  readEndpoint,
  readFwmark,
  readKeepalive,
  readKey,
  readPort,
} from './conf/internal/values.js'
import { quote } from './conf/problem.js'
import type { HostEndpoint } from './conf/types.js'

/** What the words ask for. Absent: not mentioned. Keys are still in their files, host names not yet looked up. */
export interface SetWords {
  readonly privateKeyFile?: string
  readonly listenPort?: number
  /** 0: none. */
  readonly fwmark?: number
  /** In order; a public key may occur more than once. */
  readonly peers: readonly SetPeerWords[]
}

export interface SetPeerWords {
  readonly publicKey: PublicKey
  readonly remove?: boolean
  readonly presharedKeyFile?: string
  readonly endpoint?: HostEndpoint
  /** Seconds; 0: off. */
  readonly persistentKeepaliveInterval?: number
  readonly allowedIps?: readonly AllowedIpUpdate[]
  /** Whether the list is all there is, or, with `+` and `-`, changes what there is. */
  readonly replaceAllowedIps?: boolean
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
interface PeerDraft extends Mutable<SetPeerWords> {
  allowedIps?: AllowedIpUpdate[]
}
interface Draft extends Mutable<SetWords> {
  readonly peers: PeerDraft[]
}

/** Throws a `WireGuardError` that names the word. No value is repeated that may be a key. */
export function readSetWords(words: readonly string[]): SetWords {
  const draft: Draft = { peers: [] }
  for (let at = 0; at < words.length;) {
    const word = words[at]!
    const peer = draft.peers.at(-1)
    if (word === 'remove' && peer !== undefined) {
      peer.remove = true
      at += 1
      continue
    }
    const read = READERS.get(word)
    if (read === undefined)
      throw invalid(`${quote(word)} is no word of set`, 'Words are those of "wireweave help set".')
    if (word === 'remove' || (PEER_WORDS.has(word) && peer === undefined))
      throw invalid(`${word} stands before the first peer`, `Write peer and its public key before ${word}.`)
    if (DEVICE_WORDS.has(word) && peer !== undefined)
      throw invalid(`${word} belongs to the interface`, `Write it before the first peer.`)
    const value = words[at + 1]
    if (value === undefined) throw invalid(`${word} has no value`, `Write ${word} ${EXAMPLES.get(word)}.`)
    const fault = read(value, draft, peer!)
    if (fault !== null) throw invalid(`${word}: ${fault.message}`, fault.remedy)
    at += 2
  }
  return draft
}

const DEVICE_WORDS: ReadonlySet<string> = new Set(['listen-port', 'fwmark', 'private-key'])
const PEER_WORDS: ReadonlySet<string> = new Set(['preshared-key', 'endpoint', 'persistent-keepalive', 'allowed-ips'])
const EXAMPLES: ReadonlyMap<string, string> = new Map([
  ['listen-port', '51820'],
  ['fwmark', '0xca6c, or off'],
  ['private-key', 'FILE'],
  ['peer', 'and a public key'],
  ['preshared-key', 'FILE'],
  ['endpoint', 'host:51820'],
  ['persistent-keepalive', '25, or off'],
  ['allowed-ips', '10.0.0.2/32,…'],
])

type Read = (value: string, draft: Draft, peer: PeerDraft) => Fault | null

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['remove', () => null],
  ['listen-port', (value, draft) => keep(readPort(value), (port) => (draft.listenPort = port))],
  ['fwmark', (value, draft) => keep(readFwmark(value), (mark) => (draft.fwmark = mark))],
  ['private-key', (value, draft) => keep(value, (file) => (draft.privateKeyFile = file))],
  [
    'peer',
    (value, draft) =>
      keep(readKey<PublicKey>(value, 'Ask the peer for its "wg pubkey".'), (publicKey) =>
        draft.peers.push({ publicKey }),
      ),
  ],
  ['preshared-key', (value, _, peer) => keep(value, (file) => (peer.presharedKeyFile = file))],
  ['endpoint', (value, _, peer) => keep(readEndpoint(value), (endpoint) => (peer.endpoint = endpoint))],
  [
    'persistent-keepalive',
    (value, _, peer) => keep(readKeepalive(value), (seconds) => (peer.persistentKeepaliveInterval = seconds)),
  ],
  ['allowed-ips', (value, _, peer) => readAllowedIps(value, peer)],
])

function readAllowedIps(value: string, peer: PeerDraft): Fault | null {
  peer.allowedIps ??= []
  let isChange = peer.replaceAllowedIps === false
  for (const item of listItems(value)) {
    const read = readAllowedIp(item)
    if (read instanceof Fault) return read
    const { change, ...prefix } = read
    if (change) isChange = true
    peer.allowedIps.push(prefix)
  }
  peer.replaceAllowedIps = !isChange
  return null
}

function keep<T>(read: T | Fault, use: (value: T) => unknown): Fault | null {
  if (read instanceof Fault) return read
  use(read)
  return null
}

function invalid(message: string, remedy: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `set: ${message}. ${remedy}`)
}
