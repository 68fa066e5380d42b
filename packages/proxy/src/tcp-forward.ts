/** Forwards of TCP: `-L` of ssh leads into the tunnel, `-R` out of it. */
import { createServer } from 'node:net'
import type { Context, Service } from './context.js'
import type { DialServer, DialSocket, Target } from './dialer.js'
import { dial, dialHost } from './dialing.js'
import { listenError, openServer, refuseStrangers } from './listening.js'
import type { Place } from './listening.js'
import { relay } from './relay.js'

export interface TcpForwardOptions extends Place {
  readonly kind: 'forward'
  readonly protocol: 'tcp'
  readonly target: Target
}

export interface TcpReverseOptions {
  readonly kind: 'reverse'
  readonly protocol: 'tcp'
  /** One of the tunnel's addresses; all of them when absent. */
  readonly host?: string
  readonly port: number
  readonly target: Target
}

export function openTcpForward(context: Context, options: TcpForwardOptions): Promise<Service> {
  refuseStrangers(context, 'a forward', options, null)
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 },
    (socket) => void (socket.destroyed || join(context, socket, dial(context, options.target, socket))),
  )
  return openServer(context, server, 'forward', options, options.target)
}

/** Peers of the tunnel come in: WireGuard has authenticated them. */
export async function openTcpReverse(context: Context, options: TcpReverseOptions): Promise<Service> {
  const { host, port, target } = options
  const { stats, dialer } = context
  const places = context.connections.door()
  const take = (socket: DialSocket): void => {
    socket.on('error', () => {})
    if (!places.take()) {
      stats.refused++
      socket.resetAndDestroy()
      return
    }
    stats.connections.reverse++
    socket.once('close', () => places.give())
    void join(context, socket, dialHost(context, target, socket))
  }
  let server: DialServer
  try {
    server = dialer.listen({ port, allowHalfOpen: true, ...(host !== undefined && { host }) }, take)
  } catch (error) {
    throw listenError({ host: host ?? '::', port }, error)
  }
  const { address, port: taken } = server.address()
  const close = (): Promise<void> => server[Symbol.asyncDispose]()
  return { kind: 'reverse', protocol: 'tcp', address, port: taken, target, close }
}

async function join(context: Context, client: DialSocket, dialed: Promise<DialSocket>): Promise<void> {
  try {
    relay(context, client, await dialed)
  } catch {
    // There is no way to say why; a reset is how a port without a listener answers.
    client.resetAndDestroy()
  }
}
