/** A UDP socket of the stack, in the manner of `dgram.Socket`. */
import { EventEmitter } from 'node:events'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import type { UdpSocket } from '../core/stack.js'
import type { Host } from '../host.js'
import { networkError } from './errors.js'

export interface UdpOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** One of the stack's addresses. @default all of them */
  readonly host?: string
  /** Closes the socket when it fires. */
  readonly signal?: AbortSignal
}

export interface DatagramSource {
  readonly address: string
  readonly family: 'IPv4' | 'IPv6'
  readonly port: number
  readonly size: number
}

/** How often a full queue is tried again, once a turn of the event loop. */
const TRIES = 100

/**
 * Emits `message` (Buffer, {@link DatagramSource}), `unreachable` (an error with address and port, when ICMP says that a
 * datagram did not arrive) and `close`.
 */
export class TunnelDatagramSocket extends EventEmitter implements AsyncDisposable {
  readonly #host: Host
  readonly #socket: UdpSocket
  readonly #forget: () => void

  /** Throws an error with the code `EADDRINUSE`, `EADDRNOTAVAIL` or `ENETDOWN`. */
  constructor(host: Host, options: UdpOptions) {
    super()
    this.#host = host
    const { port = 0, signal } = options
    const address = options.host === undefined ? null : parseIp(options.host)
    if (options.host !== undefined && address === null) throw new TypeError(`"${options.host}" is no IP address`)
    if (!host.isUp) throw networkError('ENETDOWN', 'bind', options.host ?? '::', port)
    signal?.throwIfAborted()
    const socket = host.stack.bindUdp(address, port, {
      onMessage: (data, remote, remotePort) => {
        const family = remote.length === 4 ? 'IPv4' : 'IPv6'
        const source: DatagramSource = { address: formatIp(remote), family, port: remotePort, size: data.length }
        this.emit('message', Buffer.from(data), source)
      },
      onError: (code, remote, remotePort) =>
        this.emit('unreachable', networkError(code, 'send', formatIp(remote), remotePort)),
    })
    if (typeof socket === 'string') throw networkError(socket, 'bind', options.host ?? '::', port)
    this.#socket = socket
    const onAbort = (): void => this.close()
    signal?.addEventListener('abort', onAbort, { once: true })
    const unhook = host.onDown(onAbort)
    this.#forget = () => {
      unhook()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  address(): { address: string; family: string; port: number } {
    const { address, port } = this.#socket
    return {
      address: address === null ? '::' : formatIp(address),
      family: address?.length === 4 ? 'IPv4' : 'IPv6',
      port,
    }
  }

  /**
   * Resolves when the datagram waits to be sent, whether or not it will arrive. Rejects with `EMSGSIZE` when it does not
   * fit one packet, `ENOBUFS` when the tunnel takes nothing, `ENETUNREACH` without an address of that family.
   */
  async send(data: Uint8Array, port: number, address: string): Promise<void> {
    const remote = parseIp(address)
    if (remote === null) throw new TypeError(`"${address}" is no IP address`)
    for (let i = 0; ; i++) {
      if (this.#socket.isClosed || !this.#host.isUp) throw networkError('ENETDOWN', 'send', address, port)
      const code = this.#host.stack.sendUdp(this.#socket, data, remote, port)
      if (code === null) return
      if (code !== 'ENOBUFS' || i === TRIES) throw networkError(code, 'send', address, port)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  close(): void {
    if (this.#socket.isClosed) return
    this.#forget()
    this.#host.stack.closeUdp(this.#socket)
    queueMicrotask(() => this.emit('close'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}
