/** Peers whose endpoint is a name: those to follow when their address changes. */
import { literalEndpoint } from '@wireweave/config/conf-update'
import type { Conf } from '@wireweave/config/conf-types'
import type { Endpoint } from '@wireweave/tunnel/ip'
import type { NamedPeer } from './follow.js'
import { endpointKey } from './resolve.js'

/** `resolved` is what `resolveEndpoints` returned. */
export function namedPeers(conf: Conf, resolved: ReadonlyMap<string, readonly Endpoint[]>): NamedPeer[] {
  return conf.peers.flatMap(({ publicKey, endpoint }) => {
    if (endpoint === null || literalEndpoint(endpoint) !== null) return []
    const addresses = resolved.get(endpointKey(endpoint))
    return addresses === undefined ? [] : [{ publicKey, endpoint, addresses }]
  })
}
