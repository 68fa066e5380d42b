/** OPEN and the end of LISTEN (RFC 9293 §3.10.1): ports and who may have them. */
import type { Connection, ConnectionHandler, NetworkErrorCode } from './connection.js'
import { abortConnection } from './closing.js'
import { open } from './handshake.js'
import { Listener, type ListenerHandler } from './listener.js'
import type { Tcp } from './tcp.js'

/** RFC 6056 §3.2 would take all of 1024..65535; those of well-known services stay free for listeners. */
export const FIRST_EPHEMERAL_PORT = 32768
export const EPHEMERAL_PORTS: number = 65536 - FIRST_EPHEMERAL_PORT

export interface ConnectOptions {
  /** 4 or 16 bytes. */
  readonly remote: Uint8Array
  readonly remotePort: number
  /** One of the stack's; chosen when absent. */
  readonly local?: Uint8Array
  /** Random when absent or 0 (RFC 6056 §3.3.1). */
  readonly localPort?: number
  readonly handler: ConnectionHandler
}

export function connect(tcp: Tcp, options: ConnectOptions, local: Uint8Array): Connection | NetworkErrorCode {
  const { remote, remotePort, handler } = options
  if (tcp.table.size >= tcp.options.maxConnections) return 'EMFILE'
  const wanted = options.localPort ?? 0
  if (wanted > 0) {
    if (tcp.table.has(local, wanted, remote, remotePort)) return 'EADDRINUSE'
    return open(tcp, local, wanted, remote, remotePort, handler)
  }
  const first = tcp.random.below(EPHEMERAL_PORTS)
  for (let i = 0; i < EPHEMERAL_PORTS; i++) {
    const port = FIRST_EPHEMERAL_PORT + ((first + i) % EPHEMERAL_PORTS)
    if (tcp.listeners.has(port) || tcp.table.has(local, port, remote, remotePort)) continue
    return open(tcp, local, port, remote, remotePort, handler)
  }
  return 'EADDRNOTAVAIL'
}

export function listen(
  tcp: Tcp,
  address: Uint8Array | null,
  port: number,
  handler: ListenerHandler,
): Listener | NetworkErrorCode {
  const chosen = port === 0 ? freePort(tcp) : port
  if (chosen < 0) return 'EADDRINUSE'
  const others = tcp.listeners.get(chosen) ?? []
  const isTaken = others.some(
    (other) => other.address === null || address === null || other.address.join() === address.join(),
  )
  if (isTaken) return 'EADDRINUSE'
  const listener = new Listener(address, chosen, handler)
  tcp.listeners.set(chosen, [...others, listener])
  return listener
}

/** Handshakes that are not complete are reset; connections live on. */
export function closeListener(tcp: Tcp, listener: Listener): void {
  if (listener.isClosed) return
  listener.isClosed = true
  for (const connection of listener.halfOpen.all()) abortConnection(tcp, connection)
  const left = (tcp.listeners.get(listener.port) ?? []).filter((other) => other !== listener)
  if (left.length === 0) tcp.listeners.delete(listener.port)
  else tcp.listeners.set(listener.port, left)
}

function freePort(tcp: Tcp): number {
  const first = tcp.random.below(EPHEMERAL_PORTS)
  for (let i = 0; i < EPHEMERAL_PORTS; i++) {
    const port = FIRST_EPHEMERAL_PORT + ((first + i) % EPHEMERAL_PORTS)
    if (!tcp.listeners.has(port)) return port
  }
  return -1
}
