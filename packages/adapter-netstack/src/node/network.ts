/**
 * The network behind a tunnel, for programs: sockets, names, HTTP, in the manner of Node's own modules.
 *
 * @packageDocumentation
 */
import type { AgentOptions as HttpAgentOptions } from 'node:http'
import type { AgentOptions as HttpsAgentOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { NetstackAdapter } from '../adapter.js'
import type { Host } from '../host.js'
import { connectTcp, type TcpConnectOptions } from './connect.js'
import { TunnelDatagramSocket, type UdpOptions } from './datagram.js'
import { connectTls, Fetcher, type TlsConnectOptions, TunnelHttpAgent, TunnelHttpsAgent } from './http.js'
import { pingAddress, type PingOptions } from './ping.js'
import { type LookupAddress, type LookupOptions, Resolver } from './resolver.js'
import { type ListenOptions, TunnelServer } from './server.js'
import type { TunnelSocket } from './socket.js'

export type { DatagramSource, TunnelDatagramSocket, UdpOptions } from './datagram.js'
export type { NetworkError } from './errors.js'
export type { LookupAddress, LookupOptions } from './resolver.js'
export type { ListenOptions, TunnelServer } from './server.js'
export type { SocketOptions, TunnelSocket } from './socket.js'
export type { PingOptions, TcpConnectOptions, TlsConnectOptions }
export { TunnelHttpAgent, TunnelHttpsAgent } from './http.js'

export interface NetworkOptions {
  /** Addresses of DNS servers, reached through the tunnel: the `DNS` of wg-quick. @default none: only addresses work */
  readonly dns?: readonly string[]
  /** Suffixes for names that are not complete, in order. */
  readonly search?: readonly string[]
}

/** Everything that goes through the adapter's stack. Fails with `ENETDOWN` while no tunnel is open. */
export function openNetwork(adapter: NetstackAdapter, options: NetworkOptions = {}): Network {
  return new Network(adapter.host, options)
}

export class Network implements AsyncDisposable {
  readonly #host: Host
  readonly #resolver: Resolver
  readonly #fetcher: Fetcher
  readonly #agents: { destroy(): void }[] = []
  readonly #open = new Set<{ destroy(): void }>()

  constructor(host: Host, options: NetworkOptions) {
    this.#host = host
    this.#resolver = new Resolver(host, options.dns ?? [], options.search ?? [])
    this.#fetcher = new Fetcher((target) => this.connect(target))
  }

  /** Returns at once, as `net.connect`: the socket emits `connect`, or `error`. */
  connect(options: TcpConnectOptions): TunnelSocket {
    const socket = connectTcp(this.#host, this.#resolver, options)
    this.#keep(socket)
    return socket
  }

  /** TLS over {@link connect}; emits `secureConnect`. */
  connectTls(options: TlsConnectOptions): TLSSocket {
    return connectTls((target) => this.connect(target), options)
  }

  /** Throws what `net.Server` would emit. */
  listen(options: ListenOptions, onConnection?: (socket: TunnelSocket) => void): TunnelServer {
    const server = new TunnelServer(this.#host, options)
    if (onConnection !== undefined) server.on('connection', onConnection)
    this.#keep({
      destroy: () => void server[Symbol.asyncDispose](),
      once: (event, listener) => server.once(event, listener),
    })
    return server
  }

  udp(options: UdpOptions = {}): TunnelDatagramSocket {
    const socket = new TunnelDatagramSocket(this.#host, options)
    this.#keep({ destroy: () => socket.close(), once: (event, listener) => socket.once(event, listener) })
    return socket
  }

  /** Addresses of a name, through the DNS servers of the options. */
  lookup(name: string, options: LookupOptions = {}): Promise<LookupAddress[]> {
    return this.#resolver.lookup(name, options)
  }

  /** Round-trip time in milliseconds. */
  async ping(host: string, options: PingOptions = {}): Promise<number> {
    const [first] = await this.lookup(host, options.signal === undefined ? {} : { signal: options.signal })
    return pingAddress(this.#host, first!.address, options)
  }

  /** As the global one; loads undici at the first call. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.#fetcher.fetch(input, init)
  }

  /** For `http.request({ agent })`. Destroyed with the network. */
  httpAgent(options?: HttpAgentOptions): TunnelHttpAgent {
    const agent = new TunnelHttpAgent((target) => this.connect(target), options)
    this.#agents.push(agent)
    return agent
  }

  httpsAgent(options?: HttpsAgentOptions): TunnelHttpsAgent {
    const agent = new TunnelHttpsAgent((target) => this.connect(target), options)
    this.#agents.push(agent)
    return agent
  }

  /** Destroys every socket and server that was opened here. The tunnel stays. */
  async close(): Promise<void> {
    for (const agent of this.#agents.splice(0)) agent.destroy()
    for (const open of [...this.#open]) open.destroy()
    this.#open.clear()
    await this.#fetcher.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #keep(open: { destroy(): void; once(event: string, listener: () => void): unknown }): void {
    this.#open.add(open)
    open.once('close', () => this.#open.delete(open))
  }
}
