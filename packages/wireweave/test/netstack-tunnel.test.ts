import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openNetstackTunnel } from '../src/netstack-tunnel.js'
import type { NetstackTunnel, NetstackTunnelOptions } from '../src/netstack-tunnel.js'
import { openTunnel } from '../src/open-tunnel.js'
import { registry } from '../src/registry.js'

interface Keys {
  readonly privateKey: string
  readonly publicKey: string
}

function keys(): Keys {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (text: string): string => Buffer.from(text, 'base64url').toString('base64')
  return { privateKey: base64(jwk.d!), publicKey: base64(jwk.x!) }
}

const open: NetstackTunnel[] = []
afterEach(async () => {
  for (const tunnel of open.splice(0)) await tunnel.close()
})

const conf = (own: Keys, other: Keys, n: number, peer: number, more = '', endpoint = ''): string => `
[Interface]
PrivateKey = ${own.privateKey}
Address = 10.0.0.${n}/32, fd00::${n}/128
PostUp = false
FwMark = 7
${more}
[Peer]
PublicKey = ${other.publicKey}
AllowedIPs = 10.0.0.${peer}/32, fd00::${peer}/128
${endpoint}`

async function pair(
  more = '',
  options: Partial<NetstackTunnelOptions> = {},
): Promise<[NetstackTunnel, NetstackTunnel]> {
  const [a, b] = [keys(), keys()]
  const bob = await openNetstackTunnel({ config: { name: 'bob', text: conf(b, a, 2, 1) } })
  open.push(bob)
  const { listenPort } = await bob.tunnel.snapshot()
  const text = conf(a, b, 1, 2, more, `Endpoint = bob.test:${listenPort}`)
  const lookup = async (): Promise<string[]> => ['127.0.0.1']
  const alice = await openNetstackTunnel({ config: { name: 'alice', text }, lookup, ...options })
  open.push(alice)
  return [alice, bob]
}

test('a configuration becomes a network: a page is fetched, by address and by name', async () => {
  const [alice, bob] = await pair('DNS = fd00::2, home.test\nMTU = 1380')
  expect([alice.name, alice.mtu, alice.tunnel.backend, alice.tunnel.interfaceRef]).toEqual([
    'alice',
    1380,
    'netstack',
    null,
  ])
  const server = http.createServer((request, response) => response.end(`hello ${request.headers.host}`))
  bob.listen({ port: 80 }, (socket) => server.emit('connection', socket))
  const { default: dns } = await import('dns-packet')
  const names = bob.udp({ port: 53 })
  names.on('message', (message: Buffer, from: { address: string; port: number }) => {
    const query = dns.decode(message)
    const [question] = query.questions!
    const answers =
      question!.name === 'www.home.test' && question!.type === 'A'
        ? [{ type: 'A' as const, name: question!.name, data: '10.0.0.2' }]
        : []
    void names.send(
      dns.encode({ type: 'response', id: query.id!, questions: query.questions!, answers }),
      from.port,
      from.address,
    )
  })
  expect(await (await alice.fetch('http://[fd00::2]/')).text()).toBe('hello [fd00::2]')
  expect(await (await alice.fetch('http://www/')).text()).toBe('hello www')
  expect(await alice.ping('10.0.0.2')).toBeGreaterThanOrEqual(0)
  server.close()
})

test('closing ends connections with an error, and settles closed', async () => {
  const [alice, bob] = await pair()
  bob.listen({ port: 7 }, (socket) => void socket.pipe(socket))
  const socket = alice.connect({ host: '10.0.0.2', port: 7 })
  await once(socket, 'connect')
  const gone = once(socket, 'close')
  await alice.close()
  await alice.close()
  await gone
  await alice.closed
})

test('a resolver that does not answer is told of, before each pause', async () => {
  const { privateKey } = keys()
  const text = `[Interface]\nPrivateKey = ${privateKey}\nAddress = 10.0.0.1/32\n[Peer]\nPublicKey = ${keys().publicKey}\nEndpoint = vpn.test:1\n`
  const told: unknown[] = []
  const lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }))
  const onLookupRetry = (host: string, pauseMs: number) => void told.push([host, pauseMs])
  const opening = openNetstackTunnel({ config: { name: 'wg0', text }, lookup, resolveRetries: 1, onLookupRetry })
  await expect(opening).rejects.toThrow('no answer about the host vpn.test (EAI_AGAIN). Is DNS reachable?')
  expect(told).toEqual([['vpn.test', 1000]])
})

test('says what a configuration lacks', async () => {
  const { privateKey } = keys()
  const attempt = (text: string): Promise<unknown> => openNetstackTunnel({ config: { name: 'wg0', text } })
  await expect(attempt(`[Interface]\nPrivateKey = ${privateKey}`)).rejects.toThrow(/has no Address\. Add Address =/)
  await expect(attempt('[Interface]\nAddress = 10.0.0.1')).rejects.toThrow(/has no PrivateKey/)
  await expect(openNetstackTunnel({ config: './not-there.conf' })).rejects.toThrow(/not-there.conf does not exist/)
})

test('a file may have any name', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  const file = path.join(folder, 'a provider in a far country.conf')
  writeFileSync(file, conf(keys(), keys(), 1, 2))
  const tunnel = await openNetstackTunnel({ config: file })
  open.push(tunnel)
  expect(tunnel.name).toBe('a provider in a far country')
  rmSync(folder, { recursive: true })
})

test('an aborted opening leaves nothing', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(pair('', { signal })).rejects.toMatchObject({ code: 'ABORTED' })
})

test('the registry has it last, and only who asks for it gets it', async () => {
  const backends = await registry()
  expect(backends.at(-1)).toMatchObject({ name: 'netstack', reach: 'process' })
  const tunnel = await openTunnel({ name: 'any', adapter: 'netstack' })
  expect(tunnel.backend).toBe('netstack')
  await tunnel.close()
})
