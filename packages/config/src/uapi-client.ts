/**
 * The cross-platform userspace interface of WireGuard (https://www.wireguard.com/xplatform/), the client's side:
 * requests go out as bytes, answers come in as bytes. Both may hold secret keys: wipe them after use.
 */
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate, PeerSnapshot, PeerUpdate } from '@wireweave/tunnel/config'
import { formatEndpoint, formatPrefix, parseDecimal, parsePrefix } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { isZeroKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { ByteWriter } from './internal/byte-writer.js'
import { protocolError, readAscii, readEndpoint, readHexKey } from './internal/uapi-line.js'
import type { ZoneLookup } from './internal/uapi-line.js'

export function encodeGet(): Uint8Array {
  return Uint8Array.from('get=1\n\n', (character) => character.charCodeAt(0))
}

/** A request that makes the change. The caller wipes it. */
export function encodeSet(update: DeviceUpdate): Uint8Array {
  const out = new ByteWriter()
  out.text('set=1\n')
  if (update.privateKey !== undefined) out.hexLine('private_key', update.privateKey ?? ZERO_KEY)
  if (update.listenPort !== undefined) out.line('listen_port', update.listenPort)
  if (update.fwmark !== undefined) out.line('fwmark', update.fwmark ?? 0)
  if (update.replacePeers === true) out.line('replace_peers', 'true')
  for (const peer of update.peers ?? []) encodePeer(out, peer)
  out.text('\n')
  return out.finish()
}

function encodePeer(out: ByteWriter, peer: PeerUpdate): void {
  out.hexLine('public_key', peer.publicKey)
  if (peer.remove === true) return out.line('remove', 'true')
  if (peer.updateOnly === true) out.line('update_only', 'true')
  if (peer.presharedKey !== undefined) out.hexLine('preshared_key', peer.presharedKey ?? ZERO_KEY)
  if (peer.endpoint !== undefined) out.line('endpoint', formatEndpoint(peer.endpoint))
  if (peer.persistentKeepaliveInterval !== undefined)
    out.line('persistent_keepalive_interval', peer.persistentKeepaliveInterval)
  if (peer.replaceAllowedIps === true) out.line('replace_allowed_ips', 'true')
  for (const prefix of peer.allowedIps ?? [])
    out.line('allowed_ip', `${prefix.remove === true ? '-' : ''}${formatPrefix(prefix)}`)
}

export interface AnswerReaderOptions {
  /** X25519 with the base point: UAPI tells the private key only. */
  readonly publicKeyOf: (privateKey: PrivateKey) => PublicKey
  /** Interface index of a zone that is not a number. */
  readonly zoneIndex?: ZoneLookup
  /** Bytes of an answer; 128 MiB when absent: one of 100 000 peers with a few allowed IPs has about 50 MiB. */
  readonly maxBytes?: number
}

type MutablePeer = { -readonly [K in keyof PeerSnapshot]: PeerSnapshot[K] } & { readonly allowedIps: IpPrefix[] }

/**
 * Reads one answer from the chunks it comes in, in time linear in its length. Keys it does not know are passed over;
 * anything else that is not as it must be throws a `WireGuardError` that repeats nothing of it.
 */
export class AnswerReader {
  readonly #options: AnswerReaderOptions
  readonly #line = new Uint8Array(1024)
  #lineBytes = 0
  #bytes = 0
  #errno: number | null = null
  #isComplete = false
  #privateKey: PrivateKey | null = null
  #publicKey: PublicKey | null = null
  #listenPort = 0
  #fwmark: number | null = null
  #handshakeSeconds = 0n
  #prefixes = 0
  readonly #peers: MutablePeer[] = []
  readonly #presharedKeys: (PresharedKey | null)[] = []

  constructor(options: AnswerReaderOptions) {
    this.#options = options
  }

  /** Whether the blank line was there that ends an answer; what follows it is ignored. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** 0, or the error number of the other side, never negative. Throws when the answer is not complete. */
  get errno(): number {
    if (!this.#isComplete) throw protocolError('the answer breaks off')
    return this.#errno!
  }

  /** Of a `get` that succeeded. The secrets are the caller's to wipe. */
  get device(): { readonly snapshot: DeviceSnapshot; readonly secrets: DeviceSecrets } {
    const snapshot = {
      publicKey: this.#publicKey,
      listenPort: this.#listenPort,
      fwmark: this.#fwmark,
      peers: this.#peers,
    }
    return { snapshot, secrets: { privateKey: this.#privateKey, presharedKeys: this.#presharedKeys } }
  }

  read(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    const most = this.#options.maxBytes ?? MOST_BYTES
    if (this.#bytes > most) throw protocolError(`the answer has more than ${most} bytes`)
    for (let start = 0; start < chunk.length && !this.#isComplete;) {
      const newline = chunk.indexOf(NEWLINE, start)
      const end = newline < 0 ? chunk.length : newline
      const part = chunk.subarray(start, end)
      if (this.#lineBytes + part.length > this.#line.length)
        throw protocolError('the answer has a line that is too long')
      this.#line.set(part, this.#lineBytes)
      this.#lineBytes += part.length
      if (newline < 0) return
      start = newline + 1
      const line = this.#line.subarray(0, this.#lineBytes)
      this.#lineBytes = 0
      if (line.length > 0) this.#readLine(line)
      else this.#end()
      line.fill(0)
    }
  }

  /** Wipes what was read: the end of an answer that came to nothing. */
  wipe(): void {
    this.#line.fill(0)
    this.#privateKey?.fill(0)
    for (const key of this.#presharedKeys) key?.fill(0)
  }

  #end(): void {
    if (this.#errno === null) throw protocolError('the answer has no errno')
    // Once: it takes longer than all of a peer, and an answer may have any number of keys.
    if (this.#privateKey !== null) this.#publicKey = this.#options.publicKeyOf(this.#privateKey)
    this.#isComplete = true
  }

  #readLine(line: Uint8Array): void {
    const equals = line.indexOf(EQUALS)
    if (equals < 0) throw protocolError('the answer has a line that is not key=value')
    const key = readAscii(line, 0, Math.min(equals, 32))
    const at = equals + 1
    const isRead =
      key === 'public_key' || this.#peers.length === 0
        ? this.#readDeviceLine(key, line, at)
        : this.#readPeerLine(this.#peers.at(-1)!, key, line, at)
    if (!isRead) throw protocolError(`the answer has a value of ${key} that cannot be`)
  }

  #readDeviceLine(key: string, line: Uint8Array, at: number): boolean {
    switch (key) {
      case 'private_key': {
        const privateKey = readHexKey(line, at) as PrivateKey | null
        if (privateKey === null) return false
        this.#privateKey?.fill(0)
        this.#privateKey = isZeroKey(privateKey) ? null : privateKey
        return true
      }
      case 'listen_port':
        return keep(readNumber(line, at, 65535), (port) => (this.#listenPort = port))
      case 'fwmark':
        return keep(readNumber(line, at, 0xffffffff), (mark) => (this.#fwmark = mark || null))
      case 'public_key':
        return keep(readHexKey(line, at) as PublicKey | null, (publicKey) => this.#addPeer(publicKey))
      default:
        return this.#readEither(key, line, at)
    }
  }

  #addPeer(publicKey: PublicKey): void {
    if (this.#peers.length === MOST_PEERS) throw protocolError(`the answer has more than ${MOST_PEERS} peers`)
    this.#presharedKeys.push(null)
    this.#handshakeSeconds = 0n
    this.#peers.push({
      publicKey,
      hasPresharedKey: false,
      endpoint: null,
      persistentKeepaliveInterval: 0,
      allowedIps: [],
      lastHandshakeTimeNs: null,
      rxBytes: 0n,
      txBytes: 0n,
    })
  }

  #readPeerLine(peer: MutablePeer, key: string, line: Uint8Array, at: number): boolean {
    switch (key) {
      case 'preshared_key':
        return keep(readHexKey(line, at) as PresharedKey | null, (presharedKey) => {
          peer.hasPresharedKey = !isZeroKey(presharedKey)
          this.#presharedKeys[this.#presharedKeys.length - 1] = peer.hasPresharedKey ? presharedKey : null
        })
      case 'endpoint': {
        const text = readAscii(line, at, line.length)
        return keep(
          readEndpoint(text, this.#options.zoneIndex ?? (() => null)),
          (endpoint) => (peer.endpoint = endpoint),
        )
      }
      case 'persistent_keepalive_interval':
        return keep(readNumber(line, at, 65535), (seconds) => (peer.persistentKeepaliveInterval = seconds))
      case 'allowed_ip':
        if (++this.#prefixes > MOST_PREFIXES)
          throw protocolError(`the answer has more than ${MOST_PREFIXES} allowed IPs`)
        return keep(parsePrefix(readAscii(line, at, line.length)), (prefix) => peer.allowedIps.push(prefix))
      case 'last_handshake_time_sec':
        return keep(readCounter(line, at), (seconds) => {
          this.#handshakeSeconds = seconds
          peer.lastHandshakeTimeNs = seconds * NS_PER_S || null
        })
      case 'last_handshake_time_nsec':
        return keep(
          readCounter(line, at),
          (ns) => (peer.lastHandshakeTimeNs = this.#handshakeSeconds * NS_PER_S + ns || null),
        )
      case 'rx_bytes':
        return keep(readCounter(line, at), (bytes) => (peer.rxBytes = bytes))
      case 'tx_bytes':
        return keep(readCounter(line, at), (bytes) => (peer.txBytes = bytes))
      default:
        return this.#readEither(key, line, at)
    }
  }

  /** `errno` stands after the last peer, or alone. Whatever else there is, newer daemons have added. */
  #readEither(key: string, line: Uint8Array, at: number): boolean {
    if (key !== 'errno') return true
    const isNegative = line[at] === MINUS
    return keep(readNumber(line, isNegative ? at + 1 : at, 0x7fffffff), (errno) => (this.#errno = errno))
  }
}

const NEWLINE = 10
const MINUS = 45
const EQUALS = 61
const NS_PER_S = 1_000_000_000n
const MOST_BYTES = 128 * 1024 * 1024
/** Short lines become large objects: with these two, 380 MB of them at most. wireguard-go takes 65 536 peers. */
const MOST_PEERS = 2 ** 18
const MOST_PREFIXES = 2 ** 19
const ZERO_KEY: Uint8Array = new Uint8Array(32)

function keep<T>(value: T | null, use: (value: T) => void): boolean {
  if (value === null) return false
  use(value)
  return true
}

function readNumber(line: Uint8Array, at: number, max: number): number | null {
  return parseDecimal(readAscii(line, at, line.length), max)
}

/** Unsigned, 64 bits. */
function readCounter(line: Uint8Array, at: number): bigint | null {
  const text = readAscii(line, at, line.length)
  return /^[0-9]{1,20}$/.test(text) ? BigInt.asUintN(64, BigInt(text)) : null
}
