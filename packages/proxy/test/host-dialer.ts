/** A network for tests that is this machine's own, with names of its own, and a diary. */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { DialAddress, DialDatagrams, Dialer, DialOptions, DialServer } from '../src/dialer.js'

export class HostDialer implements Dialer {
  readonly names = new Map<string, string>()
  readonly dialed: DialOptions[] = []

  connect(options: DialOptions): ReturnType<typeof connect> {
    this.dialed.push(options)
    const host = this.names.get(options.host) ?? options.host
    const { signal: _, ...rest } = options
    return connect({ ...rest, host })
  }

  listen(): DialServer {
    throw Object.assign(new Error('not here'), { code: 'EADDRNOTAVAIL' })
  }

  udp(options: { readonly port?: number; readonly family?: 4 | 6 }): DialDatagrams {
    const socket = createSocket(options.family === 6 ? 'udp6' : 'udp4')
    socket.bind(options.port ?? 0, '127.0.0.1')
    return {
      address: () => socket.address(),
      send: (data, port, address) =>
        new Promise((resolve, reject) => socket.send(data, port, address, (e) => (e === null ? resolve() : reject(e)))),
      on: (event, listener) => socket.on(event, listener),
      close: () => socket.close(),
    }
  }

  async lookup(name: string): Promise<DialAddress[]> {
    const address = this.names.get(name) ?? name
    if (!/^[0-9.]+$/.test(address)) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
    return [{ address, family: 4 }]
  }
}
