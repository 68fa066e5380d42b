/** A listening port of the stack, in the manner of `net.Server`. */
import { EventEmitter } from 'node:events'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import type { Connection, Listener } from '../core/stack.js'
import type { Host } from '../host.js'
import { networkError } from './errors.js'
import { type SocketOptions, TunnelSocket } from './socket.js'

export interface ListenOptions extends SocketOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** One of the stack's addresses. @default all of them */
  readonly host?: string
  /** Closes the server when it fires. */
  readonly signal?: AbortSignal
}

/** Emits `connection` with a {@link TunnelSocket}, and `close`. */
export class TunnelServer extends EventEmitter implements AsyncDisposable {
  listening = true
  /** Connections beyond it are reset. @default Infinity */
  maxConnections: number = Number.POSITIVE_INFINITY
  readonly #host: Host
  readonly #listener: Listener
  readonly #options: ListenOptions
  readonly #sockets = new Set<TunnelSocket>()
  readonly #forget: () => void

  /** Throws what `net.Server` emits as an error, such as `EADDRINUSE`. */
  constructor(host: Host, options: ListenOptions) {
    super()
    this.#host = host
    this.#options = options
    const address = options.host === undefined ? null : parseIp(options.host)
    const { port = 0, signal } = options
    if (!(Number.isInteger(port) && port >= 0 && port < 65536))
      throw new RangeError(`a port is 0 to 65535, not ${port}`)
    if (options.host !== undefined && address === null) throw new TypeError(`"${options.host}" is no IP address`)
    if (!host.isUp) throw networkError('ENETDOWN', 'listen', options.host ?? '::', port)
    signal?.throwIfAborted()
    const listener = host.stack.listen(address, port, { onConnection: (connection) => this.#accept(connection) })
    if (typeof listener === 'string') throw networkError(listener, 'listen', options.host ?? '::', port)
    this.#listener = listener
    const onAbort = (): void => void this.close()
    signal?.addEventListener('abort', onAbort, { once: true })
    const unhook = host.onDown(onAbort)
    this.#forget = () => {
      unhook()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  get connections(): number {
    return this.#sockets.size
  }

  address(): { address: string; family: string; port: number } {
    const { address, port } = this.#listener
    return {
      address: address === null ? '::' : formatIp(address),
      family: address?.length === 4 ? 'IPv4' : 'IPv6',
      port,
    }
  }

  /** Listens no more. Connections live on; `close` comes when the last of them has ended. */
  close(callback?: () => void): this {
    if (callback !== undefined) {
      if (this.listening || this.#sockets.size > 0) this.once('close', callback)
      else queueMicrotask(callback)
    }
    if (!this.listening) return this
    this.listening = false
    this.#forget()
    this.#host.stack.closeListener(this.#listener)
    if (this.#sockets.size === 0) queueMicrotask(() => this.emit('close'))
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** Closes, and destroys what is still connected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(connection: Connection): void {
    if (this.#sockets.size >= this.maxConnections) return
    const socket = new TunnelSocket(this.#host, this.#options)
    socket.attach(connection, true)
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (!this.listening && this.#sockets.size === 0) this.emit('close')
    })
    this.emit('connection', socket)
  }
}
