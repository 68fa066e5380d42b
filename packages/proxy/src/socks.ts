/** A SOCKS 5 server (RFC 1928): CONNECT and UDP ASSOCIATE, addresses of both families, names, passwords (RFC 1929). */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import type { Context, Service } from './context.js'
import { isRight } from './credentials.js'
import type { Credentials } from './credentials.js'
import type { Target } from './dialer.js'
import { dial } from './dialing.js'
import type { DialFailure } from './dialing.js'
import type { Door } from './limits.js'
import { openServer, refuseStrangers } from './listening.js'
import type { Place } from './listening.js'
import { readExactly } from './read-exactly.js'
import { relay } from './relay.js'
import * as socks from './socks-messages.js'
import { associate } from './udp-associate.js'

export interface SocksOptions extends Place {
  readonly kind: 'socks5'
  /** Without them everybody who reaches the place may use it. */
  readonly credentials?: Credentials | undefined
}

export function openSocks(context: Context, options: SocksOptions): Promise<Service> {
  refuseStrangers(context, 'a SOCKS5 proxy', options, options.credentials !== undefined)
  const associations = context.associations.door()
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 },
    (socket) => {
      if (!socket.destroyed) void serve(context, associations, socket, options.credentials)
    },
  )
  return openServer(context, server, 'socks5', options)
}

async function serve(
  context: Context,
  associations: Door,
  socket: Socket,
  credentials: Credentials | undefined,
): Promise<void> {
  const tooSlow = setTimeout(() => socket.destroy(), context.limits.handshakeMs)
  socket.once('close', () => clearTimeout(tooSlow))
  try {
    if (!(await agree(context, socket, credentials))) return refuse(socket)
    const [version, command, , type] = await readExactly(socket, 4)
    if (version !== socks.VERSION) return refuse(socket)
    const target = await readTarget(socket, type!)
    if (target === null) return refuse(socket, socks.REPLY.addressNotSupported)
    clearTimeout(tooSlow)
    if (command === socks.CONNECT) await connect(context, socket, target)
    else if (command === socks.UDP_ASSOCIATE) await associate(context, associations, socket, target)
    else refuse(socket, socks.REPLY.commandNotSupported)
  } catch {
    socket.destroy()
  }
}

/** RFC 1928 §3: which method, and the method itself. */
async function agree(context: Context, socket: Socket, credentials: Credentials | undefined): Promise<boolean> {
  const [version, count] = await readExactly(socket, 2)
  if (version !== socks.VERSION || count === 0) return false
  const methods = await readExactly(socket, count!)
  const wanted = credentials === undefined ? socks.NO_AUTHENTICATION : socks.USERNAME_PASSWORD
  if (!methods.includes(wanted)) {
    if (credentials !== undefined) context.stats.unauthorized++
    socket.write(Buffer.of(socks.VERSION, socks.NO_ACCEPTABLE_METHOD))
    return false
  }
  socket.write(Buffer.of(socks.VERSION, wanted))
  if (credentials === undefined) return true
  const [passwordVersion, nameBytes] = await readExactly(socket, 2)
  if (passwordVersion !== socks.PASSWORD_VERSION) return false
  const name = nameBytes === 0 ? Buffer.alloc(0) : await readExactly(socket, nameBytes!)
  const [passwordBytes] = await readExactly(socket, 1)
  const password = passwordBytes === 0 ? Buffer.alloc(0) : await readExactly(socket, passwordBytes!)
  const isWelcome = isRight(credentials, name, password)
  if (!isWelcome) context.stats.unauthorized++
  // RFC 1929 §2: anything but zero is a failure.
  socket.write(Buffer.of(socks.PASSWORD_VERSION, isWelcome ? 0 : 1))
  return isWelcome
}

/** `null` for a kind of address that is unknown, and for a name that is none. */
async function readTarget(socket: Socket, type: number): Promise<Target | null> {
  const nameBytes = socks.isName(type) ? (await readExactly(socket, 1))[0]! : 0
  const length = socks.addressBytes(type, nameBytes)
  if (length === null || length === 0) return null
  const bytes = await readExactly(socket, length + 2)
  const host = socks.readHost(type, bytes.subarray(0, length))
  return host === null ? null : { host, port: bytes.readUInt16BE(length) }
}

async function connect(context: Context, socket: Socket, target: Target): Promise<void> {
  if (target.port === 0) return refuse(socket, socks.REPLY.failure)
  try {
    const remote = await dial(context, target, socket)
    socket.write(socks.writeReply(socks.REPLY.succeeded, remote.localAddress, remote.localPort))
    relay(context, socket, remote)
  } catch (error) {
    refuse(socket, socks.replyFor((error as DialFailure).code))
  }
}

/** With a last word, if there is one. */
function refuse(socket: Socket, reply?: number): void {
  if (reply !== undefined) socket.write(socks.writeReply(reply, undefined, undefined))
  // What the client goes on saying is not read: without this its end would wait for ever.
  socket.resume()
  socket.destroySoon()
}
