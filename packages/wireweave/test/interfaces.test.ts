import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parsePrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listInterfaces, openInterface } from '../src/interfaces.js'

// The pair of RFC 7748 §6.1.
const PRIVATE = Buffer.from('dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=', 'base64').toString('hex')
const PUBLIC = 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo='
const PEER = 'b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33'
const peerKey = new Uint8Array(Buffer.from(PEER, 'hex')) as PublicKey

let folder: string
let servers: Server[]
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  servers = []
})
afterEach(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  rmSync(folder, { recursive: true })
})

/** Serves `name` with `answer`, which gets each request; returns the requests. */
async function serve(name: string, answer: (request: string, socket: Socket) => string | null): Promise<string[]> {
  const requests: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    let request = ''
    socket.on('data', (chunk) => {
      request += String(chunk)
      if (!request.endsWith('\n\n')) return
      requests.push(request)
      const text = answer(request, socket)
      if (text !== null) socket.end(text)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(path.join(folder, `${name}.sock`), resolve))
  return requests
}

const open = (name: string, idleMs?: number): ReturnType<typeof openInterface> =>
  openInterface(name, { uapiFolder: folder, ...(idleMs !== undefined && { idleMs }) })

test('an answer that never comes to its end is given up', async () => {
  let timer: NodeJS.Timeout | undefined
  await serve('wg0', (_, socket) => {
    timer = setInterval(() => socket.write('x=1\n'), 10)
    socket.on('error', () => {}).on('close', () => clearInterval(timer))
    return null
  })
  await expect((await open('wg0', 100)).read()).rejects.toMatchObject({ errno: 'ETIMEDOUT' })
  clearInterval(timer)
})

test.runIf(process.platform !== 'win32')('nobody is asked whose socket others could have put there', async () => {
  const requests = await serve('wg0', () => 'errno=0\n\n')
  chmodSync(folder, 0o777)
  await expect(open('wg0')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  await expect(listInterfaces({ uapiFolder: folder })).rejects.toThrow(/only root can write to/)
  expect(requests).toEqual([])
  chmodSync(folder, 0o755)
  expect(await listInterfaces({ uapiFolder: folder })).toEqual(['wg0'])
})

describe('the list of interfaces', () => {
  test('has those that somebody serves, and nothing else of the folder', async () => {
    await serve('wg0', () => 'errno=0\n\n')
    await serve('wg1', () => 'errno=0\n\n')
    await serve('not a name', () => 'errno=0\n\n')
    writeFileSync(path.join(folder, 'wg2.sock'), '')
    writeFileSync(path.join(folder, 'wg3.name'), '')
    expect((await listInterfaces({ uapiFolder: folder })).toSorted()).toEqual(['wg0', 'wg1'])
  })

  test('leaves out a socket that a killed process left, and removes it', async () => {
    const file = path.join(folder, 'wg0.sock')
    const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script, file])
    expect(lstatSync(file).isSocket()).toBe(true)
    expect(await listInterfaces({ uapiFolder: folder })).toEqual([])
    expect(lstatSync(file, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('is empty without a folder', async () => {
    expect(await listInterfaces({ uapiFolder: path.join(folder, 'none') })).toEqual([])
  })
})

describe('an interface that a process serves', () => {
  test('is read whole: the public key is that of the private one', async () => {
    const requests = await serve('wg0', () => `private_key=${PRIVATE}\nlisten_port=5\npublic_key=${PEER}\nerrno=0\n\n`)
    const running = await open('wg0')
    const { snapshot, secrets } = await running.read()
    expect(running).toMatchObject({ name: 'wg0', servedBy: 'process' })
    expect(snapshot).toMatchObject({ listenPort: 5, peers: [{ publicKey: peerKey }] })
    expect(Buffer.from(secrets.privateKey!).toString('hex')).toBe(PRIVATE)
    expect(formatKey(snapshot.publicKey!)).toBe(PUBLIC)
    expect(requests).toEqual(['get=1\n\n'])
  })

  test('is changed by one request', async () => {
    const requests = await serve('wg0', () => 'errno=0\n\n')
    await (await open('wg0')).apply({ listenPort: 7, peers: [{ publicKey: peerKey, remove: true }] })
    expect(requests).toEqual([`set=1\nlisten_port=7\npublic_key=${PEER}\nremove=true\n\n`])
  })

  test('that does not know the removal of one prefix gets the list that remains', async () => {
    const requests = await serve('wg0', (request) => {
      if (request.startsWith('get'))
        return `public_key=${PEER}\nallowed_ip=10.1.0.0/16\nallowed_ip=10.2.0.0/16\nerrno=0\n\n`
      return request.includes('=-') ? 'errno=-22\n\n' : 'errno=0\n\n'
    })
    const removal = { ...parsePrefix('10.1.0.0/16')!, remove: true }
    await (await open('wg0')).apply({ peers: [{ publicKey: peerKey, allowedIps: [removal] }] })
    expect(requests.at(-1)).toBe(`set=1\npublic_key=${PEER}\nreplace_allowed_ips=true\nallowed_ip=10.2.0.0/16\n\n`)
  })

  test.each([
    [
      'get=1',
      'errno=13\n\n',
      'PERMISSION_DENIED',
      /^Unable to access interface wg0: Permission denied\. Run it as root/,
    ],
    ['get=1', 'errno=4711\n\n', 'SYSTEM', /^Unable to access interface wg0: error 4711$/],
    ['get=1', 'SSH-2.0-OpenSSH\n\n', 'SYSTEM', /^Unable to access interface wg0: Protocol error\. .*not key=value/],
    [
      'get=1',
      'listen_port=1\n',
      'SYSTEM',
      /^Unable to access interface wg0: Protocol error\. .*ended the answer early/,
    ],
    ['get=1', '', 'SYSTEM', /Protocol error/],
    [
      'set=1',
      'errno=-98\n\n',
      'ADDRESS_IN_USE',
      /^Unable to modify interface wg0: Address already in use\. Choose another/,
    ],
  ])('%s answered by %j fails with what to do', async (request, answer, code, message) => {
    await serve('wg0', () => answer)
    const running = await open('wg0')
    const work = request === 'get=1' ? running.snapshot() : running.apply({ listenPort: 1 })
    await expect(work).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  test('whose process has stopped does not keep us waiting', async () => {
    await serve('wg0', (_, socket) => {
      setTimeout(() => socket.destroy(), 10_000).unref()
      return null
    })
    const work = (await open('wg0', 100)).read()
    await expect(work).rejects.toThrow(/Connection timed out\. Whoever serves .*wg0\.sock does not answer/)
  })

  test.each(['wg7', '../wg0', '', 'a name', '\u001B[2J'])('%j is no such device', async (name) => {
    await serve('wg0', () => 'errno=0\n\n')
    const failure = await open(name).catch((error: unknown) => error as Error)
    expect(failure).toMatchObject({ code: 'NO_SUCH_INTERFACE' })
    expect((failure as Error).message).toMatch(/No such device/)
    expect((failure as Error).message).not.toMatch(/\p{Cc}/u)
  })
})
