/** The socket under which `wg` finds an interface: `/var/run/wireguard/<interface>.sock`. */
import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, lstatSync, mkdirSync, unlinkSync, watch } from 'node:fs'
import type { Stats } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { ListenOptions, Server } from 'node:net'
import path from 'node:path'
import { WireGuardError } from '@wireweave/tunnel/errors'

const UAPI_FOLDER = '/var/run/wireguard'

export interface UapiSocket {
  readonly server: Server
  readonly path: string
  /** Resolves when somebody else removes or replaces the socket: the way to end a daemon without a signal. */
  readonly removed: Promise<void>
  /** Removes the socket if it still is ours. Works while a process exits. */
  readonly unlink: () => void
  readonly close: () => void
}

export interface UapiSocketOptions {
  readonly interfaceName: string
  /** `/var/run/wireguard` when absent. */
  readonly uapiFolder?: string
  /** A socket that is bound, and perhaps listening, already. */
  readonly uapiFd?: number
}

export async function openUapiSocket(options: UapiSocketOptions): Promise<UapiSocket> {
  const folder = options.uapiFolder ?? UAPI_FOLDER
  const target = path.join(folder, `${options.interfaceName}.sock`)
  const server = createServer({ allowHalfOpen: true })
  if (options.uapiFd === undefined) await bindSocket(server, folder, target)
  else await listen(server, { fd: options.uapiFd })
  return watchSocket(server, folder, target)
}

/**
 * Binds under a name of its own and then links it to `target`: so the name that `wg` looks for never belongs to a
 * socket that does not accept (which `wg` would remove), and never replaces another daemon's.
 */
async function bindSocket(server: Server, folder: string, target: string): Promise<void> {
  prepareFolder(folder)
  await clearStaleSocket(target)
  const own = path.join(folder, `.${path.basename(target)}.${randomBytes(6).toString('hex')}`)
  // The socket comes into being inside the call, before anything else of this process can run.
  const mask = process.umask(0o077)
  const listening = listen(server, { path: own })
  process.umask(mask)
  await listening
  try {
    linkSync(own, target)
  } catch (error) {
    server.close()
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? inUse(target) : error
  } finally {
    unlinkSync(own)
  }
}

function prepareFolder(folder: string): void {
  const created = mkdirSync(folder, { recursive: true })
  if (created !== undefined) chmodSync(folder, 0o755)
  const stats = lstatSync(folder)
  const strangers = stats.uid !== 0 && stats.uid !== process.getuid?.()
  if (!stats.isDirectory() || strangers || (stats.mode & 0o022) !== 0) {
    throw new WireGuardError(
      'PERMISSION_DENIED',
      `${folder} is not a directory that only root can write to; others could put their own socket there. Remove it and start again.`,
    )
  }
}

async function clearStaleSocket(target: string): Promise<void> {
  const stats = statOf(target)
  if (stats === null) return
  if (!stats.isSocket()) {
    throw new WireGuardError('NAME_IN_USE', `${target} exists and is not a socket. Look what it is and remove it.`)
  }
  if (await accepts(target)) throw inUse(target)
  if (isSame(statOf(target), stats)) unlinkSync(target)
}

/** Whether somebody serves the socket. A full queue counts as somebody. */
function accepts(target: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path: target })
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}

function inUse(target: string): WireGuardError {
  return new WireGuardError(
    'NAME_IN_USE',
    `${target} is served by another process. End that one, or choose another interface name.`,
  )
}

function listen(server: Server, options: ListenOptions & { fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function watchSocket(server: Server, folder: string, target: string): UapiSocket {
  const ours = statOf(target)
  const stillOurs = (): boolean => ours !== null && isSame(statOf(target), ours)
  let watcher: { close(): void } | null = null
  const removed = new Promise<void>((resolve) => {
    if (ours === null) return // a socket that came without a name cannot lose it
    const look = (): void => {
      if (!stillOurs()) resolve()
    }
    watcher = watchFolder(folder, look)
    look()
  })
  const unlink = (): void => {
    if (!stillOurs()) return
    try {
      unlinkSync(target)
    } catch {
      // Somebody was faster.
    }
  }
  const close = (): void => {
    watcher?.close()
    unlink()
    server.close()
  }
  return { server, path: target, removed, unlink, close }
}

/** By inotify, or, when the system has no more of it to give, by looking every two seconds. */
function watchFolder(folder: string, look: () => void): { close(): void } {
  try {
    const watcher = watch(folder, look)
    watcher.on('error', look)
    return watcher
  } catch {
    const timer = setInterval(look, 2000)
    return { close: () => clearInterval(timer) }
  }
}

function statOf(target: string): Stats | null {
  return lstatSync(target, { throwIfNoEntry: false }) ?? null
}

function isSame(a: Stats | null, b: Stats): boolean {
  return a !== null && a.ino === b.ino && a.dev === b.dev
}
