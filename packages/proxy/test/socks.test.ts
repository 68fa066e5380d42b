import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { openProxy } from '../src/proxy.js'
import type { Credentials, ProxyOptions } from '../src/proxy.js'
import { readExactly } from '../src/read-exactly.js'
import { listen, open, pattern, readAll, socksConnect } from './clients.js'
import { HostDialer } from './host-dialer.js'
import { openOneService } from './one-service.js'
import type { OneService } from './one-service.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const start = (options?: Partial<ProxyOptions>, credentials?: Credentials): Promise<OneService> =>
  openOneService('socks5', closing, options, credentials)

async function server(onConnection: Parameters<typeof listen>[0]): Promise<number> {
  const listening = await listen(onConnection)
  closing.push(() => listening.close())
  return listening.port
}

const echo = (): Promise<number> => server((socket) => void socket.pipe(socket))

test('CONNECT to a name joins both sides, and each may end before the other', async () => {
  const { dialer, proxy, port } = await start()
  const data = pattern(3_000_000)
  // Answers only after everything has come.
  const target = await server(async (socket) => {
    const got = await readAll(socket)
    socket.end(got)
  })
  dialer.names.set('there.test', '127.0.0.1')
  const socket = await open(port)
  expect(await socksConnect(socket, 'there.test', target)).toBe(0)
  socket.end(data)
  expect((await readAll(socket)).equals(data)).toBe(true)
  // The name went through: it was not resolved on the way.
  expect(dialer.dialed[0]).toMatchObject({ host: 'there.test', port: target })
  await expect.poll(() => proxy.open.connections).toBe(0)
  expect(proxy.stats).toMatchObject({ sentBytes: data.length, receivedBytes: data.length })
})

test.each([
  ['an IPv4 address', [1, 127, 0, 0, 1]],
  ['an IPv6 address', [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1]],
])('CONNECT to %s', async (_, address) => {
  const { dialer, port } = await start()
  const target = await echo()
  const socket = await open(port)
  // Everything in one go, and byte by byte, is the same.
  for (const byte of [5, 2, 7, 0, 5, 1, 0, ...address, target >> 8, target & 255]) socket.write(Buffer.of(byte))
  expect([...(await readExactly(socket, 2))]).toEqual([5, 0])
  expect([...(await readExactly(socket, 10))].slice(0, 4)).toEqual([5, 0, 0, 1])
  // Also when a socket of both families wrote it.
  expect(dialer.dialed[0]!.host).toBe('127.0.0.1')
  socket.end('hello')
  expect(String(await readAll(socket))).toBe('hello')
})

test('a port that refuses, a name that is not known, and a command that is not served are told apart', async () => {
  const { port } = await start()
  const closed = await listen(() => {})
  closed.close()
  expect(await socksConnect(await open(port), '127.0.0.1', closed.port)).toBe(5)
  expect(await socksConnect(await open(port), 'no-such-name.invalid', 80)).toBe(4)
  expect(await socksConnect(await open(port), '127.0.0.1', 80, 2)).toBe(7)
  expect(await socksConnect(await open(port), 'a name\r\nof none', 80)).toBe(8)
})

test.each([
  ['another version', [4, 1, 0, 80, 127, 0, 0, 1, 0]],
  ['no method of ours', [5, 1, 2]],
  ['no method at all', [5, 0]],
  ['HTTP', [...Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
  ['a type of address that is not there', [5, 1, 0, 5, 1, 0, 9, 1, 2, 3, 4]],
])('%s ends the connection', async (_, bytes) => {
  const { proxy, port } = await start()
  const socket = await open(port)
  socket.write(Buffer.from(bytes))
  await readAll(socket)
  await expect.poll(() => proxy.open.connections).toBe(0)
})

async function logIn(port: number, username: string, password: string): Promise<number[]> {
  const socket = await open(port)
  const [name, word] = [Buffer.from(username), Buffer.from(password)]
  const login = Buffer.concat([Buffer.of(5, 1, 2, 1, name.length), name, Buffer.of(word.length), word])
  socket.write(login)
  const answer = [...(await readExactly(socket, 4))]
  socket.destroy()
  return answer
}

test('a password is asked for, and a wrong one is not let in', async () => {
  const { proxy, port } = await start({}, { username: 'anna', password: 'größe' })
  expect(await logIn(port, 'anna', 'größe')).toEqual([5, 2, 1, 0])
  expect(await logIn(port, 'anna', 'grösse')).toEqual([5, 2, 1, 1])
  expect(await logIn(port, '', '')).toEqual([5, 2, 1, 1])
  const socket = await open(port)
  socket.write(Buffer.of(5, 1, 0))
  expect([...(await readAll(socket))]).toEqual([5, 0xff])
  expect(proxy.stats.unauthorized).toBe(3)
})

test('who does not finish the handshake in time is cut off', async () => {
  const { proxy, port } = await start({ limits: { handshakeMs: 50 } })
  const socket = await open(port)
  socket.write(Buffer.of(5))
  await readAll(socket)
  await expect.poll(() => proxy.open.connections).toBe(0)
})

test('more connections than allowed are closed, and places become free again', async () => {
  const { proxy, port } = await start({ limits: { connections: 2 } })
  const target = await echo()
  const first = await open(port)
  expect(await socksConnect(first, '127.0.0.1', target)).toBe(0)
  const second = await open(port)
  expect(await socksConnect(second, '127.0.0.1', target)).toBe(0)
  const third = await open(port)
  third.on('error', () => {})
  await readAll(third)
  expect(proxy.stats.refused).toBe(1)
  first.destroy()
  await expect.poll(() => proxy.open.connections).toBe(1)
  expect(await socksConnect(await open(port), '127.0.0.1', target)).toBe(0)
  second.destroy()
})

test('a reset goes through, in both directions', async () => {
  const { port } = await start()
  const target = await server((socket) => setTimeout(() => socket.resetAndDestroy(), 20))
  const socket = await open(port)
  await socksConnect(socket, '127.0.0.1', target)
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNRESET')

  const reset = new Promise<string | undefined>((resolve) => {
    void server((inner) => inner.on('error', (e: NodeJS.ErrnoException) => resolve(e.code))).then(async (port2) => {
      const client = await open(port)
      await socksConnect(client, '127.0.0.1', port2)
      client.resetAndDestroy()
    })
  })
  expect(await reset).toBe('ECONNRESET')
})

test('a connection that is half open may not idle for ever', async () => {
  const { proxy, port } = await start({ limits: { halfOpenMs: 50 } })
  const target = await server((socket) => socket.resume())
  const socket = await open(port)
  socket.on('error', () => {})
  await socksConnect(socket, '127.0.0.1', target)
  socket.end()
  socket.resume()
  await once(socket, 'close')
  await expect.poll(() => proxy.open.connections).toBe(0)
})

test('a reader that does not read holds the writer back, not memory', async () => {
  const { port } = await start()
  let written = 0
  const chunk = Buffer.alloc(65_536)
  const target = await server((socket) => {
    const go = (): void => {
      while (!socket.destroyed && socket.write(chunk)) written += chunk.length
    }
    socket.on('drain', go)
    go()
  })
  const socket = await open(port)
  await socksConnect(socket, '127.0.0.1', target)
  socket.pause()
  let before = -1
  // Until nothing moves any more: what the kernel's buffers hold.
  while (written !== before) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  expect(written).toBeLessThan(64 * 1024 * 1024)
  socket.destroy()
})

test('closing the proxy ends what is open', async () => {
  const { proxy, port } = await start()
  const socket = await open(port)
  socket.on('error', () => {})
  await socksConnect(socket, '127.0.0.1', await echo())
  const gone = readAll(socket)
  await proxy.close()
  await proxy.close()
  await gone
  expect(proxy.open.connections).toBe(0)
})

test('beyond loopback it listens only with a password, or when told so', async () => {
  const dialer = new HostDialer()
  for (const host of ['0.0.0.0', '::', '::ffff:0.0.0.0', '192.0.2.1', 'example.com']) {
    await expect(openProxy(dialer, { services: [{ kind: 'socks5', host, port: 0 }] })).rejects.toThrow(
      /open to everybody/,
    )
  }
  const open = { kind: 'socks5' as const, host: '0.0.0.0', port: 0 }
  for (const options of [
    { services: [{ ...open, credentials: { username: 'a', password: 'b' } }] },
    { services: [open], allowUnauthenticated: true },
    { services: [{ ...open, host: 'localhost' }] },
    { services: [{ ...open, host: '127.9.9.9' }] },
  ]) {
    await (await openProxy(dialer, options)).close()
  }
})

test('a port that is taken is told, and nothing stays open', async () => {
  const taken = await listen(() => {})
  closing.push(() => taken.close())
  const services = [
    { kind: 'socks5' as const, host: '127.0.0.1', port: 0 },
    { kind: 'socks5' as const, host: '127.0.0.1', port: taken.port },
  ]
  await expect(openProxy(new HostDialer(), { services })).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: `127.0.0.1:${taken.port} is taken. Choose another port, or end what listens there.`,
  })
})

async function udpSocket(): Promise<ReturnType<typeof createSocket>> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  closing.push(() => socket.close())
  return socket
}

/** RFC 1928 §7. */
function datagram(host: string, port: number, data: string): Buffer {
  const name = Buffer.from(host)
  return Buffer.concat([Buffer.of(0, 0, 0, 3, name.length), name, Buffer.of(port >> 8, port & 255), Buffer.from(data)])
}

async function associate(port: number): Promise<{ control: Awaited<ReturnType<typeof open>>; relay: number }> {
  const control = await open(port)
  control.write(Buffer.of(5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0))
  await readExactly(control, 2)
  const reply = await readExactly(control, 10)
  expect(reply[1]).toBe(0)
  return { control, relay: reply.readUInt16BE(8) }
}

test('UDP ASSOCIATE carries datagrams both ways, by address and by name, until its connection ends', async () => {
  const { dialer, proxy, port } = await start()
  dialer.names.set('echo.test', '127.0.0.1')
  const target = await udpSocket()
  target.on('message', (data, from) => target.send(Buffer.concat([Buffer.from('re:'), data]), from.port, from.address))
  const { control, relay } = await associate(port)
  const client = await udpSocket()
  for (const host of ['127.0.0.1', 'echo.test']) {
    client.send(datagram(host, target.address().port, 'hello'), relay, '127.0.0.1')
    const [answer] = (await once(client, 'message')) as [Buffer]
    const header = [0, 0, 0, 1, 127, 0, 0, 1, target.address().port >> 8, target.address().port & 255]
    expect([...answer.subarray(0, 10)]).toEqual(header)
    expect(String(answer.subarray(10))).toBe('re:hello')
  }
  // Nobody else joins in, and what cannot be read is dropped.
  const stranger = await udpSocket()
  stranger.send(datagram('127.0.0.1', target.address().port, 'x'), relay, '127.0.0.1')
  for (const junk of [
    Buffer.alloc(0),
    Buffer.alloc(4),
    Buffer.of(0, 0, 1, 1, 127, 0, 0, 1, 0, 9, 1),
    Buffer.alloc(70),
  ]) {
    client.send(junk, relay, '127.0.0.1')
  }
  await expect.poll(() => proxy.stats.datagramsDropped).toBe(5)
  expect(proxy.stats).toMatchObject({ datagramsSent: 2, datagramsReceived: 2 })
  expect(proxy.open.associations).toBe(1)
  control.end()
  await expect.poll(() => proxy.open.associations).toBe(0)
})

test('there are only so many associations', async () => {
  const { port } = await start({ limits: { associations: 1 } })
  const { control } = await associate(port)
  expect(await socksConnect(await open(port), '127.0.0.1', 0, 3)).toBe(1)
  control.destroy()
})

test('datagrams to names that are not found yet wait in small numbers', async () => {
  const { dialer, proxy, port } = await start()
  let asked = 0
  dialer.lookup = () => {
    asked++
    return new Promise(() => {})
  }
  const { control, relay } = await associate(port)
  const client = await udpSocket()
  for (let i = 0; i < 100; i++) client.send(datagram(`slow${i}.test`, 53, 'x'), relay, '127.0.0.1')
  await expect.poll(() => asked + proxy.stats.datagramsDropped).toBe(100)
  expect(asked).toBe(32)
  control.destroy()
})
