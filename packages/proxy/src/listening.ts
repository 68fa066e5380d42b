/** Doors on this machine. */
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatTarget, isLoopback } from './address.js'
import type { Context, Service, ServiceKind } from './context.js'

export interface Place {
  /** An address or a name of this machine. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/**
 * Throws when everybody on the network could come in without a password, and nobody said that they may. `hasCredentials`
 * is `null` for what cannot ask for any.
 */
export function refuseStrangers(context: Context, what: string, place: Place, hasCredentials: boolean | null): void {
  if (context.isExposed || hasCredentials === true || isLoopback(place.host)) return
  const password = hasCredentials === null ? '' : 'ask for a password (--user), '
  throw new WireGuardError(
    'CONFIG_INVALID',
    `${what} on ${formatTarget(place)} would be open to everybody who reaches this machine. ` +
      `Listen on 127.0.0.1, ${password}or allow it (--allow-unauthenticated; allowUnauthenticated in code).`,
  )
}

/** Listens, counts, and keeps to the limit. What is no connection too many goes on to the server's own listeners. */
export async function openServer(
  context: Context,
  server: Server,
  kind: ServiceKind,
  place: Place,
  target: Service['target'] = null,
): Promise<Service> {
  const { stats } = context
  const places = context.connections.door()
  const sockets = new Set<Socket>()
  server.prependListener('connection', (socket: Socket) => {
    if (!places.take()) {
      stats.refused++
      socket.destroy()
      return
    }
    stats.connections[kind]++
    sockets.add(socket)
    // Whoever uses the socket listens too; an error in between must not end the process.
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      places.give()
    })
  })
  server.listen({ host: place.host, port: place.port })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(place, error)
  }
  // Such as EMFILE: the next connection may succeed.
  server.on('error', () => {})
  const { address, port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { kind, protocol: 'tcp', address, port, target, close }
}

export function listenError(place: Place, cause: unknown): WireGuardError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  const where = formatTarget(place)
  const remedies: Record<string, string> = {
    EADDRINUSE: `${where} is taken. Choose another port, or end what listens there.`,
    EACCES: `${where} may not be used without root. Choose a port from 1024 on.`,
    EADDRNOTAVAIL: `${where} is not among the addresses here. Use one that is, or leave the address out.`,
    ENOTFOUND: `${place.host} is not known. Use an address.`,
  }
  const code = errno === 'EACCES' ? 'PERMISSION_DENIED' : 'ADDRESS_IN_USE'
  return new WireGuardError(code, remedies[errno] ?? `cannot listen on ${where} (${errno})`, { cause, errno })
}
