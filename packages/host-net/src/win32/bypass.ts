/** Ways around a tunnel: routes to single addresses on other interfaces, where they stay when this process is killed. */
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { Cidr } from '../action.js'
import type { Machine } from './machine.js'
import type { Bypass } from './plan.js'

/** Ours are known again by it. It decides nothing: no other route to a single address stands beside them. */
const BYPASS_METRIC = 5182

/** Returns a Windows error code, as {@link deleteBypass} does. */
export function addBypass(machine: Pick<Machine, 'addRoute'>, { luid, endpoint, nextHop }: Bypass): number {
  return machine.addRoute(luid, host(endpoint), nextHop, BYPASS_METRIC)
}

export function deleteBypass(machine: Pick<Machine, 'deleteRoute'>, { luid, endpoint, nextHop }: Bypass): number {
  return machine.deleteRoute(luid, host(endpoint), nextHop)
}

/**
 * Removes the ways that a killed run left and that would be others today: in another network they lead nowhere. One that
 * still is the way stays, since another tunnel may be using it.
 */
export function removeStaleBypasses(
  machine: Pick<Machine, 'routes' | 'bestRoute' | 'addRoute' | 'deleteRoute'>,
  endpoints: readonly IpAddress[],
): void {
  const wanted = new Set(endpoints.map((endpoint) => endpoint.join()))
  const rows = ([4, 6] as const).flatMap((family) => machine.routes(family))
  for (const { luid, prefix, nextHop, metric } of rows) {
    const { address: endpoint, length } = prefix
    if (metric !== BYPASS_METRIC || length !== endpoint.length * 8 || !wanted.has(endpoint.join())) continue
    const way = { luid, endpoint, nextHop }
    deleteBypass(machine, way)
    const best = machine.bestRoute(endpoint)
    if (best !== null && best.luid === luid && best.nextHop.join() === nextHop.join()) addBypass(machine, way)
  }
}

function host(endpoint: IpAddress): Cidr {
  return { address: endpoint, length: endpoint.length * 8 }
}
