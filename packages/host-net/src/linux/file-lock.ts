/** One process at a time changes a file: by flock(2), which ends with the process and leaves nothing behind. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { EAGAIN, errno } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { WireGuardError } from '@wireweave/tunnel/errors'

const LOCK_EX_NB = 2 | 4
const PATIENCE_MS = 15_000
const LOOK_EVERY_MS = 20

/** Where there is no such lock `work` runs without one. Rejects with a `WireGuardError` when another holds it for too long. */
export async function withFileLocked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const fd = process.platform === 'linux' ? await lock(file) : null
  try {
    return await work()
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

/** `null` for a file that cannot be opened, which is `work`'s to report, or locked. */
async function lock(file: string): Promise<number | null> {
  const { flock } = bind(null, { flock: ['flock', 'int', ['int', 'int']] })
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_EVERY_MS) {
    const fd = openOr(file)
    if (fd === null) return null
    const isLocked = flock(fd, LOCK_EX_NB) === 0
    const isBusy = !isLocked && errno() === EAGAIN
    // Whoever held it may have put another file in its place.
    if (isLocked && isSameFile(fd, file)) return fd
    closeSync(fd)
    if (!isLocked && !isBusy) return null
    if (isBusy) await sleep(LOOK_EVERY_MS)
  }
  throw new WireGuardError('LIMIT', `another process is changing ${file}. Try again when it has ended.`)
}

function openOr(file: string): number | null {
  try {
    return openSync(file, 'r')
  } catch {
    return null
  }
}

function isSameFile(fd: number, file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false })
  const { ino, dev } = fstatSync(fd)
  return stats?.ino === ino && stats.dev === dev
}
