/** The proxy over a real tunnel: two devices in this process, with TCP/IP of their own. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { formatMetrics, HandshakeTimes } from '../src/metrics.js'
import { connectStdio, openProxy } from '../src/proxy.js'
import type { Proxy, ServiceOptions } from '../src/proxy.js'
import { listen, open, pattern, readAll, socksConnect } from './clients.js'
import { openTunnelPair } from './tunnel-pair.js'
import type { TunnelPair } from './tunnel-pair.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(...services: ServiceOptions[]): Promise<TunnelPair & { readonly proxy: Proxy }> {
  const pair = await openTunnelPair()
  closing.push(() => pair[Symbol.asyncDispose]())
  const proxy = await openProxy(pair.here, { services })
  closing.push(() => proxy.close())
  return { ...pair, proxy }
}

const target = { host: '10.0.0.2', port: 7 }
const place = { host: '127.0.0.1', port: 0 }

test('SOCKS5 into the tunnel: both families, half open, a refusal, many at a time', async () => {
  const { there, proxy } = await start({ kind: 'socks5', ...place })
  const { port } = proxy.services[0]!
  there.listen({ port: 7, allowHalfOpen: true }, (socket) => void socket.pipe(socket))
  const data = pattern(1_000_000)
  for (const host of ['10.0.0.2', 'fd00::2']) {
    const socket = await open(port)
    expect(await socksConnect(socket, host, 7)).toBe(0)
    const all = readAll(socket)
    socket.end(data)
    expect((await all).equals(data)).toBe(true)
  }
  expect(await socksConnect(await open(port), '10.0.0.2', 8)).toBe(5)
  // The device has no peer for it.
  expect(await socksConnect(await open(port), '10.99.0.1', 8)).toBe(4)
  const small = pattern(20_000)
  const many = Array.from({ length: 100 }, async () => {
    const socket = await open(port)
    await socksConnect(socket, '10.0.0.2', 7)
    const all = readAll(socket)
    socket.end(small)
    return (await all).equals(small)
  })
  expect((await Promise.all(many)).every(Boolean)).toBe(true)
  await expect.poll(() => proxy.open.connections).toBe(0)
})

test('-L leads into the tunnel', async () => {
  const { there, proxy } = await start({ kind: 'forward', protocol: 'tcp', ...place, target })
  there.listen({ port: 7, allowHalfOpen: true }, (socket) => void socket.pipe(socket))
  expect(proxy.services[0]).toMatchObject({ kind: 'forward', address: '127.0.0.1', target })
  const socket = await open(proxy.services[0]!.port)
  socket.end('hello')
  expect(String(await readAll(socket))).toBe('hello')
})

test('-R leads from the tunnel to this machine, and resets what this machine refuses', async () => {
  const server = await listen((socket) => void socket.pipe(socket))
  closing.push(() => server.close())
  const { here, there, proxy } = await start({
    ...{ kind: 'reverse', protocol: 'tcp', port: 0 },
    target: { host: '127.0.0.1', port: server.port },
  })
  const { port } = proxy.services[0]!
  // The other side knows no endpoint of ours before.
  await here.ping('10.0.0.2')
  for (const host of ['10.0.0.1', 'fd00::1']) {
    const socket = there.connect({ host, port, allowHalfOpen: true })
    let text = ''
    socket.on('data', (data) => (text += String(data)))
    socket.end('hello')
    await once(socket, 'close')
    expect(text).toBe('hello')
  }
  server.close()
  const socket = there.connect({ host: '10.0.0.1', port })
  socket.resume()
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNRESET')
})

test('UDP is forwarded both ways, each sender with answers of its own, and forgotten when idle', async () => {
  const host = createSocket('udp4')
  host.bind(0, '127.0.0.1')
  await once(host, 'listening')
  closing.push(() => host.close())
  host.on('message', (data, from) => host.send(`host:${String(data)}`, from.port, from.address))
  const { here, there, proxy } = await start(
    { kind: 'forward', protocol: 'udp', ...place, target: { host: 'fd00:0::2', port: 53 }, idleMs: 200 },
    { kind: 'reverse', protocol: 'udp', port: 99, target: { host: '127.0.0.1', port: host.address().port } },
  )
  const inside = there.udp({ port: 53 })
  inside.on('message', (data: Buffer, from: { address: string; port: number }) => {
    void inside.send(Buffer.from(`inside:${String(data)} ${from.port}`), from.port, from.address)
  })
  const seen = new Set<string>()
  for (let i = 0; i < 3; i++) {
    const client = createSocket('udp4')
    client.send('hello', proxy.services[0]!.port, '127.0.0.1')
    const [answer] = (await once(client, 'message')) as [Buffer]
    expect(String(answer)).toMatch(/^inside:hello \d+$/)
    seen.add(String(answer))
    client.close()
  }
  expect(seen.size).toBe(3)
  const client = there.udp({})
  const answered = once(client, 'message') as Promise<[Buffer]>
  await client.send(Buffer.from('hello'), 99, '10.0.0.1')
  expect(String((await answered)[0])).toBe('host:hello')
  expect(proxy.stats).toMatchObject({ datagramsSent: 4, datagramsReceived: 4, datagramsDropped: 0 })
  expect(here.stack.load.connections).toBe(0)
})

test('SOCKS5 UDP reaches the tunnel', async () => {
  const { there, proxy } = await start({ kind: 'socks5', ...place })
  const inside = there.udp({ port: 53 })
  inside.on('message', (data: Buffer, from: { address: string; port: number }) => {
    void inside.send(data, from.port, from.address)
  })
  const control = await open(proxy.services[0]!.port)
  control.write(Buffer.of(5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0))
  const [reply] = (await once(control, 'data')) as [Buffer]
  const relay = (reply.length > 2 ? reply : ((await once(control, 'data')) as [Buffer])[0]).subarray(-2).readUInt16BE()
  const client = createSocket('udp4')
  closing.push(() => client.close())
  const address = Buffer.from('fd000000000000000000000000000002', 'hex')
  const datagram = Buffer.concat([Buffer.of(0, 0, 0, 4), address, Buffer.of(0, 53), Buffer.from('hello')])
  client.send(datagram, relay, '127.0.0.1')
  const [answer] = (await once(client, 'message')) as [Buffer]
  expect(answer.equals(datagram)).toBe(true)
  control.destroy()
})

test('standard input and output are a connection', async () => {
  const { here, there } = await start()
  there.listen({ port: 7, allowHalfOpen: true }, (socket) => void socket.pipe(socket))
  const [input, output] = [new PassThrough(), new PassThrough()]
  input.end('hello')
  await connectStdio(here, target, input, output)
  expect(String(output.read())).toBe('hello')
})

test('/metrics and /readyz say how it is', async () => {
  const pair = await openTunnelPair()
  closing.push(() => pair[Symbol.asyncDispose]())
  const handshakes = new HandshakeTimes()
  const { here } = pair
  let ready = false
  const proxy: Proxy = await openProxy(here, {
    services: [
      {
        ...{ kind: 'info', ...place },
        metrics: async () =>
          formatMetrics({
            interfaceName: here.name,
            snapshot: await here.tunnel.snapshot(),
            nameOf: () => 'the "other" one',
            unixTimeMs: Date.now(),
            ...{ handshakes, proxy, stack: here.stack, eventLoopLagSeconds: 0.25 },
          }),
        readiness: async () => ({ ready, details: { why: 'test' } }),
      },
    ],
  })
  closing.push(() => proxy.close())
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${proxy.services[0]!.port}${path}`)
  expect((await get('/readyz')).status).toBe(503)
  ready = true
  expect(await (await get('/readyz')).json()).toEqual({ ready: true, why: 'test' })
  await here.ping('10.0.0.2')
  const peer = Buffer.from({ ...(await here.tunnel.snapshot()).peers[0]! }.publicKey).toString('base64')
  const labels = `{interface="here",public_key="${peer}",allowed_ips="10.0.0.2/32,fd00::2/128",friendly_name="the \\"other\\" one"}`
  const text = await (await get('/metrics')).text()
  const value = (name: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(name + labels))
        ?.split(' ')
        .at(-1),
    )
  expect(value('wireguard_sent_bytes_total')).toBeGreaterThan(148)
  expect(value('wireguard_received_bytes_total')).toBeGreaterThan(92)
  expect(Math.abs(value('wireguard_latest_handshake_seconds') - Date.now() / 1000)).toBeLessThan(60)
  expect([value('wireguard_peer_connected'), value('wireguard_peer_info')]).toEqual([1, 1])
  expect(text).toContain('\nwireweave_proxy_connections_total{interface="here",kind="info"} ')
  expect(text).toContain('\nwireweave_event_loop_lag_seconds 0.25\n')
  expect(text).toContain('\nwireguard_handshake_duration_seconds_bucket{interface="here",le="+Inf"} 0\n')
  expect((await get('/')).status).toBe(404)
  // A page whose own name leads to this machine.
  for (const [host, status] of [
    ['rebound.example', 421],
    ['localhost:1', 200],
    ['[::1]', 200],
  ] as const) {
    const request = sendRequest({ ...place, port: proxy.services[0]!.port, path: '/metrics', headers: { host } }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect([host, response.statusCode]).toEqual([host, status])
    response.destroy()
  }
})

test('a flooded SOCKS door leaves /readyz its places', async () => {
  const pair = await openTunnelPair()
  closing.push(() => pair[Symbol.asyncDispose]())
  const info: ServiceOptions = {
    kind: 'info',
    ...place,
    metrics: async () => '',
    readiness: async () => ({ ready: true, details: {} }),
  }
  const proxy = await openProxy(pair.here, {
    services: [{ kind: 'socks5', ...place }, info],
    limits: { connections: 8 },
  })
  closing.push(() => proxy.close())
  for (let i = 0; i < 10; i++) (await open(proxy.services[0]!.port)).on('error', () => {})
  await expect.poll(() => proxy.stats.refused).toBe(4)
  const response = await fetch(`http://127.0.0.1:${proxy.services[1]!.port}/readyz`)
  expect(await response.json()).toEqual({ ready: true })
})
