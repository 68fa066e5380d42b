/**
 * Doors on this machine that lead through a tunnel, and doors in the tunnel that lead to this machine.
 *
 * @packageDocumentation
 */
import { Context } from './context.js'
import type { ProxyStats, Service, ServiceKind } from './context.js'
import type { Credentials } from './credentials.js'
import type { Dialer } from './dialer.js'
import { openHttp } from './http.js'
import type { HttpOptions } from './http.js'
import { openInfo } from './info.js'
import type { InfoOptions, Readiness } from './info.js'
import { defaultLimits } from './limits.js'
import type { Limits } from './limits.js'
import { openSocks } from './socks.js'
import type { SocksOptions } from './socks.js'
import { openTcpForward, openTcpReverse } from './tcp-forward.js'
import type { TcpForwardOptions, TcpReverseOptions } from './tcp-forward.js'
import { openUdpForward, openUdpReverse } from './udp-forward.js'
import type { UdpForwardOptions, UdpReverseOptions } from './udp-forward.js'

export { defaultLimits } from './limits.js'
export { connectStdio } from './stdio.js'
export type { Credentials, HttpOptions, InfoOptions, Limits, ProxyStats, Readiness, Service, ServiceKind, SocksOptions }
export type { TcpForwardOptions, TcpReverseOptions, UdpForwardOptions, UdpReverseOptions }

export type ServiceOptions =
  | SocksOptions
  | HttpOptions
  | TcpForwardOptions
  | UdpForwardOptions
  | TcpReverseOptions
  | UdpReverseOptions
  | InfoOptions

export interface ProxyOptions {
  readonly services: readonly ServiceOptions[]
  readonly limits?: Partial<Limits>
  /**
   * Listen beyond loopback also where nobody is asked for a password. Without it that is an error, since the tunnel would
   * be open to the whole network.
   */
  readonly allowUnauthenticated?: boolean
  /** Of names that clients ask for: 4 or 6 for such addresses only. @default 0, both */
  readonly family?: 0 | 4 | 6
  /** Closes the proxy when it fires. */
  readonly signal?: AbortSignal
}

export interface Proxy extends AsyncDisposable {
  /** In the order of the options, with the ports that were really taken. */
  readonly services: readonly Service[]
  readonly stats: Readonly<ProxyStats>
  /** Connections and UDP associations that are open now. */
  readonly open: { readonly connections: number; readonly associations: number }
  /** Closes every door and every connection. Idempotent. */
  close(): Promise<void>
}

/** Opens every service or none; rejects with a `WireGuardError` that says which cannot be and why. */
export async function openProxy(dialer: Dialer, options: ProxyOptions): Promise<Proxy> {
  const { signal, limits, allowUnauthenticated = false, family = 0 } = options
  const doors = options.services.filter((service) => !('protocol' in service && service.protocol === 'udp'))
  const kinds = doors.map(({ kind }) => kind)
  const context = new Context(dialer, { ...defaultLimits, ...limits }, allowUnauthenticated, family, kinds)
  const services: Service[] = []
  let closing: Promise<void> | null = null
  const close = (): Promise<void> => {
    signal?.removeEventListener('abort', onAbort)
    return (closing ??= Promise.all(services.map((service) => service.close())).then(() => {}))
  }
  const onAbort = (): void => void close()
  try {
    for (const service of options.services) {
      signal?.throwIfAborted()
      services.push(await openService(context, service))
    }
    signal?.throwIfAborted()
    signal?.addEventListener('abort', onAbort)
  } catch (error) {
    await close()
    throw error
  }
  return {
    services,
    stats: context.stats,
    get open() {
      return { connections: context.connections.used, associations: context.associations.used }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function openService(context: Context, options: ServiceOptions): Promise<Service> {
  switch (options.kind) {
    case 'socks5':
      return openSocks(context, options)
    case 'http':
      return openHttp(context, options)
    case 'info':
      return openInfo(context, options)
    case 'forward':
      return options.protocol === 'tcp' ? openTcpForward(context, options) : openUdpForward(context, options)
    case 'reverse':
    default:
      return options.protocol === 'tcp' ? openTcpReverse(context, options) : openUdpReverse(context, options)
  }
}
