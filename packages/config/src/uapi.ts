/**
 * The cross-platform userspace interface of WireGuard (https://www.wireguard.com/xplatform/), the server's side:
 * requests come in as bytes, answers go out as bytes. Both may hold secret keys: wipe them after use.
 */
import { isWireGuardError } from '@wireweave/tunnel/errors'
import type { WireGuardError, WireGuardErrorCode } from '@wireweave/tunnel/errors'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate, PeerSnapshot } from '@wireweave/tunnel/config'
import { formatEndpoint, formatPrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey } from '@wireweave/tunnel/keys'
import { ByteWriter } from './internal/byte-writer.js'
import { configInvalid, protocolError, readAscii } from './internal/uapi-line.js'
import type { ZoneLookup } from './internal/uapi-line.js'
import { SetRequest } from './internal/uapi-set.js'

export type UapiOperation = 'get' | 'set'

export type UapiRequest =
  | { readonly tag: 'get' }
  | { readonly tag: 'set'; readonly update: DeviceUpdate }
  /** The request as a whole is void. Answer with {@link encodeErrno}; the connection can go on. */
  | { readonly tag: 'rejected'; readonly operation: UapiOperation; readonly error: WireGuardError }

export interface UapiReaderOptions {
  /** Bytes of one line, its newline excluded; 1024 when absent. The longest line that can be valid has about 100. */
  readonly maxLineBytes?: number
  /** Bytes of one request; 64 MiB when absent: a `set` of 100 000 peers has about 30 MiB. */
  readonly maxRequestBytes?: number
  /** Interface index of a zone that is not a number, as in `[fe80::1%eth0]:51820`, which `wg` sends. */
  readonly zoneIndex?: ZoneLookup
}

/**
 * Cuts a byte stream into requests, in time linear in its length. One per connection.
 *
 * An invalid line voids its request, which is then skipped up to the blank line that ends it, so that the next one is
 * understood. No error message contains anything that was read: a garbled line may hold a key.
 */
export class UapiReader {
  readonly #line: Uint8Array
  readonly #maxRequestBytes: number
  readonly #zoneIndex: ZoneLookup
  #lineBytes = 0
  #lineNumber = 0
  #requestBytes = 0
  /** What the lines belong to; `null` between requests. */
  #operation: UapiOperation | null = null
  #set: SetRequest | null = null
  #error: WireGuardError | null = null

  constructor(options: UapiReaderOptions = {}) {
    this.#line = new Uint8Array(options.maxLineBytes ?? 1024)
    this.#maxRequestBytes = options.maxRequestBytes ?? 64 * 1024 * 1024
    this.#zoneIndex = options.zoneIndex ?? (() => null)
  }

  /**
   * The requests that `chunk` completes. Throws a `WireGuardError` when the connection has to be closed without an
   * answer: it is not UAPI, or too long.
   */
  *read(chunk: Uint8Array): Generator<UapiRequest, void, undefined> {
    let start = 0
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start)
      const end = newline < 0 ? chunk.length : newline
      this.#append(chunk, start, end)
      if (newline < 0) return
      start = newline + 1
      const request = this.#endLine()
      if (request !== null) yield request
    }
  }

  /** The other side will send no more: a `set` without its blank line counts, as in wireguard-go. */
  *end(): Generator<UapiRequest, void, undefined> {
    if (this.#lineBytes > 0) {
      const request = this.#endLine()
      if (request !== null) yield request
    }
    if (this.#operation === 'set') yield this.#endRequest()
    this.#reset()
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    this.#requestBytes += end - start
    if (this.#requestBytes > this.#maxRequestBytes) {
      this.#reset()
      throw protocolError(`a UAPI request has more than ${this.#maxRequestBytes} bytes; split it`)
    }
    const room = this.#line.length - this.#lineBytes
    if (end - start > room) this.#error ??= protocolError(`line ${this.#lineNumber + 1} of a UAPI request is too long`)
    const taken = chunk.subarray(start, Math.min(end, start + room))
    this.#line.set(taken, this.#lineBytes)
    this.#lineBytes += taken.length
  }

  #endLine(): UapiRequest | null {
    const line = this.#line.subarray(0, this.#lineBytes)
    this.#lineNumber += 1
    this.#requestBytes += 1
    try {
      if (this.#operation === null) {
        this.#begin(line)
        return null
      }
      if (line.length === 0) return this.#endRequest()
      this.#error ??= this.#readLine(line)
      return null
    } finally {
      line.fill(0)
      this.#lineBytes = 0
    }
  }

  #begin(line: Uint8Array): void {
    const text = readAscii(line, 0, Math.min(line.length, 6))
    if (line.length !== 5 || (text !== 'get=1' && text !== 'set=1')) {
      this.#reset()
      throw protocolError('a UAPI request begins with neither get=1 nor set=1')
    }
    this.#operation = text === 'get=1' ? 'get' : 'set'
    this.#set = this.#operation === 'set' ? new SetRequest(this.#zoneIndex) : null
  }

  #readLine(line: Uint8Array): WireGuardError | null {
    if (this.#set === null) return configInvalid('a UAPI get request has a line besides get=1')
    return this.#set.readLine(line, this.#lineNumber)
  }

  #endRequest(): UapiRequest {
    const operation = this.#operation!
    const error = this.#error
    const set = this.#set
    this.#reset()
    if (error !== null) {
      set?.wipe()
      return { tag: 'rejected', operation, error }
    }
    return set === null ? { tag: 'get' } : { tag: 'set', update: set.update }
  }

  #reset(): void {
    this.#line.fill(0)
    this.#lineBytes = 0
    this.#lineNumber = 0
    this.#requestBytes = 0
    this.#operation = null
    this.#set = null
    this.#error = null
  }
}

/** Answer to `get`. The caller wipes it, and `secrets`, after use. */
export function encodeGetAnswer(snapshot: DeviceSnapshot, secrets: DeviceSecrets): Uint8Array {
  const out = new ByteWriter()
  if (secrets.privateKey !== null) out.hexLine('private_key', secrets.privateKey)
  if (snapshot.listenPort !== 0) out.line('listen_port', snapshot.listenPort)
  if (snapshot.fwmark !== null) out.line('fwmark', snapshot.fwmark)
  for (const [i, peer] of snapshot.peers.entries()) encodePeer(out, peer, secrets.presharedKeys[i] ?? null)
  out.text('errno=0\n\n')
  return out.finish()
}

function encodePeer(out: ByteWriter, peer: PeerSnapshot, presharedKey: PresharedKey | null): void {
  const handshakeNs = peer.lastHandshakeTimeNs ?? 0n
  out.hexLine('public_key', peer.publicKey)
  out.hexLine('preshared_key', presharedKey ?? ZERO_KEY)
  out.line('protocol_version', 1)
  if (peer.endpoint !== null) out.line('endpoint', formatEndpoint(peer.endpoint))
  out.line('last_handshake_time_sec', handshakeNs / NS_PER_S)
  out.line('last_handshake_time_nsec', handshakeNs % NS_PER_S)
  out.line('tx_bytes', peer.txBytes)
  out.line('rx_bytes', peer.rxBytes)
  out.line('persistent_keepalive_interval', peer.persistentKeepaliveInterval)
  for (const allowedIp of peer.allowedIps) out.line('allowed_ip', formatPrefix(allowedIp))
}

/**
 * An answer that is only a status; `errno` is 0 or a positive error number.
 *
 * `wg` negates what it reads after `set`, and reads digits only after `get`: so errors are negative for `set`, as in
 * wireguard-go, and positive for `get`.
 */
export function encodeErrno(operation: UapiOperation, errno: number): Uint8Array {
  const out = new ByteWriter()
  out.line('errno', operation === 'set' && errno !== 0 ? -errno : errno)
  out.text('\n')
  return out.finish()
}

/** The Linux error number that tells a UAPI client what failed. */
export function uapiErrno(error: unknown): number {
  if (!isWireGuardError(error)) return ENOANO
  return (error.errno === null ? undefined : ERRNO_OF_NAME.get(error.errno)) ?? ERRNO_OF_CODE[error.code]
}

const NEWLINE = 10
const NS_PER_S = 1_000_000_000n
const ZERO_KEY: Uint8Array = new Uint8Array(32)

/** What wireguard-go answers when it does not know. */
const ENOANO = 55

const ERRNO_OF_NAME: ReadonlyMap<string, number> = new Map([
  ['EPERM', 1],
  ['EIO', 5],
  ['ENOMEM', 12],
  ['EACCES', 13],
  ['ENODEV', 19],
  ['EINVAL', 22],
  ['EPROTO', 71],
  ['EAFNOSUPPORT', 97],
  ['EADDRINUSE', 98],
  ['EADDRNOTAVAIL', 99],
  ['ENOBUFS', 105],
])

const ERRNO_OF_CODE: Readonly<Record<WireGuardErrorCode, number>> = {
  CONFIG_INVALID: 22,
  NAME_INVALID: 22,
  LIMIT: 22, // as wireguard-go for a peer too many
  ADDRESS_IN_USE: 98,
  NAME_IN_USE: 98,
  PERMISSION_DENIED: 1,
  NOT_SUPPORTED: 95,
  NO_SUCH_INTERFACE: 19,
  CLOSED: 19,
  SYSTEM: 5,
  ABORTED: 125,
}
