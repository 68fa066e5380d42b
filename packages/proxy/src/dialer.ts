/**
 * What a proxy needs of the network that it leads to. The tunnels of `openNetstackTunnel` are such, and so is the
 * `Network` of `@wireweave/adapter-netstack/node`.
 *
 * @packageDocumentation
 */
import type { Duplex } from 'node:stream'

export interface Target {
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port: number
}

export interface DialOptions extends Target {
  /** Stay open for writing after the peer has ended. */
  readonly allowHalfOpen?: boolean
  readonly noDelay?: boolean
  readonly keepAlive?: boolean
  readonly keepAliveInitialDelay?: number
  /** 4 or 6 to use only such addresses of a name; 0 for both. */
  readonly family?: number
  readonly signal?: AbortSignal
}

/** Emits `connect`, or `error`, once. */
export interface DialSocket extends Duplex {
  readonly remoteAddress?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  setTimeout(ms: number): this
  resetAndDestroy(): this
}

export interface DialServer {
  /** How many connections may be open at a time; further ones are reset. */
  maxConnections: number
  address(): { readonly address: string; readonly port: number }
  /** Ends it with its connections. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface DatagramSender {
  readonly address: string
  readonly port: number
}

/** Emits `message` (Buffer, {@link DatagramSender}). */
export interface DialDatagrams {
  address(): { readonly address: string; readonly port: number }
  /** Rejects when the datagram cannot be sent. */
  send(data: Uint8Array, port: number, address: string): Promise<void>
  on(event: 'message', listener: (data: Buffer, from: DatagramSender) => void): unknown
  close(): void
}

export interface DialAddress {
  readonly address: string
  readonly family: 4 | 6
}

export interface Dialer {
  connect(options: DialOptions): DialSocket
  /** Throws an error with a `code`, such as `EADDRINUSE`. */
  listen(
    options: { readonly host?: string; readonly port: number; readonly allowHalfOpen?: boolean },
    onConnection: (socket: DialSocket) => void,
  ): DialServer
  /** Throws an error with a `code`. Without a port, any; with a family, at least that one. */
  udp(options: { readonly host?: string; readonly port?: number; readonly family?: 4 | 6 }): DialDatagrams
  /** Rejects with an error with a `code`, such as `ENOTFOUND`. */
  lookup(name: string, options?: { readonly family?: number; readonly signal?: AbortSignal }): Promise<DialAddress[]>
}
