/** Where our generator's sockets come from: the operating system, or a TCP/IP stack in the process behind a tunnel. */
import { createSocket } from 'node:dgram'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { netstackAdapter } from '@wireweave/adapter-netstack/adapter'
import { openNetwork } from '@wireweave/adapter-netstack/node'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import { parseIp } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

export type NetworkRequest =
  | { readonly kind: 'system'; readonly inner: string; readonly peer: string }
  | {
      readonly kind: 'netstack'
      readonly inner: string
      readonly peer: string
      /** In hexadecimal; they come by standard input. */
      readonly privateKey: string
      readonly peerKey: string
    }

export interface Datagrams {
  send(data: Uint8Array, host: string, port: number): Promise<void>
  onMessage(listener: (data: Uint8Array, host: string, port: number) => void): void
}

/** What can be asked of the tunnel of an end. */
export interface TunnelEnd {
  /** UDP port of the tunnel; 0 without one. */
  readonly port: number
  /** Tells the tunnel where its peer is. */
  setEndpoint(host: string, port: number): Promise<void>
  /** Makes the tunnel forget its session. */
  forgetSession(): Promise<void>
  close(): Promise<void>
}

export interface Network extends TunnelEnd {
  connect(host: string, port: number): Duplex
  listen(port: number, onConnection: (socket: Duplex) => void): Promise<void>
  /** 0 takes a free port. */
  datagrams(port: number): Promise<Datagrams>
}

export function openNetworkOf(request: NetworkRequest): Promise<Network> {
  return request.kind === 'system' ? openSystem(request.inner) : openNetstack(request)
}

async function openSystem(inner: string): Promise<Network> {
  return {
    port: 0,
    setEndpoint: async () => {},
    forgetSession: async () => {},
    connect: (host, port) => net.connect({ host, port }),
    listen: (port, onConnection) =>
      new Promise((resolve, reject) => {
        const server = net.createServer(onConnection)
        server.once('error', reject)
        server.listen({ host: inner, port }, () => resolve())
      }),
    datagrams: (port) =>
      new Promise((resolve, reject) => {
        const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22, sendBufferSize: 1 << 20 })
        socket.once('error', reject)
        socket.bind(port, inner, () => {
          socket.on('error', () => {})
          resolve({
            send: (data, host, to) => new Promise((done) => socket.send(data, to, host, () => done())),
            onMessage: (listener) => socket.on('message', (data, { address, port }) => listener(data, address, port)),
          })
        })
      }),
    close: async () => {},
  }
}

async function openNetstack(request: NetworkRequest & { kind: 'netstack' }): Promise<Network> {
  const adapter = netstackAdapter({ addresses: [`${request.inner}/32`] })
  const tunnel = await userspaceBackend(adapter).open({ name: 'bench' })
  const publicKey = Buffer.from(request.peerKey, 'hex') as Uint8Array as PublicKey
  const allowedIps = [{ address: parseIp(request.peer)!, length: 32 }]
  let endpoint: { address: ReturnType<typeof parseIp> & Uint8Array; port: number } | null = null
  await tunnel.apply({
    privateKey: Buffer.from(request.privateKey, 'hex') as Uint8Array as PrivateKey,
    peers: [{ publicKey, allowedIps }],
  })
  await tunnel.up()
  const port = (await tunnel.snapshot()).listenPort
  const network = openNetwork(adapter)
  return {
    port,
    async setEndpoint(host, to) {
      endpoint = { address: parseIp(host)!, port: to }
      await tunnel.apply({ peers: [{ publicKey, endpoint }] })
    },
    async forgetSession() {
      await tunnel.apply({ peers: [{ publicKey, remove: true }] })
      await tunnel.apply({ peers: [{ publicKey, allowedIps, ...(endpoint !== null && { endpoint }) }] })
    },
    connect: (host, to) => network.connect({ host, port: to }),
    async listen(to, onConnection) {
      network.listen({ port: to }, onConnection)
    },
    async datagrams(from) {
      const socket = network.udp({ port: from })
      return {
        // A queue that is full loses datagrams, as a socket of the system does.
        send: (data, host, to) => socket.send(data, to, host).catch(() => {}),
        onMessage: (listener) =>
          socket.on('message', (data: Uint8Array, source: { address: string; port: number }) =>
            listener(data, source.address, source.port),
          ),
      }
    },
    async close() {
      await network.close()
      await tunnel.close()
    },
  }
}
