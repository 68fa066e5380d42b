/** HTTP and TLS over connections of the stack. */
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import type { TcpConnectOptions } from './connect.js'
import type { TunnelSocket } from './socket.js'

export type Connect = (options: TcpConnectOptions) => TunnelSocket

/** TLS options of Node, and where to connect to. `servername` is the host when absent. */
export type TlsConnectOptions = TcpConnectOptions &
  Omit<tls.ConnectionOptions, keyof TcpConnectOptions | 'socket' | 'path'>

export function connectTls(connect: Connect, options: TlsConnectOptions): tls.TLSSocket {
  const socket = connect(options)
  const { signal: _signal, timeout, ...rest } = options
  const secure = tls.connect({
    ...rest,
    // RFC 6066 §3: addresses are no server names.
    ...(isIP(options.host) === 0 && { servername: options.servername ?? options.host }),
    socket,
  } as tls.ConnectionOptions)
  if (timeout !== undefined) secure.setTimeout(timeout)
  // What ends the connection below ends this one.
  socket.once('error', (error) => secure.destroy(error))
  return secure
}

interface AgentConnectOptions {
  readonly host?: string | null
  readonly hostname?: string | null
  readonly port?: number | string | null
}

export class TunnelHttpAgent extends http.Agent {
  readonly #connect: Connect

  constructor(connect: Connect, options?: http.AgentOptions) {
    super(options)
    this.#connect = connect
  }

  override createConnection(options: AgentConnectOptions): Duplex {
    return this.#connect(targetOf(options, 80))
  }
}

export class TunnelHttpsAgent extends https.Agent {
  readonly #connect: Connect

  constructor(connect: Connect, options?: https.AgentOptions) {
    super(options)
    this.#connect = connect
  }

  override createConnection(options: AgentConnectOptions): Duplex {
    return connectTls(this.#connect, { ...options, ...targetOf(options, 443) } as TlsConnectOptions)
  }
}

function targetOf(options: AgentConnectOptions, standardPort: number): TcpConnectOptions {
  return { host: options.host ?? options.hostname ?? 'localhost', port: Number(options.port ?? standardPort) }
}

/** A `fetch` of its own undici, whose connections go through the stack. Its pool is closed by `close`. */
export class Fetcher {
  readonly #connect: Connect
  #loaded: Promise<{ fetch: typeof globalThis.fetch; close(): Promise<void> }> | null = null

  constructor(connect: Connect) {
    this.#connect = connect
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    // Node's own fetch takes dispatchers of the undici in it alone: both must be of one version.
    this.#loaded ??= this.#load()
    const { fetch } = await this.#loaded
    return fetch(input, init)
  }

  async close(): Promise<void> {
    const loaded = this.#loaded
    this.#loaded = null
    await (await loaded)?.close()
  }

  async #load(): Promise<{ fetch: typeof globalThis.fetch; close(): Promise<void> }> {
    const undici = await import('undici')
    const dispatcher = new undici.Agent({
      connect: (options, callback) => {
        const isSecure = options.protocol === 'https:'
        const host = options.hostname.replace(/^\[|\]$/g, '')
        const target = { host, port: Number(options.port || (isSecure ? 443 : 80)), noDelay: true }
        const socket = isSecure
          ? connectTls(this.#connect, {
              ...target,
              ALPNProtocols: ['http/1.1'],
              ...(options.servername && { servername: options.servername }),
            })
          : this.#connect(target)
        const onError = (error: Error): void => callback(error, null)
        socket.once('error', onError)
        socket.once(isSecure ? 'secureConnect' : 'connect', () => {
          socket.removeListener('error', onError)
          callback(null, socket as unknown as tls.TLSSocket)
        })
      },
    })
    const { fetch } = undici
    return {
      fetch: ((input: string, init?: object) =>
        fetch(input, { ...init, dispatcher })) as unknown as typeof globalThis.fetch,
      close: () => dispatcher.destroy(),
    }
  }
}
