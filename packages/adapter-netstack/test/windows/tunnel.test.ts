/** Two tunnels in one Windows process, without a driver: WireGuard over node:dgram on loopback, TCP/IP over that. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { Duplex } from 'node:stream'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { formatEndpoint, parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { netstackAdapter } from '../../src/adapter.js'
import { type Network, openNetwork } from '../../src/node/network.js'

interface End extends AsyncDisposable {
  readonly tunnel: Tunnel
  readonly network: Network
  readonly publicKey: PublicKey
}

const MEGABYTE = 1_000_000

let one: End
let two: End

async function open(number: number): Promise<End> {
  const adapter = netstackAdapter({ addresses: addressesOf(number) })
  const tunnel = await userspaceBackend(adapter).open({ name: `wg${number}` })
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const [privateKey, publicKey] = [jwk.d!, jwk.x!].map((text) => new Uint8Array(Buffer.from(text, 'base64url')))
  await tunnel.apply({ privateKey: privateKey as PrivateKey })
  await tunnel.up()
  const network = openNetwork(adapter)
  const close = async (): Promise<void> => {
    await network.close()
    await tunnel.close()
  }
  return { tunnel, network, publicKey: publicKey as PublicKey, [Symbol.asyncDispose]: close }
}

function addressesOf(number: number): string[] {
  return [`10.0.0.${number}/32`, `fd00::${number}/128`]
}

/** Iterating would destroy the socket in the end, with what it has still to send. */
async function everything(socket: Duplex): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  await once(socket, 'end')
  return Buffer.concat(parts)
}

beforeAll(async () => {
  one = await open(1)
  two = await open(2)
  const { listenPort } = await two.tunnel.snapshot()
  const endpoint = parseEndpoint(`127.0.0.1:${listenPort}`)!
  const allowedIps = (number: number) => addressesOf(number).map((text) => parsePrefix(text)!)
  await one.tunnel.apply({ peers: [{ publicKey: two.publicKey, endpoint, allowedIps: allowedIps(2) }] })
  await two.tunnel.apply({ peers: [{ publicKey: one.publicKey, allowedIps: allowedIps(1) }] })
})

afterAll(async () => {
  await one[Symbol.asyncDispose]()
  await two[Symbol.asyncDispose]()
})

test('this is Windows, and the tunnels have no interface', () => {
  expect(process.platform).toBe('win32')
  expect([one.tunnel.interfaceRef, two.tunnel.interfaceRef]).toEqual([null, null])
})

describe.each([
  { version: 4, address: '10.0.0.2', host: '10.0.0.2', from: '10.0.0.1' },
  { version: 6, address: 'fd00::2', host: '[fd00::2]', from: 'fd00::1' },
])('IPv$version', ({ address, host, from }) => {
  test('the other end answers pings', async () => {
    expect(await one.network.ping(address, { timeout: 60_000 })).toBeGreaterThanOrEqual(0)
  })

  test('megabytes go both ways through one connection at once, each side closing its own', async () => {
    const [there, back] = [randomBytes(3 * MEGABYTE), randomBytes(2 * MEGABYTE)]
    const received = new Promise<Buffer>((resolve) => {
      const server = two.network.listen({ port: 7 }, (socket) => {
        server.close()
        void everything(socket).then(resolve)
        socket.end(back)
      })
    })
    const socket = one.network.connect({ host: address, port: 7 })
    const answer = everything(socket)
    socket.end(there)
    expect(there.equals(await received)).toBe(true)
    expect(back.equals(await answer)).toBe(true)
    expect(socket.remoteAddress).toBe(address)
  })

  test('megabytes are fetched, byte for byte', async () => {
    const page = randomBytes(4 * MEGABYTE)
    const server = http.createServer((request, response) => {
      response.setHeader('x-from', request.socket.remoteAddress ?? '')
      response.end(page)
    })
    const listening = two.network.listen({ port: 80 }, (socket) => server.emit('connection', socket))
    const response = await one.network.fetch(`http://${host}/`)
    expect(page.equals(Buffer.from(await response.arrayBuffer()))).toBe(true)
    expect(response.headers.get('x-from')).toBe(from)
    listening.close()
    server.close()
  })

  test('datagrams arrive, are answered, and refused where nobody listens', async () => {
    await using server = two.network.udp({ port: 53 })
    await using client = one.network.udp()
    server.on('message', (data: Buffer, source: { address: string; port: number }) => {
      void server.send(data.toReversed(), source.port, source.address)
    })
    const answered = once(client, 'message')
    const question = randomBytes(1300)
    await client.send(question, 53, address)
    const [answer] = (await answered) as [Buffer]
    expect(question.equals(answer.toReversed())).toBe(true)
    const refused = once(client, 'unreachable')
    await client.send(question, 54, address)
    expect((await refused)[0]).toMatchObject({ code: 'ECONNREFUSED', port: 54 })
  })

  test('where nobody listens a connection is refused', async () => {
    const socket = one.network.connect({ host: address, port: 9 })
    const [error] = await once(socket, 'error')
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

test('all of it went through WireGuard', async () => {
  const { peers } = await one.tunnel.snapshot()
  expect(formatEndpoint(peers[0]!.endpoint!)).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(Number(peers[0]!.txBytes)).toBeGreaterThan(2 * 3 * MEGABYTE)
  expect(Number(peers[0]!.rxBytes)).toBeGreaterThan(2 * 6 * MEGABYTE)
})
