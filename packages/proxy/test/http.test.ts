import { once } from 'node:events'
import { createServer, request as sendRequest } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { CERTIFICATE, KEY } from '../../adapter-netstack/test/node/certificate.js'
import { openProxy } from '../src/proxy.js'
import type { Credentials, ProxyOptions } from '../src/proxy.js'
import { listen, open, pattern, readAll } from './clients.js'
import { HostDialer } from './host-dialer.js'
import { openOneService } from './one-service.js'
import type { OneService } from './one-service.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const start = (options?: Partial<ProxyOptions>, credentials?: Credentials): Promise<OneService> =>
  openOneService('http', closing, options, credentials)

async function origin(listener: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<number> {
  const server = createServer((request, response) => void listener(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Sends exactly this and returns all that comes back. */
async function raw(port: number, text: string): Promise<string> {
  const socket = await open(port)
  socket.on('error', () => {})
  socket.write(text)
  return String(await readAll(socket))
}

async function body(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of message as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

test('CONNECT opens a tunnel, and takes along what came with the request', async () => {
  const { dialer, port } = await start()
  const server = await listen((socket) => void socket.pipe(socket))
  closing.push(() => server.close())
  dialer.names.set('there.test', '127.0.0.1')
  const socket = await open(port)
  socket.end(`CONNECT there.test:${server.port} HTTP/1.1\r\nHost: there.test\r\n\r\nearly`)
  expect(String(await readAll(socket))).toBe('HTTP/1.1 200 Connection established\r\n\r\nearly')
  expect(dialer.dialed[0]).toMatchObject({ host: 'there.test', port: server.port })
})

test.each([
  ['nothing', ''],
  ['a path', '/x'],
  ['no port', 'there.test'],
  ['port 0', 'there.test:0'],
  ['a port too high', 'there.test:65536'],
  ['a URL', 'http://there.test:80'],
  ['an IPv6 address without brackets', '::1:80'],
  ['a name with a slash', 'a/b:80'],
  ['a user', 'me@there.test:80'],
])('CONNECT to %s is refused', async (_, target) => {
  const { dialer, port } = await start()
  expect(await raw(port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
  expect(dialer.dialed).toEqual([])
})

test('what cannot be reached is said', async () => {
  const { port } = await start()
  const closed = await listen(() => {})
  closed.close()
  expect(await raw(port, `CONNECT 127.0.0.1:${closed.port} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 502 /)
  const plain = await raw(port, `GET http://127.0.0.1:${closed.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  expect(plain).toMatch(/^HTTP\/1\.1 502 [^]*ECONNREFUSED/)
})

test('a request in absolute form is forwarded, its body too, and only what is meant for the origin', async () => {
  const { port } = await start()
  const sent = pattern(300_000)
  const answered = pattern(500_000)
  const there = await origin(async (request, response) => {
    expect((await body(request)).equals(sent)).toBe(true)
    response.writeHead(201, [
      'X-Two',
      '1',
      'X-Two',
      '2',
      'Keep-Alive',
      'timeout=9',
      'Connection',
      'x-hop',
      'X-Hop',
      '1',
    ])
    response.end(Buffer.concat([Buffer.from(JSON.stringify([request.url, request.rawHeaders])), answered]))
  })
  const request = sendRequest({
    ...{ host: '127.0.0.1', port, method: 'POST', path: `http://127.0.0.1:${there}/a?b=c` },
    headers: {
      Host: 'somewhere.else',
      'X-Mine': 'yes',
      'X-Hop': 'no',
      Connection: 'keep-alive, X-Hop, Content-Length',
      'Proxy-Authorization': 'Basic c2VjcmV0',
      'Proxy-Connection': 'keep-alive',
      TE: 'trailers',
      'Content-Length': sent.length,
    },
  })
  request.end(sent)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(201)
  expect(response.rawHeaders.filter((_, i, all) => all[i - 1] === 'X-Two' && i % 2 === 1)).toEqual(['1', '2'])
  expect([response.headers['x-hop'], response.headers['via']]).toEqual([undefined, '1.1 wireweave'])
  const whole = await body(response)
  const seen = JSON.parse(String(whole.subarray(0, -answered.length))) as [string, string[]]
  expect(whole.subarray(-answered.length).equals(answered)).toBe(true)
  expect(seen).toEqual([
    '/a?b=c',
    ['X-Mine', 'yes', 'Content-Length', String(sent.length), 'Via', '1.1 wireweave']
      .concat(['Host', `127.0.0.1:${there}`])
      .concat(['Connection', 'close']),
  ])
})

test('Expect: 100-continue is answered by the origin', async () => {
  const { port } = await start()
  const there = await origin(async (request, response) => response.end(await body(request)))
  const path = `http://127.0.0.1:${there}/`
  const headers = { Expect: '100-continue', 'Content-Length': 5 }
  const request = sendRequest({ host: '127.0.0.1', port, method: 'PUT', path, headers })
  request.flushHeaders()
  await once(request, 'continue')
  request.end('hello')
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(String(await body(response))).toBe('hello')
})

test.each([
  ['two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n'],
  ['a length and chunks', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'],
  ['an encoding that does not end in chunks', 'Transfer-Encoding: chunked, identity\r\n'],
  ['a length with a sign', 'Content-Length: +3\r\n'],
  ['a space before the colon', 'Content-Length : 3\r\n'],
  ['a bare line feed', 'X: 1\nContent-Length: 3\r\n'],
  ['a folded header', 'X: 1\r\n Content-Length: 3\r\n'],
  ['a NUL', 'X: a\u0000b\r\n'],
])('%s: the parser refuses it, nothing is forwarded', async (_, headers) => {
  const { dialer, port } = await start()
  const answer = await raw(port, `POST http://127.0.0.1:9/ HTTP/1.1\r\nHost: x\r\n${headers}\r\nabc`)
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect(dialer.dialed).toEqual([])
})

test.each([
  ['a path, as a page in a browser could send it', 'GET / HTTP/1.1'],
  ['another scheme', 'GET https://there.test/ HTTP/1.1'],
  ['a user in the address', 'GET http://me:secret@there.test/ HTTP/1.1'],
  ['port 0', 'GET http://there.test:0/ HTTP/1.1'],
  ['a host that is none', 'GET http://a%20b/ HTTP/1.1'],
])('%s is refused', async (_, line) => {
  const { dialer, port } = await start()
  expect(await raw(port, `${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
  expect(dialer.dialed).toEqual([])
})

test('a password is asked for', async () => {
  const { proxy, port } = await start({}, { username: 'anna', password: 'a:b' })
  const there = await origin((_, response) => response.end('in'))
  const get = (header: string): Promise<string> =>
    raw(port, `GET http://127.0.0.1:${there}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n`)
  const basic = (text: string): string => `Proxy-Authorization: Basic ${Buffer.from(text).toString('base64')}\r\n`
  expect(await get(basic('anna:a:b'))).toMatch(/^HTTP\/1\.1 200 [^]*in/)
  for (const header of ['', basic('anna:a'), basic('anna'), 'Proxy-Authorization: Bearer x\r\n']) {
    expect(await get(header)).toMatch(/^HTTP\/1\.1 407 [^]*proxy-authenticate: Basic realm/i)
  }
  const tunnel = await raw(port, `CONNECT 127.0.0.1:${there} HTTP/1.1\r\nHost: x\r\n\r\n`)
  expect(tunnel).toMatch(/^HTTP\/1\.1 407 [^]*proxy-authenticate: Basic realm/i)
  expect(proxy.stats.unauthorized).toBe(5)
})

test('headers that are too long or too slow are not waited for', async () => {
  const { port } = await start({ limits: { headerBytes: 2000, handshakeMs: 100 } })
  expect(await raw(port, `GET http://x/ HTTP/1.1\r\nX: ${'a'.repeat(4000)}`)).toMatch(/^HTTP\/1\.1 431 /)
  expect(await raw(port, 'GET http://x/ HTTP/1.1\r\nHost:')).toMatch(/^HTTP\/1\.1 408 /)
})

test('an answer that breaks off does not look whole', async () => {
  const { port } = await start()
  const server = await listen((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    setTimeout(() => socket.destroy(), 20)
  })
  closing.push(() => server.close())
  const request = sendRequest({ host: '127.0.0.1', port, path: `http://127.0.0.1:${server.port}/` })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  await expect(body(response)).rejects.toThrow(/aborted/)
})

test('a client that leaves takes the request along', async () => {
  const { proxy, port } = await start()
  let gone = false
  const there = await origin((request) => request.socket.once('close', () => (gone = true)))
  const socket = await open(port)
  socket.write(`GET http://127.0.0.1:${there}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  await expect.poll(() => proxy.stats.connections.http).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  socket.destroy()
  await expect.poll(() => gone).toBe(true)
})

test('the proxy itself speaks TLS, also to a far end that resets', async () => {
  const dialer = new HostDialer()
  const service = { kind: 'http' as const, host: '127.0.0.1', port: 0, tls: { cert: CERTIFICATE, key: KEY } }
  const proxy = await openProxy(dialer, { services: [service] })
  closing.push(() => proxy.close())
  const connect = async (target: number): Promise<tls.TLSSocket> => {
    const socket = tls.connect({ port: proxy.services[0]!.port, ca: CERTIFICATE, servername: 'web.test' })
    socket.on('error', () => {})
    socket.write(`CONNECT 127.0.0.1:${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
    return socket
  }
  const echo = await listen((socket) => void socket.pipe(socket))
  closing.push(() => echo.close())
  const socket = await connect(echo.port)
  socket.write('hello')
  expect(String((await once(socket, 'data'))[0])).toBe('hello')
  socket.destroy()
  const resetting = await listen((inner) => setTimeout(() => inner.resetAndDestroy(), 50))
  closing.push(() => resetting.close())
  const cut = await connect(resetting.port)
  if (!cut.destroyed) await once(cut, 'close')
  await expect.poll(() => proxy.open.connections).toBe(0)
})

test.each([
  ['a status that there is not', 'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n'],
  ['a reason with a control character', 'HTTP/1.1 200 a\u0001b\r\nContent-Length: 0\r\n\r\n'],
  ['a coding without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello'],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello'],
])('an origin that answers with %s fails, and ends nothing else', async (_, answer) => {
  const { port } = await start()
  const server = await listen((socket) => socket.once('data', () => socket.end(answer, 'latin1')))
  closing.push(() => server.close())
  const said = await raw(port, `GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  expect(said).toMatch(/^HTTP\/1\.1 502 /)
})

test('a client of HTTP/1.0 gets no chunks, and one that did not ask gets one 100 at most', async () => {
  const { port } = await start()
  const answer = `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`
  const server = await listen((socket) => socket.once('data', () => socket.end(answer)))
  closing.push(() => server.close())
  const said = await raw(port, `GET http://127.0.0.1:${server.port}/ HTTP/1.0\r\n\r\n`)
  expect(said.toLowerCase()).not.toContain('transfer-encoding')
  expect(said).toMatch(/\r\n\r\nhello$/)
  expect(said.split('100 Continue').length).toBeLessThanOrEqual(2)
})

test('CONNECT behind a request that is not answered ends the connection: its answer would be in the tunnel', async () => {
  const { port } = await start()
  const server = await listen((socket) => socket.once('data', () => setTimeout(() => socket.end('late'), 50)))
  closing.push(() => server.close())
  const there = `127.0.0.1:${server.port}`
  const get = `GET http://${there}/ HTTP/1.1\r\nHost: x\r\n\r\n`
  expect(await raw(port, `${get}CONNECT ${there} HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe('')
})

test('one connection cannot dial any number of others by sending requests ahead', async () => {
  const { dialer, port } = await start()
  const server = await listen(() => {})
  closing.push(() => server.close())
  await raw(port, `GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(100))
  expect(dialer.dialed.length).toBeLessThanOrEqual(4)
})
