/** Two whole tunnels that know each other, over real sockets or a wire in memory. */
import { nobleSuite } from '@wireweave/crypto/noble'
import { innerPacket } from '@wireweave/testkit/inner-packet'
import { MemoryAdapter } from '@wireweave/testkit/memory-port'
import type { MemoryPort } from '@wireweave/testkit/memory-port'
import type { InterfaceOptions } from '@wireweave/tunnel/backend'
import type { PeerUpdate } from '@wireweave/tunnel/config'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { parseEndpoint, parseIp } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { openUserspaceTunnel } from '../../../src/shell/open-tunnel.js'
import type { UserspaceTunnel } from '../../../src/shell/userspace-tunnel.js'
import type { UserspaceOptions } from '../../../src/userspace-backend.js'

/** How long a busy machine may take for what takes milliseconds. */
export const PATIENCE_MS = 60_000

export class End {
  readonly tunnel: UserspaceTunnel
  readonly port: MemoryPort
  readonly privateKey: PrivateKey
  readonly publicKey: PublicKey
  readonly address: Uint8Array
  readonly events: TunnelEvent[]

  private constructor(tunnel: UserspaceTunnel, port: MemoryPort, number: number, events: TunnelEvent[]) {
    this.tunnel = tunnel
    this.port = port
    this.privateKey = new Uint8Array(32).fill(number) as PrivateKey
    this.publicKey = nobleSuite.x25519.importPrivateKey(this.privateKey).publicKey as PublicKey
    this.address = parseIp(`10.99.0.${number}`)!
    this.events = events
  }

  static async open(
    number: number,
    options: UserspaceOptions = {},
    more: Partial<InterfaceOptions> = {},
  ): Promise<End> {
    const adapter = new MemoryAdapter()
    const events: TunnelEvent[] = []
    const name = `end${number}`
    const tunnel = await openUserspaceTunnel(
      adapter,
      { name, onEvent: (event) => events.push(event), ...more },
      options,
    )
    const end = new End(tunnel, adapter.ports.get(name)!, number, events)
    await tunnel.apply({ privateKey: end.privateKey })
    return end
  }

  async listenPort(): Promise<number> {
    return (await this.tunnel.snapshot()).listenPort
  }

  asPeer(endpoint?: string): PeerUpdate {
    return {
      publicKey: this.publicKey,
      allowedIps: [{ address: this.address, length: 32 }],
      ...(endpoint !== undefined && { endpoint: parseEndpoint(endpoint)! }),
    }
  }

  /** The host behind this end sends packets to the host behind `to`. */
  send(to: End, ...texts: readonly string[]): void {
    this.port.put(...texts.map((text) => packetTo(this, to, new TextEncoder().encode(text))))
  }

  /** Waits until `count` packets came out in all; the text of each. */
  async received(count: number): Promise<string[]> {
    await this.port.hasSent(count, AbortSignal.timeout(PATIENCE_MS))
    return this.port.sent.map((packet) => new TextDecoder().decode(packet.subarray(20)))
  }

  logged(): string[] {
    return this.events.flatMap((event) => (event.tag === 'log' ? [event.message] : []))
  }
}

export function packetTo(from: End, to: End, payload: Uint8Array, trafficClass = 0): Uint8Array {
  return innerPacket({ source: from.address, destination: to.address, payload, trafficClass })
}

/** Up, and each a peer of the other; `b` learns where `a` is from its handshake. */
export async function connect(a: End, b: End, host = '127.0.0.1'): Promise<void> {
  await a.tunnel.up()
  await b.tunnel.up()
  await b.tunnel.apply({ peers: [a.asPeer()] })
  await a.tunnel.apply({ peers: [b.asPeer(`${host}:${await b.listenPort()}`)] })
}
