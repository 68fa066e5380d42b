/** The whole of it: two WireGuard devices in this process, each with a stack, over UDP on loopback, without root. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { afterEach, expect, test } from 'vitest'
import { type NetstackAdapter, netstackAdapter } from '../src/adapter.js'
import { openNetwork } from '../src/node/network.js'
import { isSame, pattern } from './wire.js'

interface End {
  readonly adapter: NetstackAdapter
  readonly tunnel: Tunnel
  readonly publicKey: PublicKey
  readonly address: string
}

const ends: End[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end.tunnel.close()
})

async function open(number: number): Promise<End> {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const address = `10.0.0.${number}/32`
  const adapter = netstackAdapter({ addresses: [address, `fd00::${number}/128`] })
  const tunnel = await userspaceBackend(adapter).open({ name: `wg${number}` })
  await tunnel.apply({ privateKey: new Uint8Array(Buffer.from(jwk.d!, 'base64url')) as PrivateKey })
  await tunnel.up()
  const end = { adapter, tunnel, publicKey: new Uint8Array(Buffer.from(jwk.x!, 'base64url')) as PublicKey, address }
  ends.push(end)
  return end
}

async function pair(): Promise<[End, End]> {
  const [a, b] = [await open(1), await open(2)]
  const { listenPort } = await b.tunnel.snapshot()
  const endpoint = parseEndpoint(`127.0.0.1:${listenPort}`)!
  const peer = (end: End, n: number) => ({
    publicKey: end.publicKey,
    allowedIps: [parsePrefix(end.address)!, parsePrefix(`fd00::${n}/128`)!],
  })
  await a.tunnel.apply({ peers: [{ ...peer(b, 2), endpoint }] })
  await b.tunnel.apply({ peers: [peer(a, 1)] })
  return [a, b]
}

test('a page of the other side is fetched through the tunnel', async () => {
  const [a, b] = await pair()
  expect(a.tunnel.interfaceRef).toBe(null)
  await using alice = openNetwork(a.adapter)
  await using bob = openNetwork(b.adapter)
  const data = Buffer.from(pattern(3_000_000))
  const server = http.createServer((request, response) => response.end(request.url === '/data' ? data : 'hello'))
  bob.listen({ port: 80 }, (socket) => server.emit('connection', socket))
  expect(await (await alice.fetch('http://10.0.0.2/')).text()).toBe('hello')
  for (const host of ['10.0.0.2', '[fd00::2]']) {
    const body = await (await alice.fetch(`http://${host}/data`)).arrayBuffer()
    expect(isSame(new Uint8Array(body), data)).toBe(true)
  }
  expect(await alice.ping('fd00::2')).toBeGreaterThanOrEqual(0)
  server.close()
})

test('where no peer is, connecting fails at once with what the device says', async () => {
  const [a] = await pair()
  await using alice = openNetwork(a.adapter)
  const [error] = (await new Promise<unknown[]>((resolve) => {
    alice.connect({ host: '10.9.9.9', port: 1 }).once('error', (e) => resolve([e]))
  })) as [NodeJS.ErrnoException]
  expect(error.code).toBe('EHOSTUNREACH')
})

test('the tunnel goes, and everything in it; the adapter can be used again', async () => {
  const [a, b] = await pair()
  await using alice = openNetwork(a.adapter)
  await using bob = openNetwork(b.adapter)
  bob.listen({ port: 7 }, (socket) => void socket.pipe(socket))
  const socket = alice.connect({ host: '10.0.0.2', port: 7 })
  await once(socket, 'connect')
  await expect(userspaceBackend(a.adapter).open({ name: 'second' })).rejects.toMatchObject({ code: 'NAME_IN_USE' })
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve))
  await a.tunnel.close()
  expect((await failed).code).toBe('ENETDOWN')
  const again = await userspaceBackend(a.adapter).open({ name: 'again' })
  expect(a.adapter.host.isUp).toBe(true)
  await again.close()
})
