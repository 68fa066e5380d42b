import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import dns from 'dns-packet'
import { afterEach, describe, expect, test } from 'vitest'
import type { Network, TunnelSocket } from '../../src/node/network.js'
import { type Cable, plugIn } from '../cable.js'
import { pattern } from '../wire.js'
import { CERTIFICATE, KEY } from './certificate.js'

const opened: Cable[] = []
async function cable(...options: Parameters<typeof plugIn>): Promise<Cable> {
  const made = await plugIn(...options)
  opened.push(made)
  return made
}
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]()
})

/** What goes in comes back. */
function echo(network: Network, port: number): void {
  network.listen({ port, allowHalfOpen: true }, (socket) => {
    pipeline(socket, socket).catch(() => {})
  })
}

function errorOf(socket: TunnelSocket): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => socket.once('error', resolve))
}

describe('connect', () => {
  test.each(['10.0.0.2', 'fd00::2'])('a megabyte to %s and back, half-open', async (host) => {
    const { alice, bob } = await cable()
    echo(bob, 7)
    const socket = alice.connect({ host, port: 7, allowHalfOpen: true })
    const data = pattern(1_000_000)
    socket.end(data)
    const parts: Buffer[] = []
    for await (const part of socket as AsyncIterable<Buffer>) parts.push(part)
    expect(Buffer.compare(Buffer.concat(parts), data)).toBe(0)
    expect(socket.bytesRead).toBe(1_000_000)
    expect(socket.bytesWritten).toBe(1_000_000)
    expect(socket.remoteAddress).toBe(host)
    expect(socket.remotePort).toBe(7)
    expect(socket.remoteFamily).toBe(host.includes(':') ? 'IPv6' : 'IPv4')
  })

  test('events come in the order of net.Socket', async () => {
    const { alice, bob } = await cable()
    bob.listen({ port: 9 }, (socket) => socket.end('bye'))
    const socket = alice.connect({ host: '10.0.0.2', port: 9 })
    const seen: string[] = []
    for (const name of ['connect', 'ready', 'data', 'end', 'finish', 'close']) {
      socket.on(name, (value) => seen.push(name === 'close' ? `close ${value}` : name))
    }
    expect(socket.readyState).toBe('opening')
    await once(socket, 'close')
    expect(seen).toEqual(['connect', 'ready', 'data', 'end', 'finish', 'close false'])
    expect(socket.readyState).toBe('closed')
  })

  test('a closed port refuses', async () => {
    const { alice } = await cable()
    const error = await errorOf(alice.connect({ host: '10.0.0.2', port: 1 }))
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.2', port: 1 })
    expect(error.message).toBe('connect ECONNREFUSED 10.0.0.2:1')
  })

  test('a reset is ECONNRESET', async () => {
    const { alice, bob } = await cable()
    bob.listen({ port: 9 }, (socket) => socket.resetAndDestroy())
    const socket = alice.connect({ host: '10.0.0.2', port: 9 })
    expect(await errorOf(socket)).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
  })

  test('what was destroyed with something left to write resets: the peer must not take a part for the whole', async () => {
    const { alice, bob } = await cable()
    bob.listen({ port: 9 }, (socket) => {
      socket.write(pattern(5_000_000))
      setImmediate(() => socket.destroy())
    })
    const socket = alice.connect({ host: '10.0.0.2', port: 9 })
    let hasEnded = false
    socket.on('end', () => (hasEnded = true)).resume()
    expect((await errorOf(socket)).code).toBe('ECONNRESET')
    expect(hasEnded).toBe(false)
  })

  test('an address of a family the stack has not is ENETUNREACH, itself EHOSTUNREACH', async () => {
    const { alice } = await cable()
    expect(await errorOf(alice.connect({ host: '224.0.0.1', port: 1 }))).toMatchObject({ code: 'ENETUNREACH' })
    expect(await errorOf(alice.connect({ host: '10.0.0.1', port: 1 }))).toMatchObject({ code: 'EHOSTUNREACH' })
  })

  test('a signal ends an attempt to connect, and a connection', async () => {
    const { alice, bob } = await cable()
    echo(bob, 7)
    const early = new AbortController()
    const socket = alice.connect({ host: '10.0.0.9', port: 7, signal: early.signal })
    setTimeout(() => early.abort(), 10)
    expect(await errorOf(socket)).toMatchObject({ code: 'ABORT_ERR' })
    const late = new AbortController()
    const connected = alice.connect({ host: '10.0.0.2', port: 7, signal: late.signal })
    await once(connected, 'connect')
    late.abort()
    expect(await errorOf(connected)).toMatchObject({ code: 'ABORT_ERR' })
    expect(await errorOf(alice.connect({ host: '10.0.0.2', port: 7, signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORT_ERR',
    })
  })

  test('an idle socket emits timeout and lives on', async () => {
    const { alice, bob } = await cable()
    echo(bob, 7)
    const socket = alice.connect({ host: '10.0.0.2', port: 7, timeout: 50 })
    await once(socket, 'timeout')
    expect(socket.destroyed).toBe(false)
    socket.write('still here')
    expect(String((await once(socket, 'data'))[0])).toBe('still here')
  })

  test('a reader that is slow holds the writer back, with bounded memory', async () => {
    const { alice, bob, adapters } = await cable()
    let server!: TunnelSocket
    bob.listen({ port: 9 }, (socket) => {
      server = socket
      socket.pause()
    })
    const socket = alice.connect({ host: '10.0.0.2', port: 9 })
    let isFull = false
    while (!isFull) {
      isFull =
        !socket.write(pattern(65536)) && (await Promise.race([once(socket, 'drain').then(() => false), later(300)]))
    }
    const load = adapters[0].host.stack.load.bufferBytes + adapters[1].host.stack.load.bufferBytes
    expect(load).toBeLessThan(4 * 1024 * 1024)
    let total = 0
    server.on('data', (part: Buffer) => (total += part.length)).resume()
    socket.end()
    await once(server, 'end')
    expect(total).toBe(socket.bytesWritten)
  })

  test('everything ends when the tunnel closes', async () => {
    const { alice, bob, ports } = await cable()
    echo(bob, 7)
    const socket = alice.connect({ host: '10.0.0.2', port: 7 })
    await once(socket, 'connect')
    const error = errorOf(socket)
    await ports[0].close()
    expect(await error).toMatchObject({ code: 'ENETDOWN' })
    expect(await errorOf(alice.connect({ host: '10.0.0.2', port: 7 }))).toMatchObject({ code: 'ENETDOWN' })
    expect(() => alice.listen({ port: 1 })).toThrow('ENETDOWN')
  })
})

describe('listen', () => {
  test('a port is free or taken', async () => {
    const { bob } = await cable()
    await using server = bob.listen({ port: 80 })
    expect(server.address()).toEqual({ address: '::', family: 'IPv6', port: 80 })
    expect(() => bob.listen({ port: 80 })).toThrow('EADDRINUSE')
    expect(() => bob.listen({ port: 81, host: '10.9.9.9' })).toThrow('EADDRNOTAVAIL')
    expect(bob.listen({ port: 0 }).address().port).toBeGreaterThan(1023)
  })

  test('close lets connections finish, disposal does not', async () => {
    const { alice, bob } = await cable()
    const server = bob.listen({ port: 80 })
    const socket = alice.connect({ host: '10.0.0.2', port: 80 })
    await once(server, 'connection')
    let isClosed = false
    server.close(() => (isClosed = true))
    expect(await errorOf(alice.connect({ host: '10.0.0.2', port: 80 }))).toMatchObject({ code: 'ECONNREFUSED' })
    expect(isClosed).toBe(false)
    const ended = once(server, 'close')
    await server[Symbol.asyncDispose]()
    await ended
    expect(isClosed).toBe(true)
    socket.destroy()
  })
})

describe('udp', () => {
  test('datagrams go there and back, and a closed port says so', async () => {
    const { alice, bob } = await cable()
    const server = bob.udp({ port: 53 })
    server.on('message', (data: Buffer, from: { address: string; port: number }) => {
      void server.send(Buffer.concat([data, data]), from.port, from.address)
    })
    await using client = alice.udp()
    await client.send(Buffer.from('ab'), 53, '10.0.0.2')
    const [reply, from] = await once(client, 'message')
    expect(String(reply)).toBe('abab')
    expect(from).toEqual({ address: '10.0.0.2', family: 'IPv4', port: 53, size: 4 })
    const unreachable = once(client, 'unreachable')
    await client.send(Buffer.from('x'), 54, 'fd00::2')
    expect((await unreachable)[0]).toMatchObject({ code: 'ECONNREFUSED', address: 'fd00::2', port: 54 })
    await expect(client.send(new Uint8Array(1400), 53, '10.0.0.2')).rejects.toMatchObject({ code: 'EMSGSIZE' })
  })
})

test('ping measures, and says why not', async () => {
  const { alice } = await cable()
  expect(await alice.ping('10.0.0.2')).toBeGreaterThanOrEqual(0)
  expect(await alice.ping('fd00::2', { bytes: 1000 })).toBeGreaterThanOrEqual(0)
  await expect(alice.ping('10.0.0.77', { timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  await expect(alice.ping('10.0.0.77', { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    code: 'ABORT_ERR',
  })
})

describe('lookup', () => {
  /** 5.test is an alias of 4.test, and so on to 0.test; the last ones first. */
  function aliases(name: string): dns.Answer[] {
    const count = Number.parseInt(name) || 0
    const chain = Array.from({ length: count }, (_, i) => ({ name: `${i + 1}.test`, data: `${i}.test` }))
    const last = { name: count > 0 ? '0.test' : name, data: 'real.test' }
    return [last, ...chain].map((alias) => ({ type: 'CNAME', ...alias }))
  }

  /** web.test is an alias with addresses of both kinds; long.test answers over TCP only; the rest does not exist. */
  function serveNames(network: Network): void {
    const answer = (query: Buffer, isTcp: boolean): Buffer => {
      const { id, questions } = dns.decode(query)
      const { name, type } = questions![0]!
      const isKnown = /^(web|long|many|\d+)\.test$/i.test(name)
      const isCut = /^(long|many)\./.test(name) && !isTcp
      const address = { name: 'real.test', type, data: type === 'A' ? '10.0.0.2' : 'fd00::2' } as dns.Answer
      const addresses = Array.from({ length: name === 'many.test' ? 60 : 1 }, () => address)
      return dns.encode({
        ...{ type: 'response', id: id!, questions: questions! },
        flags: (isCut ? dns.TRUNCATED_RESPONSE : 0) | (isKnown ? 0 : 3),
        answers: isKnown && !isCut ? [...aliases(name), ...addresses] : [],
      })
    }
    const server = network.udp({ port: 53 })
    server.on('message', (query: Buffer, from: { address: string; port: number }) => {
      // A forged one first: wrong identifier.
      const forged = answer(query, false)
      forged[0]! ^= 1
      void server.send(forged, from.port, from.address)
      void server.send(answer(query, false), from.port, from.address)
    })
    network.listen({ port: 53 }, (socket) => {
      socket.once('data', (data: Buffer) => {
        const reply = answer(data.subarray(2), true)
        socket.write(Buffer.from([reply.length >>> 8, reply.length & 255]))
        socket.end(reply)
      })
    })
  }

  test('names of both kinds, by alias, over TCP when long, with a suffix when short', async () => {
    const { alice, bob } = await cable(['10.0.0.2'], ['nowhere', 'test'])
    serveNames(bob)
    const both = [
      { address: 'fd00::2', family: 6 },
      { address: '10.0.0.2', family: 4 },
    ]
    expect(await alice.lookup('web.test')).toEqual(both)
    expect(await alice.lookup('WEB.test', { family: 4 })).toEqual(both.slice(1))
    expect(await alice.lookup('long.test')).toEqual(both)
    expect(await alice.lookup('web')).toEqual(both)
    expect(await alice.lookup('fd00::9')).toEqual([{ address: 'fd00::9', family: 6 }])
    expect(await alice.lookup('::ffff:10.0.0.2')).toEqual(both.slice(1))
    expect(await alice.lookup('14.test')).toEqual(both)
    expect(await alice.lookup('many.test', { family: 4 })).toHaveLength(32)
    await expect(alice.lookup('30.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(alice.lookup('no.test')).rejects.toMatchObject({ code: 'ENOTFOUND', hostname: 'no.test' })
    bob.listen({ port: 80 }, (socket) => socket.end('hello'))
    expect(await text(alice.connect({ host: 'web.test', port: 80 }))).toBe('hello')
    // The first address refuses, the second does not.
    bob.listen({ port: 81, host: '10.0.0.2' }, (socket) => socket.end('hello again'))
    expect(await text(alice.connect({ host: 'web.test', port: 81 }))).toBe('hello again')
    expect(await errorOf(alice.connect({ host: 'web.test', port: 82 }))).toMatchObject({
      code: 'ECONNREFUSED',
      port: 82,
    })
  })

  test('without an answer, or without a server', async () => {
    const { alice, bob } = await cable(['10.0.0.2'])
    // Nobody listens there: refused at once.
    await expect(alice.lookup('web.test')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
    await expect(bob.lookup('web.test')).rejects.toThrow('without DNS servers')
    await expect(alice.lookup('web.test', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORT_ERR' })
  })
})

describe('http', () => {
  const page = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    request.pipe(response.writeHead(200, { 'x-path': request.url }))
  }

  test('fetch, and an agent of node:http', async () => {
    const { alice, bob } = await cable()
    const server = http.createServer(page)
    bob.listen({ port: 80 }, (socket) => server.emit('connection', socket))
    const body = 'x'.repeat(300_000)
    const response = await alice.fetch('http://10.0.0.2/a', { method: 'POST', body })
    expect(response.headers.get('x-path')).toBe('/a')
    expect(await response.text()).toBe(body)
    expect((await alice.fetch('http://[fd00::2]/b')).status).toBe(200)
    await expect(alice.fetch('http://10.0.0.2:81/')).rejects.toThrow('fetch failed')
    await expect(alice.fetch('http://10.0.0.9/', { signal: AbortSignal.timeout(30) })).rejects.toThrow()

    const agent = alice.httpAgent({ keepAlive: true })
    for (let i = 0; i < 3; i++) {
      const request = http.get({ host: '10.0.0.2', path: `/${i}`, agent })
      const [reply] = (await once(request, 'response')) as [http.IncomingMessage]
      expect(reply.headers['x-path']).toBe(`/${i}`)
      reply.resume()
      await once(reply, 'end')
    }
    server.close()
  })

  test('TLS, by socket and by agent', async () => {
    const { alice, bob } = await cable()
    const server = https.createServer({ key: KEY, cert: CERTIFICATE }, page)
    bob.listen({ port: 443 }, (socket) => server.emit('connection', socket))
    const request = https.request({
      ...{
        host: '10.0.0.2',
        servername: 'web.test',
        ca: CERTIFICATE,
        path: '/s',
        agent: alice.httpsAgent(),
        method: 'POST',
      },
    })
    request.end('secret')
    const [reply] = (await once(request, 'response')) as [http.IncomingMessage]
    expect(await text(reply)).toBe('secret')
    const socket = alice.connectTls({ host: '10.0.0.2', port: 443, servername: 'web.test', ca: CERTIFICATE })
    await once(socket, 'secureConnect')
    expect(socket.authorized).toBe(true)
    socket.destroy()
    const wrong = alice.connectTls({ host: '10.0.0.2', port: 443, servername: 'other.test', ca: CERTIFICATE })
    const [error] = (await new Promise<unknown[]>((resolve) => wrong.once('error', (e) => resolve([e])))) as [
      NodeJS.ErrnoException,
    ]
    expect(error.code).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    server.close()
  })
})

const later = (ms: number): Promise<boolean> => new Promise((resolve) => setTimeout(() => resolve(true), ms))
