/** The demonstration of `npm start`, and the programs in examples, against a second device in this process. */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { openNetstackTunnel } from 'wireweave'
import type { NetstackTunnel } from 'wireweave'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-examples-'))
const conf = path.join(folder, 'wg0.conf')
const children: ChildProcess[] = []
let peer: NetstackTunnel

beforeAll(async () => {
  const keys = [keyPair(), keyPair()] as const
  const text = (i: 0 | 1, more: string): string => `[Interface]
PrivateKey = ${keys[i].privateKey}
Address = 10.0.0.${i + 1}/32
[Peer]
PublicKey = ${keys[1 - i]!.publicKey}
AllowedIPs = 10.0.0.${2 - i}/32
${more}`
  peer = await openNetstackTunnel({ config: { name: 'peer', text: text(0, '') } })
  const { listenPort } = await peer.tunnel.snapshot()
  // With a keepalive it makes itself known: the peer knows no endpoint of it.
  writeFileSync(conf, text(1, `Endpoint = 127.0.0.1:${listenPort}\nPersistentKeepalive = 25\n`))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await peer.close()
  rmSync(folder, { recursive: true })
})

function keyPair(): { privateKey: string; publicKey: string } {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (part: string): string => Buffer.from(part, 'base64url').toString('base64')
  return { privateKey: base64(jwk.d!), publicKey: base64(jwk.x!) }
}

/** Starts a program and resolves to its first line. */
async function start(name: string, ...args: string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [path.join(root, 'examples', name), conf, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  return { child, line }
}

/** The page, as soon as the program has made itself known. */
async function fetchText(url: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      return await (await peer.fetch(url)).text()
    } catch (error) {
      if (tries === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function endsWell(child: ChildProcess): Promise<void> {
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
}

test('npm start shows a page, the proxy, and traffic without damage', async () => {
  const script = `import { demo } from './scripts/demo/demo.mjs'; await demo(new AbortController().signal)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: { ...process.env, WIREWEAVE_DEMO_SECONDS: '0.5' },
  })
  expect(stdout.match(/Hello (10\.9\.0\.1|fd09::1), this is bob/g)?.length).toBeGreaterThanOrEqual(3)
  expect(stdout).toMatch(/ MiB arrived in order, 0 of \d+ pieces damaged/)
})

test('http-server: a web application in the tunnel, which asks others through it', async () => {
  const { child, line } = await start('http-server.mjs', '8080')
  expect(line).toBe('listening on port 8080 of the tunnel')
  const server = http.createServer((_, response) => response.end('from the peer'))
  peer.listen({ port: 81 }, (socket) => server.emit('connection', socket))
  expect(await fetchText('http://10.0.0.2:8080/')).toBe('hello 10.0.0.1\n')
  expect(await fetchText('http://10.0.0.2:8080/?from=http://10.0.0.1:81/')).toBe('from the peer 10.0.0.1\n')
  await endsWell(child)
})

test('reverse-forward: a server of this machine is seen in the tunnel', async () => {
  const server = http.createServer((_, response) => response.end('local'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { child, line } = await start(
    'reverse-forward.mjs',
    '8081',
    '127.0.0.1',
    String((server.address() as AddressInfo).port),
  )
  expect(line).toMatch(/^port 8081 of the tunnel leads to 127\.0\.0\.1:/)
  expect(await fetchText('http://10.0.0.2:8081/')).toBe('local')
  await endsWell(child)
  server.close()
})

test('udp: a question and its answer', async () => {
  const socket = peer.udp({ port: 53 })
  socket.on('message', (data: Buffer, from: { address: string; port: number }) => {
    void socket.send(Buffer.from(`you said ${String(data)}`), from.port, from.address)
  })
  const { child, line } = await start('udp.mjs', '10.0.0.1', '53', 'hello')
  expect(line).toBe('10.0.0.1:53 answers: you said hello')
  if (child.exitCode === null) expect((await once(child, 'exit'))[0]).toBe(0)
})

/** Electron is too large for this; what it would do is said here, and done to the program in its place. */
const ELECTRON = `
import http from 'node:http'
export const app = {
  handlers: {},
  whenReady: async () => {},
  on(name, handler) { this.handlers[name] = handler },
  quit() { console.log('quit'); process.exit(0) },
}
export const powerMonitor = { on(name, handler) { this[name] = handler } }
export class BrowserWindow {
  webContents = { session: { setProxy: async ({ proxyRules }) => (this.proxy = new URL(proxyRules)) } }
  async loadURL(url) {
    const { hostname: host, port } = this.proxy
    let password
    const proxy = { isProxy: true, host, port: Number(port) }
    app.handlers.login({ preventDefault() {} }, null, null, proxy, (...answer) => (password = answer.join(':')))
    const authorization = 'Basic ' + Buffer.from(password).toString('base64')
    http.get({ host, port, path: url, headers: { 'proxy-authorization': authorization } }, async (response) => {
      for await (const part of response) console.log(String(part))
      powerMonitor.resume()
      app.handlers['window-all-closed']()
    })
  }
}`

test('electron-main: windows go through the tunnel (with a double of Electron)', async () => {
  const server = http.createServer((_, response) => response.end('a page for a window'))
  const door = peer.listen({ port: 82 }, (socket) => server.emit('connection', socket))
  const double = `data:text/javascript,${encodeURIComponent(ELECTRON)}`
  const hooks = `export const resolve = (name, context, next) =>
    name === 'electron' ? { url: ${JSON.stringify(double)}, shortCircuit: true } : next(name, context)`
  const register = `import { register } from 'node:module'
    register('data:text/javascript,${encodeURIComponent(hooks).replaceAll("'", '%27')}')`
  const program = path.join(root, 'examples/electron-main.mjs')
  const args = [
    '--import',
    `data:text/javascript,${encodeURIComponent(register)}`,
    program,
    conf,
    'http://10.0.0.1:82/',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 })
  expect(stdout).toBe('a page for a window\nquit\n')
  await door[Symbol.asyncDispose]()
})
