/** A TCP connection of the stack as a Duplex that behaves like a `net.Socket`. */
import { Duplex } from 'node:stream'
import { formatIp } from '@wireweave/tunnel/ip'
import type { Connection, ConnectionHandler, NetworkErrorCode } from '../core/stack.js'
import type { Host } from '../host.js'
import { networkError } from './errors.js'

export interface SocketOptions {
  /** Stay open for writing after the peer has ended. @default false */
  readonly allowHalfOpen?: boolean
  /** Send small pieces at once (no Nagle). @default false */
  readonly noDelay?: boolean
  /** @default false */
  readonly keepAlive?: boolean
  /** Idle milliseconds before the first probe. @default 7200000, as RFC 9293 §3.8.4 has it */
  readonly keepAliveInitialDelay?: number
  /** Idle milliseconds until `timeout` is emitted; 0 for never. @default 0 */
  readonly timeout?: number
}

const TWO_HOURS_MS = 7_200_000
const MAX_CHUNK_BYTES = 64 * 1024

type WriteCallback = (error?: Error | null) => void

/**
 * Emits `connect`, `ready`, `data`, `end`, `timeout`, `drain`, `error` and `close` as `net.Socket` does. It does not keep
 * the process alive; the tunnel does.
 */
export class TunnelSocket extends Duplex {
  connecting = true
  bytesRead = 0
  bytesWritten = 0
  timeout = 0
  readonly #host: Host
  #connection: Connection | null = null
  #noDelay: boolean
  #keepAliveMs: number
  #remoteAddress: string | undefined
  #remotePort: number | undefined
  #localAddress: string | undefined
  #localPort: number | undefined
  /** A write that the send buffer has not taken whole. */
  #chunk: Uint8Array | null = null
  #chunkAt = 0
  #callback: WriteCallback | null = null
  #wantsData = false
  #idle: NodeJS.Timeout | null = null
  #handlesEnd = false

  constructor(host: Host, options: SocketOptions = {}) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false, emitClose: false, autoDestroy: true })
    this.#host = host
    this.#noDelay = options.noDelay ?? false
    this.#keepAliveMs = options.keepAlive === true ? options.keepAliveInitialDelay || TWO_HOURS_MS : 0
    if (options.timeout !== undefined) this.setTimeout(options.timeout)
  }

  get pending(): boolean {
    return this.#connection === null || this.connecting
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  get remoteAddress(): string | undefined {
    return this.#remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#remotePort
  }

  get remoteFamily(): 'IPv4' | 'IPv6' | undefined {
    return familyOf(this.#remoteAddress)
  }

  get localAddress(): string | undefined {
    return this.#localAddress
  }

  get localPort(): number | undefined {
    return this.#localPort
  }

  get localFamily(): 'IPv4' | 'IPv6' | undefined {
    return familyOf(this.#localAddress)
  }

  /** The same as `writableLength`, as `net.Socket` has it. */
  get bufferSize(): number {
    return this.writableLength
  }

  address(): { address?: string; family?: string; port?: number } {
    if (this.#localAddress === undefined) return {}
    return { address: this.#localAddress, family: this.localFamily!, port: this.#localPort! }
  }

  setNoDelay(noDelay = true): this {
    this.#noDelay = noDelay
    this.#connection?.setNoDelay(noDelay)
    return this
  }

  setKeepAlive(enable = false, initialDelay = 0): this {
    this.#keepAliveMs = enable ? initialDelay || TWO_HOURS_MS : 0
    this.#connection?.setKeepAlive(this.#keepAliveMs)
    if (this.#connection !== null) this.#host.arm()
    return this
  }

  /** `timeout` is emitted after so many idle milliseconds; whoever wants to, destroys the socket then. */
  setTimeout(ms: number, listener?: () => void): this {
    this.timeout = ms
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = ms > 0 && !this.destroyed ? setTimeout(() => this.emit('timeout'), ms).unref() : null
    if (listener !== undefined) {
      if (ms > 0) this.once('timeout', listener)
      else this.removeListener('timeout', listener)
    }
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** Destroys once everything has been written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** Ends the connection with a RST. */
  resetAndDestroy(): this {
    this.#connection?.abort()
    return this.destroy()
  }

  /** Takes a connection over: one that is being opened, or one that a listener accepted. */
  attach(connection: Connection, isConnected: boolean): void {
    this.#connection = connection
    connection.handler = this.#handler()
    connection.setNoDelay(this.#noDelay)
    if (this.#keepAliveMs > 0) connection.setKeepAlive(this.#keepAliveMs)
    this.#remoteAddress = formatIp(connection.remote)
    this.#remotePort = connection.remotePort
    this.#localAddress = formatIp(connection.local)
    this.#localPort = connection.localPort
    if (isConnected) this.connecting = false
  }

  /** Gives up a connection that is being opened, to try another. */
  detach(): void {
    const connection = this.#connection
    this.#connection = null
    if (connection === null) return
    connection.handler = null
    connection.abort()
  }

  /** Instead of ending the socket, a failure to connect is told here; the next address may do. */
  onConnectFailure: ((code: NetworkErrorCode) => void) | null = null

  override _read(): void {
    this.#wantsData = true
    this.#pull()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#chunk = chunk
    this.#chunkAt = 0
    this.#callback = callback
    if (!this.connecting) this.#push()
  }

  override _final(callback: WriteCallback): void {
    const finish = (): void => {
      this.#connection?.shutdown()
      callback()
    }
    if (this.connecting) this.once('connect', finish)
    else finish()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.connecting = false
    if (this.#idle !== null) clearTimeout(this.#idle)
    // A FIN would tell the peer that what it got is all there was.
    if (this.writableLength > 0) this.#connection?.abort()
    else this.#connection?.close()
    const pending = this.#callback
    this.#chunk = this.#callback = null
    pending?.(error ?? networkError('ECONNABORTED', 'write'))
    callback(error)
    process.nextTick(() => this.emit('close', error !== null))
  }

  #handler(): ConnectionHandler {
    return {
      onConnect: () => {
        this.connecting = false
        this.onConnectFailure = null
        this.#touch()
        this.emit('connect')
        this.emit('ready')
        if (this.#chunk !== null) this.#push()
        this.#pull()
      },
      onReadable: () => this.#pull(),
      onWritable: () => this.#push(),
      onEnd: () => this.#pull(),
      onClose: (code) => this.#closed(code),
    }
  }

  /** Moves what has arrived to the reader while it wants more. */
  #pull(): void {
    const connection = this.#connection
    if (connection === null || this.destroyed) return
    while (this.#wantsData && connection.readableBytes > 0) {
      const chunk = Buffer.allocUnsafe(Math.min(connection.readableBytes, MAX_CHUNK_BYTES))
      connection.read(chunk)
      this.bytesRead += chunk.length
      this.#touch()
      this.#wantsData = this.push(chunk)
    }
    if (connection.hasEnded && !this.#handlesEnd) {
      this.#handlesEnd = true
      this.push(null)
      // Without a reader `end` would never come; net.Socket reads on for it.
      if (this.readableLength === 0) this.read(0)
    }
  }

  /** Moves a write into the send buffer as it has room. */
  #push(): void {
    const chunk = this.#chunk
    const connection = this.#connection
    if (chunk === null || connection === null) return
    if (!connection.isOpen) {
      this.#written(networkError('EPIPE', 'write'))
      return
    }
    const taken = connection.write(chunk, this.#chunkAt)
    this.#chunkAt += taken
    this.bytesWritten += taken
    if (taken > 0) this.#touch()
    if (this.#chunkAt === chunk.length) this.#written(null)
  }

  #written(error: Error | null): void {
    const callback = this.#callback
    this.#chunk = this.#callback = null
    callback?.(error)
  }

  #closed(code: NetworkErrorCode | null): void {
    if (this.destroyed) return
    if (this.connecting && this.onConnectFailure !== null && code !== null) {
      this.onConnectFailure(code)
      return
    }
    if (code !== null) {
      const syscall = this.connecting ? 'connect' : 'read'
      this.destroy(
        networkError(
          code,
          syscall,
          this.connecting ? this.#remoteAddress : undefined,
          this.connecting ? this.#remotePort : undefined,
        ),
      )
    } else if (this.#chunk !== null) this.#written(networkError('EPIPE', 'write'))
  }

  #touch(): void {
    this.#idle?.refresh()
  }
}

function familyOf(address: string | undefined): 'IPv4' | 'IPv6' | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}
