/** An interface of the system that a tunnel is behind. Its traffic is that of other processes. */
import type { PublicKey } from '@wireweave/tunnel/keys'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { Dlls } from '../contestants/contestant.js'
import type { TunnelEnd } from './networks.js'

export interface InterfaceRequest {
  readonly kind: 'interface'
  /** Which of ours. */
  readonly adapter: string
  readonly name: string
  readonly dlls: Dlls
  readonly inner: string
  readonly peer: string
  /** In hexadecimal; they come by standard input. */
  readonly privateKey: string
  readonly peerKey: string
}

export async function openInterface(request: InterfaceRequest): Promise<TunnelEnd> {
  // Ends of other kinds have no use for all that it loads.
  const { up } = await import('wireweave')
  const { adapter, name, dlls, inner, peer } = request
  const publicKey = Buffer.from(request.peerKey, 'hex') as Uint8Array as PublicKey
  const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')
  const own = `[Interface]\nPrivateKey = ${base64(request.privateKey)}\nAddress = ${inner}/24\nMTU = 1420\n`
  const other = `[Peer]\nPublicKey = ${base64(request.peerKey)}\nAllowedIPs = ${peer}/32\n`
  const opened = await up({ ...dlls, adapter, hooks: false, config: { text: own + other, name } })
  const { tunnel } = opened
  const allowedIps = [parsePrefix(`${peer}/32`)!]
  let endpoint = parseEndpoint('127.0.0.1:1')!
  return {
    port: (await tunnel.snapshot()).listenPort,
    async setEndpoint(host, port) {
      endpoint = parseEndpoint(`${host}:${port}`)!
      await tunnel.apply({ peers: [{ publicKey, endpoint }] })
    },
    async forgetSession() {
      await tunnel.apply({ peers: [{ publicKey, remove: true }] })
      await tunnel.apply({ peers: [{ publicKey, allowedIps, endpoint }] })
    },
    close: () => opened.down(),
  }
}
