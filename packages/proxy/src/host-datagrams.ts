/** A UDP socket of this machine in the shape of the tunnel's. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { DatagramSender, DialDatagrams } from './dialer.js'
import { listenError } from './listening.js'
import type { Place } from './listening.js'

/** Datagrams that wait to be sent; more are dropped, as by any network. */
const MOST_WAITING_BYTES = 1024 * 1024

export class HostDatagrams implements DialDatagrams {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    // What ICMP says about a datagram ends nothing.
    socket.on('error', () => {})
  }

  /** Rejects with a `WireGuardError`. */
  static async bind(place: Place): Promise<HostDatagrams> {
    const socket = createSocket({ type: isIPv6(place.host) ? 'udp6' : 'udp4' })
    try {
      socket.bind(place.port, place.host)
      await once(socket, 'listening')
      return new HostDatagrams(socket)
    } catch (error) {
      throw listenError(place, error)
    }
  }

  address(): { readonly address: string; readonly port: number } {
    return this.#socket.address()
  }

  send(data: Uint8Array, port: number, address: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.getSendQueueSize() > MOST_WAITING_BYTES) return reject(new Error('too many datagrams wait'))
      this.#socket.send(data, port, address, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  on(event: 'message', listener: (data: Buffer, from: DatagramSender) => void): this {
    this.#socket.on(event, listener)
    return this
  }

  close(): void {
    try {
      this.#socket.close()
    } catch {
      // Closed already.
    }
  }
}
