/** The slow twin of a device's configuration: what an update means, by the words of its type. */
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import type { Endpoint, IpPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

interface ModelPeer {
  publicKey: PublicKey
  presharedKey: PresharedKey | null
  endpoint: Endpoint | null
  interval: number
  allowedIps: Map<string, IpPrefix>
}

export class ModelDevice {
  privateKey: PrivateKey | null = null
  listenPort = 0
  fwmark: number | null = null
  readonly peers = new Map<string, ModelPeer>()

  apply(update: DeviceUpdate): this {
    if (update.privateKey !== undefined) this.privateKey = update.privateKey
    if (update.listenPort !== undefined) this.listenPort = update.listenPort
    if (update.fwmark !== undefined) this.fwmark = update.fwmark
    if (update.replacePeers) this.peers.clear()
    for (const peer of update.peers ?? []) {
      const name = formatKey(peer.publicKey)
      if (peer.remove) {
        this.peers.delete(name)
        continue
      }
      if (peer.updateOnly && !this.peers.has(name)) continue
      const created: ModelPeer = {
        publicKey: peer.publicKey,
        presharedKey: null,
        endpoint: null,
        interval: 0,
        allowedIps: new Map(),
      }
      const model = this.peers.get(name) ?? created
      this.peers.set(name, model)
      if (peer.presharedKey !== undefined) model.presharedKey = peer.presharedKey
      if (peer.endpoint !== undefined) model.endpoint = peer.endpoint
      if (peer.persistentKeepaliveInterval !== undefined) model.interval = peer.persistentKeepaliveInterval
      if (peer.replaceAllowedIps) model.allowedIps.clear()
      for (const { address, length, remove } of peer.allowedIps ?? []) {
        const prefix = { address, length }
        if (!remove) for (const other of this.peers.values()) other.allowedIps.delete(formatPrefix(prefix))
        if (remove) model.allowedIps.delete(formatPrefix(prefix))
        else model.allowedIps.set(formatPrefix(prefix), prefix)
      }
    }
    return this
  }

  snapshot(): DeviceSnapshot {
    const peers = [...this.peers.values()].map((peer) => ({
      ...{ publicKey: peer.publicKey, hasPresharedKey: peer.presharedKey !== null, endpoint: peer.endpoint },
      ...{ persistentKeepaliveInterval: peer.interval, allowedIps: [...peer.allowedIps.values()] },
      ...{ lastHandshakeTimeNs: null, rxBytes: 0n, txBytes: 0n },
    }))
    return { publicKey: null, listenPort: this.listenPort, fwmark: this.fwmark, peers }
  }

  secrets(): DeviceSecrets {
    return { privateKey: this.privateKey, presharedKeys: [...this.peers.values()].map((peer) => peer.presharedKey) }
  }

  /** Everything that can be compared, in an order that does not depend on how it came about. */
  meaning(): unknown {
    const { privateKey, listenPort, fwmark } = this
    const peers = [...this.peers].map(([name, { presharedKey, endpoint, interval, allowedIps }]) => ({
      ...{ name, presharedKey, endpoint, interval, allowedIps: [...allowedIps.keys()].sort() },
    }))
    return { privateKey, listenPort, fwmark, peers: peers.sort((a, b) => (a.name < b.name ? -1 : 1)) }
  }
}
