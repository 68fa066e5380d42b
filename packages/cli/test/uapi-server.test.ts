import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import path from 'node:path'
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../src/internal/log.js'
import { UapiServer } from '../src/internal/uapi-server.js'
import type { UapiServerOptions } from '../src/internal/uapi-server.js'
import { FakeTunnel } from './support/fake-tunnel.js'
import { temporaryFolder } from './support/temporary-folder.js'
import { ask, dial, readToEnd } from './support/uapi-client.js'

const SECRET = 'e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a'
const PEER = 'b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33'
const PSK = '188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52'

interface Rig {
  readonly path: string
  readonly tunnel: FakeTunnel
  readonly log: string[]
  readonly server: Server
}

async function serve(options: Partial<UapiServerOptions> = {}): Promise<Rig> {
  const file = path.join(temporaryFolder(), 'wg0.sock')
  const log: string[] = []
  const tunnel = new FakeTunnel('wg0')
  const server = createServer({ allowHalfOpen: true })
  const uapi = new UapiServer(server, {
    tunnel,
    log: createLog('verbose', 'wg0', (line) => log.push(line)),
    ...options,
  })
  await new Promise<void>((resolve) => server.listen(file, resolve))
  onTestFinished(() => {
    uapi.close()
    server.close()
  })
  return { path: file, tunnel, log, server }
}

const CONFIG = `set=1\nprivate_key=${SECRET}\nlisten_port=7\npublic_key=${PEER}\npreshared_key=${PSK}\nallowed_ip=10.0.0.0/8\n\n`

describe('a UAPI server', () => {
  test('sets and tells', async () => {
    const { path } = await serve()
    expect(await ask(path, CONFIG)).toBe('errno=0\n\n')
    expect(await ask(path, 'get=1\n\n')).toBe(
      `private_key=${SECRET}\nlisten_port=7\npublic_key=${PEER}\npreshared_key=${PSK}\nprotocol_version=1\n` +
        'last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n' +
        'persistent_keepalive_interval=0\nallowed_ip=10.0.0.0/8\nerrno=0\n\n',
    )
  })

  test('goes on when the system has no descriptor for a connection', async () => {
    const { path, server, log } = await serve()
    server.emit('error', new Error('accept EMFILE'))
    expect(log.at(-1)).toMatch(/accept EMFILE/)
    expect(await ask(path, CONFIG)).toBe('errno=0\n\n')
  })

  test('answers several operations on one connection in their order', async () => {
    const { path } = await serve()
    expect(await ask(path, 'get=1\n\nset=1\nlisten_port=9\n\nget=1\n\nset=1\nbroken\n\nget=1\n\n')).toBe(
      'errno=0\n\nerrno=0\n\nlisten_port=9\nerrno=0\n\nerrno=-71\n\nlisten_port=9\nerrno=0\n\n',
    )
  })

  test('answers while the client keeps the connection open', async () => {
    const { path } = await serve()
    const socket = await dial(path)
    socket.write('get=1\n\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(String(answer)).toBe('errno=0\n\n')
    socket.destroy()
  })

  test('commits a set that ends with the connection', async () => {
    const { path } = await serve()
    expect(await ask(path, 'set=1\nlisten_port=9\n')).toBe('errno=0\n\n')
    expect(await ask(path, 'get=1\n\n')).toContain('listen_port=9')
  })

  test.each([
    ['set=1\nlisten_port=1\n\n', '-98', 'a port that is taken'],
    ['set=1\nlisten_port=65536\n\n', '-22', 'a value that cannot be'],
    ['set=1\nfrobnicate=1\n\n', '-22', 'an unknown key'],
    ['set=1\nfrobnicate\n\n', '-71', 'what is not key=value'],
    ['get=1\nlisten_port=1\n\n', '22', 'a get with a line too many'],
  ])('answers %j with errno=%s: %s', async (request, errno) => {
    const { path } = await serve()
    expect(await ask(path, request)).toBe(`errno=${errno}\n\n`)
    expect(await ask(path, 'get=1\n\n')).toBe('errno=0\n\n')
  })

  test('answers a failed get with a positive number', async () => {
    const rig = await serve()
    rig.tunnel.snapshot = () => Promise.reject(new TypeError('a bug'))
    expect(await ask(rig.path, 'get=1\n\n')).toBe('errno=55\n\n')
  })

  test('closes a connection that is not UAPI, and goes on with others', async () => {
    const { path } = await serve()
    expect(await ask(path, 'GET / HTTP/1.1\r\n\r\n')).toBe('')
    expect(await ask(path, 'get=1\n\n')).toBe('errno=0\n\n')
  })

  test('survives a client that goes away before its answer', async () => {
    const { path, log } = await serve()
    for (let i = 0; i < 20; i++) {
      const socket = await dial(path)
      socket.write('get=1\n\n'.repeat(1000))
      socket.destroy()
    }
    expect(await ask(path, 'get=1\n\n')).toBe('errno=0\n\n')
    expect(log.filter((line) => line.startsWith('ERROR'))).toEqual([])
  })

  test('closes connections above their limit at once', async () => {
    const { path } = await serve({ maxConnections: 2 })
    const held = [await dial(path), await dial(path)]
    expect(await ask(path, 'get=1\n\n')).toBe('')
    for (const socket of held) socket.destroy()
    await sleep(50)
    expect(await ask(path, 'get=1\n\n')).toBe('errno=0\n\n')
  })

  test('closes a connection on which nothing happens', async () => {
    const { path } = await serve({ idleMs: 50 })
    const socket = await dial(path)
    socket.write('set=1\nlisten_port=9')
    expect(await readToEnd(socket)).toBe('')
    expect(await ask(path, 'get=1\n\n')).toBe('errno=0\n\n')
  })

  test('never tells the peers of one moment with the secrets of another', async () => {
    const { path, tunnel } = await serve()
    const secrets = tunnel.secrets.bind(tunnel)
    tunnel.secrets = async () => {
      await sleep(20)
      return await secrets()
    }
    await ask(path, CONFIG)
    const [answer] = await Promise.all([ask(path, 'get=1\n\n'), ask(path, 'set=1\nreplace_peers=true\n\n')])
    expect(answer).toContain(`preshared_key=${PSK}`)
  })

  test('wipes the keys of an update once it is applied or refused', async () => {
    const { path, tunnel } = await serve()
    const apply = tunnel.apply.bind(tunnel)
    const updates: DeviceUpdate[] = []
    tunnel.apply = (update) => {
      updates.push(update)
      return apply(update)
    }
    await ask(path, `${CONFIG}set=1\nprivate_key=${SECRET}\nlisten_port=1\n\n`)
    expect(updates).toHaveLength(2)
    for (const { privateKey, peers } of updates) {
      for (const key of [privateKey, peers?.[0]?.presharedKey])
        expect(key ?? new Uint8Array(32)).toEqual(new Uint8Array(32))
    }
    expect(await ask(path, 'get=1\n\n')).toContain(SECRET)
  })

  test('has no key in its log, whatever is wrong with the request', async () => {
    const { path, log } = await serve()
    await ask(path, CONFIG)
    for (const line of [SECRET, `${SECRET}=1`, `private_key=${SECRET}0`, `preshared_key=${PSK}x`, `endpoint=${PSK}`]) {
      await ask(path, `set=1\n${line}\n\n`)
      await ask(path, `${line}\n`)
    }
    expect(log.length).toBeGreaterThan(8)
    for (const secret of [SECRET, PSK]) {
      expect(log.join('')).not.toContain(secret.slice(0, 10))
      expect(log.join('')).not.toContain(Buffer.from(secret, 'hex').toString('base64').slice(0, 10))
    }
  })
})
