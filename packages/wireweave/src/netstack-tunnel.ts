/** A tunnel that ends in this process: its TCP/IP is ours, and neither root nor a driver is needed. */
import path from 'node:path'
import type { TcpOptions } from '@wireweave/adapter-netstack/adapter'
import type { Network } from '@wireweave/adapter-netstack/node'
import type { Stack } from '@wireweave/adapter-netstack/stack'
import { parseConf } from '@wireweave/config/conf'
import type { Conf } from '@wireweave/config/conf-types'
import { setUpdate } from '@wireweave/config/conf-update'
import type { UserspaceOptions } from '@wireweave/device/userspace-backend'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatIp } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { readTextFile } from './conf-file.js'
import { EndpointFollower } from './follow.js'
import { namedPeers } from './named-peers.js'
import { openTunnel } from './open-tunnel.js'
import { endpointKey, resolveEndpoint, resolveEndpoints } from './resolve.js'
import type { Lookup } from './resolve.js'

export interface NetstackConf {
  readonly name: string
  readonly text: string
  /** How messages call the text; its name when absent. */
  readonly file?: string
}

export interface NetstackTunnelOptions {
  /**
   * A path that ends in `.conf`, the name of a file in `/etc/wireguard`, or text and name. Of `[Interface]` the key, port,
   * addresses, DNS and MTU count; hooks, routes and marks do not: nothing of the host is touched.
   */
  readonly config: string | NetstackConf
  /** Ends an opening that is under way: it rejects with `ABORTED`. An open tunnel is ended with `close`. */
  readonly signal?: AbortSignal
  readonly userspace?: Omit<UserspaceOptions, 'worker'>
  /** Limits of TCP, such as `maxConnections` and `memoryBytes`. */
  readonly tcp?: Partial<TcpOptions>
  /** How often to ask again for a host name that gets no answer; `WG_ENDPOINT_RESOLUTION_RETRIES`, else 15. */
  readonly resolveRetries?: number
  /** Looks the host names of endpoints up; the system's resolver when absent. */
  readonly lookup?: Lookup
  /** Told that a host name got no answer, before the pause after which it is asked for again. */
  readonly onLookupRetry?: (host: string, pauseMs: number) => void
  readonly onEvent?: (event: TunnelEvent) => void
  /** Told when a peer's host name led to another address. */
  readonly onEndpointMoved?: (peer: PublicKey, to: Endpoint) => void
}

type NetworkCalls = Pick<
  Network,
  'connect' | 'connectTls' | 'listen' | 'udp' | 'lookup' | 'ping' | 'fetch' | 'httpAgent' | 'httpsAgent'
>

/** An open tunnel, and the network behind it. */
export interface NetstackTunnel extends NetworkCalls, AsyncDisposable {
  /** The file's, without `.conf`. */
  readonly name: string
  readonly tunnel: Tunnel
  /** As it was read. */
  readonly conf: Conf
  /** Bytes of the largest packet. */
  readonly mtu: number
  /** What the stack has counted, and what it holds. */
  readonly stack: Pick<Stack, 'stats' | 'tcpStats' | 'load'>
  /** Ends every connection, then the tunnel. Idempotent. */
  close(): Promise<void>
  /** Settles when the tunnel has ended. Never rejects. */
  readonly closed: Promise<void>
}

const DEFAULT_MTU = 1420

/** Rejects with a `WireGuardError` that says what failed and what to do. */
export async function openNetstackTunnel(options: NetstackTunnelOptions): Promise<NetstackTunnel> {
  const { signal, userspace, tcp, onEvent, onEndpointMoved } = options
  const {
    name,
    text,
    file = name,
  } = typeof options.config === 'string' ? readNetstackConf(options.config) : options.config
  const conf = parseConf(text, file)
  const { addresses, dnsServers, dnsSearch } = conf.quick
  if (addresses.length === 0) throw lacks(file, 'Address', 'Address = 10.0.0.2/32, as the other side routes it to you')
  if (conf.device.privateKey === null) throw lacks(file, 'PrivateKey', 'PrivateKey = …; "wireweave genkey" makes one')
  const [{ netstackAdapter }, { openNetwork }] = await Promise.all([
    import('@wireweave/adapter-netstack/adapter'),
    import('@wireweave/adapter-netstack/node'),
  ])
  const { lookup, resolveRetries: retries, onLookupRetry: onRetry } = options
  const named = conf.peers.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== null)
  const resolved = await resolveEndpoints(named, { signal, lookup, retries, onRetry })
  const follower = new EndpointFollower({
    resolve: (endpoint) => resolveEndpoint(endpoint, { lookup, retries: 0 }),
    ...(onEndpointMoved && { onMove: onEndpointMoved }),
  })
  const adapter = netstackAdapter({
    addresses: addresses.map(({ address, length }) => `${formatIp(address)}/${length}`),
    ...(tcp && { tcp }),
  })
  const mtu = conf.quick.mtu ?? DEFAULT_MTU
  const tunnel = await openTunnel({
    name,
    mtu,
    adapter: 'netstack',
    netstack: adapter,
    // A mark steers datagrams around routes into the tunnel, of which there are none; setting it takes root.
    config: { ...setUpdate(conf, (endpoint) => resolved.get(endpointKey(endpoint))?.[0]), fwmark: null },
    ...(userspace && { userspace }),
    ...(signal && { signal }),
    onEvent: (event) => {
      follower.onEvent(event)
      onEvent?.(event)
    },
  })
  follower.follow(tunnel, namedPeers(conf, resolved))
  const network = openNetwork(adapter, { dns: dnsServers.map(formatIp), search: dnsSearch })
  const close = async (): Promise<void> => {
    follower.stop()
    await network.close()
    await tunnel.close()
  }
  return {
    name,
    tunnel,
    conf,
    mtu,
    stack: adapter.host.stack,
    closed: tunnel.closed,
    close,
    [Symbol.asyncDispose]: close,
    connect: (target) => network.connect(target),
    connectTls: (target) => network.connectTls(target),
    listen: (target, onConnection) => network.listen(target, onConnection),
    udp: (target) => network.udp(target),
    lookup: (host, how) => network.lookup(host, how),
    ping: (host, how) => network.ping(host, how),
    fetch: (input, init) => network.fetch(input, init),
    httpAgent: (how) => network.httpAgent(how),
    httpsAgent: (how) => network.httpsAgent(how),
  }
}

/**
 * The file that a path or a name in `/etc/wireguard` means. Not `readConfFile`: no interface will bear this name, so it may be
 * any. Throws a `WireGuardError`.
 */
export function readNetstackConf(source: string): Required<NetstackConf> {
  const isPath = source.endsWith('.conf') || path.basename(source) !== source
  const file = isPath ? path.resolve(source) : `/etc/wireguard/${source}.conf`
  return { name: path.basename(file, '.conf'), text: readTextFile(file).text, file }
}

function lacks(file: string, key: string, example: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `${file}: [Interface] has no ${key}. Add ${example}.`)
}
