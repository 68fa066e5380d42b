import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openUapiSocket } from '../src/internal/uapi-socket.js'
import type { UapiSocket } from '../src/internal/uapi-socket.js'
import { temporaryFolder } from './support/temporary-folder.js'
import { dial } from './support/uapi-client.js'

async function open(uapiFolder: string, interfaceName = 'wg0'): Promise<UapiSocket> {
  const socket = await openUapiSocket({ interfaceName, uapiFolder })
  onTestFinished(() => socket.close())
  return socket
}

/** A socket file that nobody listens on. */
async function leaveStaleSocket(file: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${file}.bound`, resolve))
  renameSync(`${file}.bound`, file)
  await new Promise((resolve) => server.close(resolve))
}

async function isRemoved(socket: UapiSocket, withinMs: number): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), withinMs))
  return await Promise.race([socket.removed.then(() => true), late])
}

describe('a UAPI socket', () => {
  test('is for its owner alone, in a directory that others may list, and accepts', async () => {
    const folder = path.join(temporaryFolder(), 'run', 'wireguard')
    const mask = process.umask(0)
    onTestFinished(() => void process.umask(mask))
    const socket = await open(folder)
    expect(socket.path).toBe(path.join(folder, 'wg0.sock'))
    expect(lstatSync(socket.path).mode & 0o777).toBe(0o700)
    expect(lstatSync(folder).mode & 0o777).toBe(0o755)
    expect(process.umask()).toBe(0)
    ;(await dial(socket.path)).destroy()
    expect(readdirSync(folder)).toEqual(['wg0.sock'])
  })

  test('leaves nothing behind when it is closed', async () => {
    const folder = temporaryFolder()
    const socket = await open(folder)
    socket.close()
    expect(readdirSync(folder)).toEqual([])
  })

  test('takes the place of one that nobody serves', async () => {
    const folder = temporaryFolder()
    await leaveStaleSocket(path.join(folder, 'wg0.sock'))
    const socket = await open(folder)
    ;(await dial(socket.path)).destroy()
  })

  test('does not take the place of one that is served', async () => {
    const folder = temporaryFolder()
    const first = await open(folder)
    await expect(open(folder)).rejects.toMatchObject({ code: 'NAME_IN_USE' })
    expect(readdirSync(folder)).toEqual(['wg0.sock'])
    ;(await dial(first.path)).destroy()
    expect(await isRemoved(first, 50)).toBe(false)
  })

  test('of several opened at once, one wins', async () => {
    const folder = temporaryFolder()
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => open(folder)))
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    expect(readdirSync(folder)).toEqual(['wg0.sock'])
  })

  test('does not follow a symbolic link, whatever it points to', async () => {
    const folder = temporaryFolder()
    const elsewhere = path.join(temporaryFolder(), 'elsewhere')
    symlinkSync(elsewhere, path.join(folder, 'wg0.sock'))
    await expect(open(folder)).rejects.toMatchObject({ code: 'NAME_IN_USE' })
    await leaveStaleSocket(elsewhere)
    await expect(open(folder)).rejects.toMatchObject({ code: 'NAME_IN_USE' })
    expect(lstatSync(elsewhere).isSocket()).toBe(true)
  })

  test('does not remove a file that has its name', async () => {
    const folder = temporaryFolder()
    writeFileSync(path.join(folder, 'wg0.sock'), 'precious')
    await expect(open(folder)).rejects.toMatchObject({ code: 'NAME_IN_USE' })
    expect(readdirSync(folder)).toEqual(['wg0.sock'])
  })

  test('is not put where others can write, nor behind a symbolic link', async () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o777)
    await expect(open(folder)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    const real = temporaryFolder()
    const link = path.join(temporaryFolder(), 'wireguard')
    symlinkSync(real, link)
    await expect(open(link)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    expect(readdirSync(real)).toEqual([])
  })

  test('tells when it is removed', async () => {
    const folder = temporaryFolder()
    const socket = await open(folder)
    writeFileSync(path.join(folder, 'other.sock'), '')
    expect(await isRemoved(socket, 100)).toBe(false)
    unlinkSync(socket.path)
    expect(await isRemoved(socket, 5_000)).toBe(true)
  })

  test('tells when its directory is removed', async () => {
    const folder = path.join(temporaryFolder(), 'wireguard')
    mkdirSync(folder)
    const socket = await open(folder)
    renameSync(folder, `${folder}.old`)
    unlinkSync(path.join(`${folder}.old`, 'wg0.sock'))
    expect(await isRemoved(socket, 5_000)).toBe(true)
  })

  test('that was replaced tells so, and leaves the new one alone', async () => {
    const folder = temporaryFolder()
    const first = await open(folder)
    unlinkSync(first.path)
    const second = await open(folder)
    expect(await isRemoved(first, 5_000)).toBe(true)
    first.close()
    expect(existsSync(second.path)).toBe(true)
    expect(await isRemoved(second, 100)).toBe(false)
    ;(await dial(second.path)).destroy()
  })
})
