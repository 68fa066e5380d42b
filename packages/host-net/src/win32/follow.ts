/** What has to change while a tunnel is up: its MTU, and the ways around it, when the default route does. */
import { ERROR_OBJECT_ALREADY_EXISTS, ERROR_SUCCESS } from '@wireweave/ffi/win32/codes'
import { addBypass, deleteBypass } from './bypass.js'
import { DefaultRouteMonitor } from './default-route.js'
import type { DefaultRoute, RouteSource } from './default-route.js'
import type { Machine } from './machine.js'
import { familyMtu, OVERHEAD_BYTES } from './plan.js'
import type { Bypass } from './plan.js'

/** What {@link followDefaultRoute} is to keep right. */
export interface FollowOptions {
  readonly machine: RouteSource & Pick<Machine, 'setMtu' | 'addRoute' | 'deleteRoute'>
  readonly luid: bigint
  /** Whether the MTU follows that of the default route; not when the configuration has one. */
  readonly mtu: boolean
  /** As the plan made them. */
  readonly bypasses: readonly Bypass[]
  /**
   * Told, at first and at each change, by which interface a family leads out of this machine, for sockets to be kept to: by
   * its index, 0 when an endpoint is reached by another one.
   */
  readonly onWayOut?: (family: 4 | 6, index: number) => void
}

/** Returns a function that ends it and takes the ways away that it moved. Does not keep the process alive. */
export function followDefaultRoute({ machine, luid, mtu, bypasses, onWayOut }: FollowOptions): () => void {
  const ways = new Map(bypasses.map((bypass) => [bypass.endpoint.join(), bypass]))
  /** Of endpoints that are reached by the default route; the others have a better one, and keep it. */
  const following = new Set<string>()
  const moved = new Set<string>()
  const learn = (family: 4 | 6, route: DefaultRoute): void => {
    for (const [key, way] of ways) if (isOf(family, way) && isBy(way, route)) following.add(key)
  }
  /** False when one could not be moved: it stays, since a dead end is better than the tunnel itself. */
  const move = (family: 4 | 6, route: DefaultRoute): boolean => {
    let isDone = true
    for (const [key, way] of ways) {
      if (!isOf(family, way) || !following.has(key) || isBy(way, route)) continue
      const next = { endpoint: way.endpoint, luid: route.luid, nextHop: route.nextHop }
      const code = addBypass(machine, next)
      if (code !== ERROR_SUCCESS && code !== ERROR_OBJECT_ALREADY_EXISTS) {
        isDone = false
        continue
      }
      deleteBypass(machine, way)
      ways.set(key, next)
      moved.add(key)
    }
    return isDone
  }
  const tellWayOut = (family: 4 | 6, { index, luid: by }: DefaultRoute): void => {
    const isElsewhere = [...ways.values()].some((way) => isOf(family, way) && way.luid !== by)
    onWayOut?.(family, isElsewhere ? 0 : index)
  }
  // The plan was made for what is there at first.
  let isFirst = true
  const monitor = new DefaultRouteMonitor(machine, luid, (family, route) => {
    // Without any the ways stay as they were: better a dead end than the tunnel itself.
    if (route === null) return true
    if (isFirst) learn(family, route)
    else if (mtu) machine.setMtu(luid, family, familyMtu(family, route.mtu - OVERHEAD_BYTES))
    if (!move(family, route)) return false
    tellWayOut(family, route)
    return true
  })
  isFirst = false
  return () => {
    monitor.close()
    for (const key of moved) deleteBypass(machine, ways.get(key)!)
  }
}

function isBy(way: Bypass, { luid, nextHop }: DefaultRoute): boolean {
  return way.luid === luid && way.nextHop.join() === nextHop.join()
}

function isOf(family: 4 | 6, { endpoint }: Bypass): boolean {
  return (endpoint.length === 4 ? 4 : 6) === family
}
