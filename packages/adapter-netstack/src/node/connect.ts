/** Opens connections by name or address. */
import { addAbortSignal } from 'node:stream'
import { parseIp } from '@wireweave/tunnel/ip'
import type { NetworkErrorCode } from '../core/stack.js'
import type { Host } from '../host.js'
import { abortError, networkError } from './errors.js'
import type { Resolver } from './resolver.js'
import { type SocketOptions, TunnelSocket } from './socket.js'

export interface TcpConnectOptions extends SocketOptions {
  /** A name or an address. */
  readonly host: string
  readonly port: number
  readonly localAddress?: string
  readonly localPort?: number
  /** 4 or 6 to use only such addresses of a name. @default 0, both */
  readonly family?: number
  /** Destroys the socket when it fires, also after it is connected. */
  readonly signal?: AbortSignal
}

/** While there are more addresses to try, one has this long to answer. */
const ATTEMPT_MS = 1000

/** As `net.connect`: the socket is returned at once and emits `connect` or `error`. */
export function connectTcp(host: Host, resolver: Resolver, options: TcpConnectOptions): TunnelSocket {
  const { port, signal } = options
  if (!(Number.isInteger(port) && port > 0 && port < 65536)) {
    throw new RangeError(`a port is 1 to 65535, not ${port}`)
  }
  const socket = new TunnelSocket(host, options)
  if (signal !== undefined) {
    if (signal.aborted) {
      socket.destroy(abortError(signal))
      return socket
    }
    addAbortSignal(signal, socket)
  }
  void open(host, resolver, options, socket)
  return socket
}

async function open(host: Host, resolver: Resolver, options: TcpConnectOptions, socket: TunnelSocket): Promise<void> {
  try {
    const addresses = await resolver.lookup(options.host, {
      ...(options.family !== undefined && { family: options.family }),
      ...(options.signal !== undefined && { signal: options.signal }),
    })
    let failure: NetworkErrorCode = 'EHOSTUNREACH'
    for (const [i, { address }] of addresses.entries()) {
      if (socket.destroyed) return
      const code = await attempt(host, options, socket, address, i < addresses.length - 1)
      if (code === null) return
      failure = code
    }
    socket.destroy(networkError(failure, 'connect', addresses[addresses.length - 1]?.address, options.port))
  } catch (error) {
    socket.destroy(error as Error)
  }
}

/** `null` when the socket is connected or gone. */
function attempt(
  host: Host,
  options: TcpConnectOptions,
  socket: TunnelSocket,
  address: string,
  hasMore: boolean,
): Promise<NetworkErrorCode | null> {
  return new Promise((resolve) => {
    if (!host.isUp) return resolve('ENETDOWN')
    const connection = host.stack.connect(
      {
        remote: parseIp(address)!,
        remotePort: options.port,
        ...(options.localAddress !== undefined && { local: parseIp(options.localAddress) ?? new Uint8Array(0) }),
        ...(options.localPort !== undefined && { localPort: options.localPort }),
        handler: NOBODY,
      },
      host.now(),
    )
    if (typeof connection === 'string') return resolve(connection)
    let timer: NodeJS.Timeout | null = null
    const settle = (code: NetworkErrorCode | null): void => {
      if (timer !== null) clearTimeout(timer)
      socket.removeListener('connect', connected)
      socket.removeListener('close', connected)
      resolve(code)
    }
    const connected = (): void => settle(null)
    socket.once('connect', connected)
    socket.once('close', connected)
    socket.onConnectFailure = settle
    socket.attach(connection, false)
    if (hasMore) {
      timer = setTimeout(() => {
        socket.detach()
        settle('ETIMEDOUT')
      }, ATTEMPT_MS)
    }
  })
}

/** Stands in until the socket takes the connection over, in the same turn. */
const NOBODY = {
  onConnect: (): void => {},
  onReadable: (): void => {},
  onWritable: (): void => {},
  onEnd: (): void => {},
  onClose: (): void => {},
}
