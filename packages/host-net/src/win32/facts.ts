/** What a plan has to know about this machine; reads only. */
import type { IpAddress } from '@wireweave/tunnel/ip'
import { findDefaultRoute } from './default-route.js'
import type { Machine } from './machine.js'
import type { Bypass, WindowsFacts } from './plan.js'

const ETHERNET_MTU = 1500
const NO_LUID = 0n

/** `needsBypass`: the tunnel's datagrams come from a socket of ours, which would follow the tunnel's own routes. */
export function gatherWindowsFacts(
  machine: Machine,
  endpoints: readonly IpAddress[],
  needsBypass: boolean,
): WindowsFacts {
  const bypasses: Bypass[] = []
  const mtus: number[] = []
  for (const endpoint of endpoints) {
    const route = machine.bestRoute(endpoint)
    const link = route === null ? null : machine.link(route.luid)
    if (route === null || link === null) continue
    mtus.push(link.mtu)
    if (needsBypass) bypasses.push({ endpoint, luid: route.luid, nextHop: route.nextHop })
  }
  return { pathMtu: Math.min(...(mtus.length > 0 ? mtus : [defaultMtu(machine)])), bypasses }
}

function defaultMtu(machine: Machine): number {
  for (const family of [4, 6] as const) {
    const route = findDefaultRoute(machine, family, NO_LUID)
    if (route !== null) return route.mtu
  }
  return ETHERNET_MTU
}
