/** An HTTP/1.1 proxy: CONNECT (RFC 9110 §9.3.6) and requests in absolute form (RFC 9112 §3.2.2). Node's parser is strict. */
import { createServer, request as sendRequest, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatTarget, isHost, parseTarget } from './address.js'
import type { Context, Service } from './context.js'
import { isRightHeader } from './credentials.js'
import type { Credentials } from './credentials.js'
import type { DialSocket, Target } from './dialer.js'
import { dial } from './dialing.js'
import type { DialFailure } from './dialing.js'
import { answerHeaders, forwardedHeaders } from './http-headers.js'
import { openServer, refuseStrangers } from './listening.js'
import type { Place } from './listening.js'
import { relay } from './relay.js'

export interface HttpOptions extends Place {
  readonly kind: 'http'
  /** Without them everybody who reaches the place may use it. */
  readonly credentials?: Credentials | undefined
  /** PEM: the proxy itself speaks TLS. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined
}

export function openHttp(context: Context, options: HttpOptions): Promise<Service> {
  refuseStrangers(context, 'an HTTP proxy', options, options.credentials !== undefined)
  const { credentials } = options
  const server = makeServer(context, options)
  // All of them count against the size; a parser that leaves some out reads another message than the next one does.
  server.maxHeadersCount = 0
  const unanswered = new WeakMap<Duplex, number>()
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Answers to earlier requests would come in the middle of the tunnel.
    if ((unanswered.get(socket) ?? 0) > 0) socket.destroy()
    else void tunnel(context, request, socket as Socket, head, credentials)
  })
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    const others = unanswered.get(socket) ?? 0
    if (others >= MOST_PIPELINED) {
      socket.destroy()
      return
    }
    unanswered.set(socket, others + 1)
    response.once('close', () => unanswered.set(socket, unanswered.get(socket)! - 1))
    forward(context, request, response, credentials)
  }
  server.on('request', onRequest)
  // Whether to go on is for the origin to say.
  server.on('checkContinue', onRequest)
  return openServer(context, server, 'http', options)
}

/** Requests of one connection that wait for an answer. Each has a connection of its own, which counts against no limit. */
const MOST_PIPELINED = 4

function makeServer({ limits }: Context, { tls }: HttpOptions): Server {
  const options = {
    headersTimeout: limits.handshakeMs,
    // A body may be long, and slow; what it may not is idle.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1000, limits.handshakeMs),
    maxHeaderSize: limits.headerBytes,
    insecureHTTPParser: false,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    noDelay: true,
  }
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...tls, handshakeTimeout: limits.handshakeMs })
  server.setTimeout(limits.halfOpenMs)
  return server
}

async function tunnel(
  context: Context,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  credentials: Credentials | undefined,
): Promise<void> {
  socket.on('error', () => {})
  // From here on only what is half open has a limit.
  socket.setTimeout(0)
  // At once: the client may have ended already, and after the end nothing can be put back.
  if (head.length > 0) socket.unshift(head)
  const target = parseTarget(request.url ?? '')
  if (!isWelcome(context, request, credentials)) return refuseTunnel(socket, 407)
  if (target === null) return refuseTunnel(socket, 400)
  try {
    const remote = await dial(context, target, socket)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    relay(context, socket, remote)
  } catch (error) {
    refuseTunnel(socket, statusFor(error as DialFailure))
  }
}

function refuseTunnel(socket: Socket, status: number): void {
  const challenge = status === 407 ? `Proxy-Authenticate: ${CHALLENGE}\r\n` : ''
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status]}`
  socket.write(`${line}\r\n${challenge}Content-Length: 0\r\nConnection: close\r\n\r\n`)
  socket.resume()
  socket.destroySoon()
}

const CHALLENGE = 'Basic realm="wireweave", charset="UTF-8"'

function isWelcome({ stats }: Context, request: IncomingMessage, credentials: Credentials | undefined): boolean {
  if (credentials === undefined || isRightHeader(credentials, request.headers['proxy-authorization'])) return true
  stats.unauthorized++
  return false
}

/** One request to one origin, over a connection of its own: what one client does on it can do nothing to another. */
function forward(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  credentials: Credentials | undefined,
): void {
  const fail = (status: number, why: string): void => {
    request.unpipe()
    request.resume()
    if (response.headersSent) {
      // A body that ends too early must not look whole.
      response.destroy()
      return
    }
    response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      connection: 'close',
      ...(status === 407 && { 'proxy-authenticate': CHALLENGE }),
    })
    response.end(`${why}\n`)
  }
  if (!isWelcome(context, request, credentials)) return fail(407, 'This proxy asks for a name and a password.')
  const { method = 'GET' } = request
  if (method === 'TRACE') return fail(405, 'This proxy does not forward TRACE.')
  const origin = originOf(request.url ?? '')
  if (origin === null) {
    return fail(400, 'This is an HTTP proxy: it takes http:// addresses in full, and CONNECT for everything else.')
  }
  dial(context, origin, request.socket)
    .then((remote) => exchange(request, response, origin, remote, fail))
    .catch((error: DialFailure) => fail(statusFor(error), `${formatTarget(origin)}: ${error.code ?? 'unreachable'}`))
}

interface Origin extends Target {
  readonly path: string
  /** What the Host header says (RFC 9112 §3.2.2: not what the client's says). */
  readonly authority: string
}

function originOf(text: string): Origin | null {
  if (!/^http:\/\//i.test(text) || !URL.canParse(text)) return null
  const { hostname, host, port, pathname, search, username, password } = new URL(text)
  const name = hostname.replace(/^\[|\]$/g, '')
  if (!isHost(name) || port === '0' || username !== '' || password !== '') return null
  return { host: name, port: Number(port || 80), path: `${pathname}${search}`, authority: host }
}

function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  { authority, path }: Origin,
  remote: DialSocket,
  fail: (status: number, why: string) => void,
): void {
  if (response.destroyed) {
    remote.destroy()
    return
  }
  const upstream = sendRequest({
    createConnection: () => remote,
    method: request.method ?? 'GET',
    path,
    setHost: false,
    headers: [...forwardedHeaders(request), 'Host', authority, 'Connection', 'close'],
  })
  upstream.once('continue', () => response.writeContinue())
  upstream.on('response', (answer) => {
    if (!isPassable(answer)) return fail(502, 'The origin said what HTTP has no meaning for.')
    response.writeHead(answer.statusCode!, answer.statusMessage, answerHeaders(answer))
    answer.pipe(response)
    answer.on('error', () => response.destroy())
    answer.on('aborted', () => response.destroy())
  })
  upstream.on('upgrade', (_, socket) => {
    socket.destroy()
    fail(502, 'The origin went over to another protocol, which nobody asked for.')
  })
  upstream.on('error', () => fail(502, 'The origin broke the connection off, or does not speak HTTP.'))
  response.on('close', () => upstream.destroy())
  request.pipe(upstream)
}

/** Node's parser takes more than may be written again. A coding besides `chunked` leaves the end of the body unclear. */
function isPassable({ statusCode = 0, statusMessage = '', headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']?.toLowerCase() ?? 'chunked'
  return statusCode >= 200 && REASON.test(statusMessage) && coding === 'chunked'
}

/** RFC 9112 §4. */
const REASON = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

function statusFor({ code }: DialFailure): number {
  return code === 'ETIMEDOUT' || code === 'EAI_AGAIN' ? 504 : 502
}
