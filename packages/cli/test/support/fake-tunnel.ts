/** A tunnel without a data path: remembers its configuration, as a real one would. */
import type { Tunnel, TunnelBackend } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatPrefix } from '@wireweave/tunnel/ip'
import type { Endpoint, IpPrefix } from '@wireweave/tunnel/ip'
import { formatHexKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

interface FakePeer {
  readonly publicKey: PublicKey
  presharedKey: PresharedKey | null
  endpoint: Endpoint | null
  persistentKeepaliveInterval: number
  readonly allowedIps: Map<string, IpPrefix>
}

export class FakeTunnel implements Tunnel {
  readonly backend = 'fake'
  readonly interfaceRef: { name: string; index: number }
  readonly closed: Promise<void>
  /** Deletes the interface, as `ip link delete` does. */
  kill!: () => void
  isClosed = false
  failure: Error | null = null
  #privateKey: PrivateKey | null = null
  #listenPort = 0
  #fwmark: number | null = null
  #peers = new Map<string, FakePeer>()

  constructor(name: string) {
    this.interfaceRef = { name, index: 1 }
    this.closed = new Promise((resolve) => (this.kill = resolve))
  }

  async apply(update: DeviceUpdate): Promise<void> {
    if (update.listenPort === 1) throw new WireGuardError('ADDRESS_IN_USE', 'port 1 is taken')
    if (update.privateKey !== undefined) this.#privateKey = copy(update.privateKey)
    if (update.listenPort !== undefined) this.#listenPort = update.listenPort
    if (update.fwmark !== undefined) this.#fwmark = update.fwmark
    if (update.replacePeers) this.#peers.clear()
    for (const peer of update.peers ?? []) this.#applyPeer(peer)
  }

  async snapshot(): Promise<DeviceSnapshot> {
    return {
      publicKey: null,
      listenPort: this.#listenPort,
      fwmark: this.#fwmark,
      peers: [...this.#peers.values()].map(({ presharedKey, allowedIps, ...peer }) => ({
        ...peer,
        hasPresharedKey: presharedKey !== null,
        allowedIps: [...allowedIps.values()],
        lastHandshakeTimeNs: null,
        rxBytes: 0n,
        txBytes: 0n,
      })),
    }
  }

  async secrets(): Promise<DeviceSecrets> {
    return {
      privateKey: copy(this.#privateKey),
      presharedKeys: [...this.#peers.values()].map((peer) => copy(peer.presharedKey)),
    }
  }

  async up(): Promise<void> {}
  async down(): Promise<void> {}

  async close(): Promise<void> {
    this.isClosed = true
    this.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #applyPeer(update: PeerUpdate): void {
    const name = formatHexKey(update.publicKey)
    if (update.remove || (update.updateOnly && !this.#peers.has(name))) {
      if (update.remove) this.#peers.delete(name)
      return
    }
    const peer = this.#peers.get(name) ?? {
      publicKey: update.publicKey,
      presharedKey: null,
      endpoint: null,
      persistentKeepaliveInterval: 0,
      allowedIps: new Map<string, IpPrefix>(),
    }
    this.#peers.set(name, peer)
    if (update.presharedKey !== undefined) peer.presharedKey = copy(update.presharedKey)
    if (update.endpoint !== undefined) peer.endpoint = update.endpoint
    if (update.persistentKeepaliveInterval !== undefined)
      peer.persistentKeepaliveInterval = update.persistentKeepaliveInterval
    if (update.replaceAllowedIps) peer.allowedIps.clear()
    for (const ip of update.allowedIps ?? []) {
      for (const other of this.#peers.values())
        if (!ip.remove || other === peer) other.allowedIps.delete(formatPrefix(ip))
      if (!ip.remove) peer.allowedIps.set(formatPrefix(ip), { address: ip.address, length: ip.length })
    }
  }
}

function copy<K extends Uint8Array>(key: K | null): K | null {
  return key && (key.slice() as K)
}

/** A backend that opens fake tunnels and remembers them. */
export class FakeBackend implements TunnelBackend {
  readonly name = 'fake'
  readonly dataPlane = 'userspace'
  readonly reach = 'host'
  readonly opened: FakeTunnel[] = []
  /** Instead of opening. */
  failure: Error | null = null

  async probe(): Promise<{ available: true }> {
    return { available: true }
  }

  async open({ name }: { name: string }): Promise<Tunnel> {
    if (this.failure !== null) throw this.failure
    const tunnel = new FakeTunnel(name.replace('%d', '7'))
    this.opened.push(tunnel)
    return tunnel
  }
}
