/** Which way leads out of this machine around the tunnel, and following it when it changes. */
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { IpInterface } from './machine.js'
import type { LinkRow, RouteRow } from './rows.js'

/** The way that everything takes which no narrower route leads, with the interface that it leaves by. */
export interface DefaultRoute {
  /** Of the interface it leaves by: what IP_UNICAST_IF takes. */
  readonly index: number
  readonly luid: bigint
  readonly nextHop: IpAddress
  /** Of that interface. */
  readonly mtu: number
}

/** The part of a machine that is looked at. */
export interface RouteSource {
  routes(family: 4 | 6): readonly RouteRow[]
  link(luid: bigint): LinkRow | null
  ipInterface(luid: bigint, family: 4 | 6): IpInterface | null
}

/** The default route with the smallest metric over an interface that is up and not the tunnel's own. */
export function findDefaultRoute(source: RouteSource, family: 4 | 6, ownLuid: bigint): DefaultRoute | null {
  let best: DefaultRoute | null = null
  let least = Infinity
  for (const { luid, prefix, nextHop, metric } of source.routes(family)) {
    if (prefix.length !== 0 || luid === ownLuid) continue
    const link = source.link(luid)
    const ip = source.ipInterface(luid, family)
    if (link === null || !link.isUp || ip === null || metric + ip.metric >= least) continue
    least = metric + ip.metric
    best = { index: link.index, luid, nextHop, mtu: link.mtu }
  }
  return best
}

const LOOK_EVERY_MS = 1000

/** Returns false when it could not do what was to be done: then it is told again at the next look. */
export type OnDefaultRoute = (family: 4 | 6, route: DefaultRoute | null) => boolean

/** Tells when a family's default route, or the MTU behind it, is another one. */
export class DefaultRouteMonitor {
  readonly #source: RouteSource
  readonly #ownLuid: bigint
  readonly #onChange: OnDefaultRoute
  readonly #last = new Map<4 | 6, string>()
  readonly #timer: NodeJS.Timeout

  /**
   * Tells of both families at once, then looks every second: a callback of Windows would come on a thread that waits for us,
   * and ending that would wait for the callback. Does not keep the process alive.
   */
  constructor(source: RouteSource, ownLuid: bigint, onChange: OnDefaultRoute) {
    this.#source = source
    this.#ownLuid = ownLuid
    this.#onChange = onChange
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref()
    this.look()
  }

  look(): void {
    for (const family of [4, 6] as const) {
      const route = findDefaultRoute(this.#source, family, this.#ownLuid)
      // An interface that was away has the same LUID afterwards, but not always the same index.
      const text = route === null ? 'none' : [route.luid, route.index, route.nextHop, route.mtu].join(' ')
      if (this.#last.get(family) === text) continue
      if (this.#onChange(family, route)) this.#last.set(family, text)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
