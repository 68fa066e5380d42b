import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { connect } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { ChildProcess } from 'node:child_process'
import { openNetstackTunnel } from 'wireweave'
import type { NetstackTunnel } from 'wireweave'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { buildPrograms, runProgram, startProgram } from './support/programs.js'
import { temporaryFolder } from './support/temporary-folder.js'

let there: NetstackTunnel
let conf: string
const server = http.createServer((_, response) => response.end('a page in the tunnel'))
const children: ChildProcess[] = []

beforeAll(async () => {
  const keys = [keyPair(), keyPair()] as const
  const text = (i: 0 | 1, more: string): string => `[Interface]
PrivateKey = ${keys[i].privateKey}
Address = 10.0.0.${i + 1}/32
[Peer]
PublicKey = ${keys[1 - i]!.publicKey}
AllowedIPs = 10.0.0.${2 - i}/32
${more}`
  const [opened] = await Promise.all([
    openNetstackTunnel({ config: { name: 'there', text: text(1, '') } }),
    buildPrograms({ proxy: 'src/bin/wireweave.ts' }),
  ])
  there = opened
  there.listen({ port: 80 }, (socket) => server.emit('connection', socket))
  there.listen({ port: 7, allowHalfOpen: true }, (socket) => void socket.pipe(socket))
  const { listenPort } = await there.tunnel.snapshot()
  conf = text(0, `Endpoint = 127.0.0.1:${listenPort}\n`)
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  server.close()
  await there?.close()
})

function keyPair(): { privateKey: string; publicKey: string } {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (part: string): string => Buffer.from(part, 'base64url').toString('base64')
  return { privateKey: base64(jwk.d!), publicKey: base64(jwk.x!) }
}

function write(text: string): string {
  const file = path.join(temporaryFolder(), 'a long name of a provider.conf')
  writeFileSync(file, text)
  return file
}

interface Line {
  readonly event: string
  readonly kind: string
  readonly port: number
}

/** Starts it and resolves when it is ready. */
async function start(args: string[], env = {}, more = {}): Promise<{ child: ChildProcess; lines: Line[] }> {
  const child = startProgram('proxy', ['proxy', ...args, '--json'], {
    ...more,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  children.push(child)
  const lines: Line[] = []
  let complaint = ''
  child.stderr!.on('data', (text) => (complaint += String(text)))
  for await (const text of createInterface({ input: child.stdout! })) {
    lines.push(JSON.parse(text) as Line)
    if (lines.at(-1)!.event === 'ready') return { child, lines }
  }
  throw new Error(complaint)
}

/** A page through the HTTP proxy. */
async function get(port: number, headers = {}): Promise<{ status: number; text: string }> {
  const request = http.get({ host: '127.0.0.1', port, path: 'http://10.0.0.2/', headers })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const part of response) text += String(part)
  return { status: response.statusCode!, text }
}

test('opens what it is told, says where, and ends on Ctrl-C', async () => {
  const args = ['-D', '0', '--http', '0', '-L', '0:10.0.0.2:7', '-R', '99:127.0.0.1:1', '--metrics', '0']
  const { child, lines } = await start([write(conf), ...args])
  const kinds = lines.map(({ event, kind }) => kind ?? event)
  expect(kinds).toEqual(['socks5', 'http', 'forward', 'reverse', 'info', 'ready'])
  const [, proxy, forward, , info] = lines
  expect(await get(proxy!.port)).toEqual({ status: 200, text: 'a page in the tunnel' })
  const socket = connect(forward!.port, '127.0.0.1')
  socket.end('hello')
  expect(String((await once(socket, 'data'))[0])).toBe('hello')
  const metrics = await (await fetch(`http://127.0.0.1:${info!.port}/metrics`)).text()
  expect(metrics).toMatch(/^wireguard_peer_connected\{interface="a long name of a provider",[^}]+\} 1$/m)
  expect(await (await fetch(`http://127.0.0.1:${info!.port}/readyz`)).json()).toMatchObject({ ready: true })
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test.runIf(process.platform === 'linux')('its memory cannot be dumped', async () => {
  // Whatever the group of a process that may not be dumped, its memory belongs to root's (proc(5)).
  const group = process.getgid!() === 0 ? { gid: 65_534 } : {}
  const { child } = await start([write(conf), '-D', '0'], {}, group)
  expect(statSync(`/proc/${child.pid}/cmdline`).gid).toBe(0)
  expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(
    new RegExp(`^Gid:\\t${group.gid ?? process.getgid!()}`, 'm'),
  )
})

test("loads wireproxy's sections, with a password from the environment", async () => {
  const file = write(`${conf}
[http]
BindAddress = 127.0.0.1:25345
Username = anna
Password = $SECRET
`)
  const tested = await runProgram('proxy', ['proxy', file, '-n'], '', { ...process.env, SECRET: 'x' })
  expect(tested).toMatchObject({ code: 0, stderr: '' })
  expect(tested.stdout).toMatch(/a long name of a provider\.conf is right\n$/)
  const { lines } = await start([write(conf), '--http', '0', '--user', 'anna'], { WIREWEAVE_PROXY_PASSWORD: 'x' })
  const authorization = (text: string): object => ({
    'Proxy-Authorization': `Basic ${Buffer.from(text).toString('base64')}`,
  })
  expect((await get(lines[0]!.port)).status).toBe(407)
  expect((await get(lines[0]!.port, authorization('anna:x'))).status).toBe(200)
})

test('-W makes standard input and output the connection', async () => {
  const { code, stdout, stderr } = await runProgram('proxy', ['proxy', write(conf), '-W', '10.0.0.2:7'], 'hello')
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello' })
  expect(stderr).toMatch(
    /^tunnel {3}a long name of a provider: 10\.0\.0\.1\/32; MTU 1420; no DNS: only addresses work\n/,
  )
})

test.each([
  ['nothing to open', [], /^wireweave: there is nothing to open\. Say what: -D 1080/],
  [
    'a place beyond this machine',
    ['-D', '0.0.0.0:0'],
    /^wireweave: a SOCKS5 proxy on 0\.0\.0\.0:0 would be open to everybody.*\(--user\).*--allow-unauthenticated/,
  ],
  ['a forward without end', ['-L', '80'], /^wireweave: -L 80 is not understood\. Write \[bind:\]port:host:port/],
  [
    'a user without a password',
    ['-D', '0', '--user', 'a'],
    /^wireweave: --user goes with a password\. Set WIREWEAVE_PROXY/,
  ],
  [
    'a password from nowhere',
    ['--user', 'a', '--password-file', 'no-such-file'],
    /^wireweave: --password-file: no-such-file/,
  ],
])('%s is told in one line', async (_, args, message) => {
  const { code, stdout, stderr } = await runProgram('proxy', ['proxy', write(conf), ...args])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(message)
  expect(stderr.split('\n').length).toBe(2)
})

test('a mistake in the file is told with its line, and without its keys', async () => {
  const file = write(conf.replace('AllowedIPs', 'AllowedIP').concat('[Socks5]\nBindAddress = 127.0.0.1:1\n'))
  const { code, stderr } = await runProgram('proxy', ['proxy', file])
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^wireweave: .*a provider\.conf:6: the key "AllowedIP" is unknown\. Did you mean AllowedIPs\?\n$/,
  )
})
