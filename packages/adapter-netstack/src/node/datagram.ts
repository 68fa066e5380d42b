/** A UDP socket of the stack, in the manner of `dgram.Socket`. */
import { EventEmitter } from 'node:events'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import { withoutMapping } from '../core/ip/address.js'
import type { UdpHandler, UdpSocket } from '../core/stack.js'
import type { Host } from '../host.js'
import { networkError } from './errors.js'

export interface UdpOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** One of the stack's addresses. @default all of them */
  readonly host?: string
  /** Take from there alone: for everyone else the port is closed. @default everyone */
  readonly remote?: { readonly host: string; readonly port: number }
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
    const address = options.host === undefined ? null : addressOf(options.host)
    const remote = options.remote && { ...options.remote, address: withoutMapping(addressOf(options.remote.host)) }
    if (!host.isUp) throw networkError('ENETDOWN', 'bind', options.host ?? '::', port)
    signal?.throwIfAborted()
    const handler: UdpHandler = {
      onMessage: (data, from, fromPort) => {
        const family = from.length === 4 ? 'IPv4' : 'IPv6'
        const source: DatagramSource = { address: formatIp(from), family, port: fromPort, size: data.length }
        this.emit('message', Buffer.from(data), source)
      },
      onError: (code, to, toPort) => this.emit('unreachable', networkError(code, 'send', formatIp(to), toPort)),
    }
    const socket = host.stack.bindUdp(address, port, handler, remote)
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
    const remote = withoutMapping(addressOf(address))
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

function addressOf(text: string): Uint8Array {
  const address = parseIp(text)
  if (address === null) throw new TypeError(`"${text}" is no IP address`)
  return address
}
