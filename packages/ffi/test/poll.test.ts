import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { devNull } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'tsup'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf } from '../src/memory.js'
import { bind } from '../src/library.js'
import { Readiness } from '../src/poll.js'

const linux = process.platform === 'linux'

describe.skipIf(!linux)('readiness', () => {
  const open: { readiness: Readiness; ends: readonly number[] }[] = []
  afterEach(() => {
    for (const { readiness, ends } of open.splice(0)) {
      readiness.close()
      for (const fd of ends) closeSync(fd)
    }
  })

  function watchedPipe(watch: 'read' | 'write' = 'read'): { readiness: Readiness; read: number; write: number } {
    const { read, write } = pipe()
    const readiness = new Readiness(watch === 'read' ? read : write)
    open.push({ readiness, ends: [read, write] })
    return { readiness, read, write }
  }

  it('waits until there is something to read', async () => {
    const { readiness, write } = watchedPipe()
    let ready = false
    const wait = readiness.readable().then(() => {
      ready = true
    })
    await later(30)
    expect(ready).toBe(false)
    writeSync(write, 'x')
    await wait
    expect(ready).toBe(true)
  })

  it('is ready at once, each time, while there is something to read', async () => {
    const { readiness, read, write } = watchedPipe()
    writeSync(write, 'x')
    for (let i = 0; i < 100; i++) await readiness.readable()
    readSync(read, Buffer.alloc(1))
    await expect(readiness.readable(AbortSignal.timeout(30))).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('does not spin while its owner is busy', async () => {
    const { readiness, write } = watchedPipe()
    writeSync(write, 'x')
    await readiness.readable()
    const before = process.cpuUsage()
    await later(200)
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(150_000)
    await readiness.readable()
  })

  it('waits for room to write, and for both directions at once', async () => {
    const { readiness, read, write } = watchedPipe('write')
    await readiness.writable()
    const full = Buffer.alloc(65536)
    while (fill(write, full));
    const wait = readiness.writable()
    await expect(readiness.readable(AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' })
    readSync(read, full)
    await wait
  })

  it('rejects with the reason of the signal, and can wait again', async () => {
    const { readiness, write } = watchedPipe()
    const abort = new AbortController()
    const wait = readiness.readable(abort.signal)
    abort.abort('enough')
    await expect(wait).rejects.toBe('enough')
    await expect(readiness.readable(abort.signal)).rejects.toBe('enough')
    const next = readiness.readable()
    writeSync(write, 'x')
    await next
  })

  it('ends a pending wait when it is closed, and every later one', async () => {
    const { readiness } = watchedPipe()
    const wait = readiness.readable()
    const reason = new Error('the interface is gone')
    readiness.close(reason)
    await expect(wait).rejects.toBe(reason)
    await expect(readiness.writable()).rejects.toBe(reason)
    readiness.close()
    readiness.ref().unref()
  })

  it('is ready when the other end hangs up', async () => {
    const { read, write } = pipe()
    const readiness = new Readiness(read)
    const wait = readiness.readable()
    closeSync(write)
    await wait
    readiness.close()
    closeSync(read)
  })

  it('survives a garbage collection while waiting', async () => {
    const { readiness, write } = watchedPipe()
    const wait = readiness.readable()
    for (let i = 0; i < 20; i++) {
      globalThis.gc?.()
      new Uint8Array(8 << 20).fill(1)
      await later(1)
    }
    writeSync(write, 'x')
    await wait
  })

  it('refuses what koffi would abort the process for', () => {
    const { readiness, read } = watchedPipe()
    expect(() => new Readiness(1_000_000)).toThrow('EBADF')
    expect(() => new Readiness(-1)).toThrow('EBADF')
    for (const alwaysReady of [openSync(new URL(import.meta.url), 'r'), openSync(devNull, 'r')]) {
      expect(() => new Readiness(alwaysReady)).toThrow('EPERM')
      closeSync(alwaysReady)
    }
    expect(() => new Readiness(read)).toThrow('already watched')
    readiness.close()
    new Readiness(read).close()
  })

  it('refuses a second wait of the same direction', async () => {
    const { readiness } = watchedPipe()
    const wait = readiness.readable()
    expect(() => readiness.readable()).toThrow('already pending')
    readiness.close('done')
    await expect(wait).rejects.toBe('done')
  })

  it('works in a worker thread, which may be terminated while it waits', async () => {
    const { read, write } = pipe()
    const worker = new Worker(await bundle(new URL('./poll-worker.ts', import.meta.url)), { workerData: read })
    const messages: unknown[] = []
    worker.on('message', (message) => messages.push(message))
    await until(() => messages.includes('waiting'))
    for (let i = 1; i <= 3; i++) {
      writeSync(write, 'x')
      await until(() => messages.includes(i))
    }
    expect(await worker.terminate()).toBe(1)
    closeSync(read)
    closeSync(write)
  })

  it('does not abort a process that exits while its descriptor is ready', async () => {
    const script = await bundle(new URL('./exit-while-ready.ts', import.meta.url))
    const result = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 120_000 })
    expect(result).toMatchObject({ stderr: '', status: 0 })
  })
})

function pipe(): { read: number; write: number } {
  const ends = new Int32Array(2)
  const libc = bind(null, { pipe2: ['pipe2', 'int', ['void *', 'int']] })
  expect(libc.pipe2(addressOf(new Uint8Array(ends.buffer)), 0x800)).toBe(0)
  return { read: ends[0]!, write: ends[1]! }
}

function fill(fd: number, bytes: Uint8Array): boolean {
  try {
    writeSync(fd, bytes)
    return true
  } catch {
    return false
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 6000 && !condition(); i++) await later(10)
  expect(condition()).toBe(true)
}

/** Node 20 runs no TypeScript outside of vitest; the bundle lies in the package so that it finds koffi. */
async function bundle(source: URL): Promise<string> {
  const outDir = fileURLToPath(new URL('../build/test', import.meta.url))
  const entry = fileURLToPath(source)
  await build({
    entry: [entry],
    outDir,
    config: false,
    format: 'esm',
    target: 'node20',
    external: ['koffi'],
    silent: true,
  })
  return join(outDir, basename(entry, '.ts') + '.js')
}
