import { existsSync, readdirSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runDaemon } from '../src/daemon.js'
import type { DaemonOptions } from '../src/daemon.js'
import { FakeBackend } from './support/fake-tunnel.js'
import type { FakeTunnel } from './support/fake-tunnel.js'
import { temporaryFolder } from './support/temporary-folder.js'
import { ask } from './support/uapi-client.js'

interface Running {
  readonly socket: string
  readonly folder: string
  readonly tunnel: FakeTunnel
  readonly end: AbortController
  readonly ended: Promise<void>
  readonly log: string[]
}

function start(
  backend: FakeBackend,
  folder: string,
  end: AbortController,
  more: Partial<DaemonOptions> = {},
): Promise<void> {
  return runDaemon({
    backend,
    interfaceName: 'wg0',
    logLevel: 'verbose',
    uapiFolder: folder,
    signal: end.signal,
    writeLog: () => {},
    ...more,
  })
}

async function startReady(more: Partial<DaemonOptions> = {}): Promise<Running> {
  const folder = temporaryFolder()
  const backend = new FakeBackend()
  const end = new AbortController()
  const log: string[] = []
  let ended!: Promise<void>
  await new Promise<void>((resolve, reject) => {
    ended = start(backend, folder, end, { writeLog: (line) => log.push(line), onReady: resolve, ...more })
    ended.catch(reject)
  })
  onTestFinished(() => end.abort())
  return { socket: path.join(folder, 'wg0.sock'), folder, tunnel: backend.opened[0]!, end, ended, log }
}

test('a daemon is ready when its socket answers', async () => {
  const { socket } = await startReady()
  expect(await ask(socket, 'get=1\n\n')).toBe('errno=0\n\n')
})

test.each<[string, (running: Running) => void, string]>([
  ['when it is asked to', ({ end }) => end.abort(), 'asked to'],
  ['when its interface is deleted', ({ tunnel }) => tunnel.kill(), 'the interface is gone'],
  ['when its socket is removed', ({ socket }) => unlinkSync(socket), 'the UAPI socket was removed'],
])('a daemon ends %s, and leaves nothing behind', async (_, endIt, why) => {
  const running = await startReady()
  endIt(running)
  await running.ended
  expect(running.tunnel.isClosed).toBe(true)
  expect(readdirSync(running.folder)).toEqual([])
  expect(running.log.join('')).toContain(`Shutting down: ${why}`)
})

test('a daemon whose tunnel dies of a fault says so, fails, and leaves nothing behind', async () => {
  const { tunnel, folder, ended, log } = await startReady()
  tunnel.failure = new Error("the tunnel's thread died: out of memory")
  tunnel.kill()
  await expect(ended).rejects.toBe(tunnel.failure)
  expect(tunnel.isClosed).toBe(true)
  expect(readdirSync(folder)).toEqual([])
  expect(log.join('')).toContain('Shutting down: the tunnel')
  expect(log.join('')).toContain('out of memory')
})

test('a daemon that ends cuts its connections', async () => {
  const { socket, end, ended } = await startReady()
  const hanging = ask(socket, 'set=1\n'.padEnd(7, 'x'))
  end.abort()
  await ended
  await hanging.catch(() => {})
  expect(existsSync(socket)).toBe(false)
})

test('a daemon uses the name that the system chose', async () => {
  const { folder, log } = await startReady({ interfaceName: 'wg%d' })
  expect(readdirSync(folder)).toEqual(['wg7.sock'])
  expect(log[0]).toContain('(wg7)')
})

test('a daemon whose interface cannot be opened fails and leaves nothing behind', async () => {
  const folder = temporaryFolder()
  const backend = new FakeBackend()
  backend.failure = new Error('no such device')
  await expect(start(backend, folder, new AbortController())).rejects.toThrow('no such device')
  expect(readdirSync(folder)).toEqual([])
})

test('a second daemon of the same name fails and does not disturb the first', async () => {
  const { socket, folder } = await startReady()
  const backend = new FakeBackend()
  await expect(start(backend, folder, new AbortController())).rejects.toMatchObject({ code: 'NAME_IN_USE' })
  expect(backend.opened[0]!.isClosed).toBe(true)
  expect(await ask(socket, 'get=1\n\n')).toBe('errno=0\n\n')
})
