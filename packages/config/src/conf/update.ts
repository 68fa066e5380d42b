/** From a file to an update of a device, as `wg setconf` and `wg addconf` do it. */
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { parseDecimal, parseIp } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'
import type { Conf, HostEndpoint, PeerConf } from './types.js'

/** The address of a peer's endpoint; `undefined` leaves the endpoint as it is. Called for peers that have one. */
export type ResolvedEndpoint = (endpoint: HostEndpoint, peer: PeerConf) => Endpoint | undefined

/** Index of the interface that an IPv6 zone names; `null` when there is none. */
export type ZoneIndex = (zone: string) => number | null

/** The file is all there is: other peers go, and so do key, port and mark that it does not name. */
export function setUpdate(conf: Conf, resolved: ResolvedEndpoint): DeviceUpdate {
  const { privateKey, listenPort, fwmark } = conf.device
  return {
    privateKey,
    listenPort: listenPort ?? 0,
    fwmark: fwmark || null,
    replacePeers: true,
    peers: conf.peers.map((peer) => peerUpdate(peer, resolved)),
  }
}

/** The file adds to what there is; what it does not name stays. */
export function addUpdate(conf: Conf, resolved: ResolvedEndpoint): DeviceUpdate {
  const { privateKey, listenPort, fwmark } = conf.device
  return {
    ...(privateKey !== null && { privateKey }),
    ...(listenPort !== null && { listenPort }),
    ...(fwmark !== null && { fwmark: fwmark || null }),
    peers: conf.peers.map((peer) => peerUpdate(peer, resolved)),
  }
}

/** The address in an endpoint that names one; `null` when it holds a name that has to be looked up. */
export function literalEndpoint({ host, port }: HostEndpoint, zoneIndex: ZoneIndex = () => null): Endpoint | null {
  const [literal, zone] = host.split('%', 2)
  const address = parseIp(literal!)
  if (address === null) return null
  if (zone === undefined) return { address, port }
  const scopeId = parseDecimal(zone, 0xffffffff) ?? zoneIndex(zone)
  return scopeId === null ? { address, port } : { address, port, scopeId }
}

function peerUpdate(peer: PeerConf, resolved: ResolvedEndpoint): PeerUpdate {
  const endpoint = peer.endpoint === null ? undefined : resolved(peer.endpoint, peer)
  return {
    publicKey: peer.publicKey,
    ...(peer.presharedKey !== null && { presharedKey: peer.presharedKey }),
    ...(endpoint !== undefined && { endpoint }),
    ...(peer.persistentKeepaliveInterval !== null && { persistentKeepaliveInterval: peer.persistentKeepaliveInterval }),
    replaceAllowedIps: peer.replaceAllowedIps,
    allowedIps: peer.allowedIps,
  }
}
