/** The socket under which a tunnel of user space is found, whoever serves it. */
import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'

export const UAPI_FOLDER = '/var/run/wireguard'

export function uapiPath(name: string, folder: string = UAPI_FOLDER): string {
  return `${folder}/${name}.sock`
}

/** Whether somebody else than root and us could have put a socket there: it would be told private keys. */
export function isOpenToOthers(folder: string): boolean {
  if (process.platform === 'win32') return false
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return false
  const isStrangers = stats.uid !== 0 && stats.uid !== process.getuid!()
  return !stats.isDirectory() || isStrangers || (stats.mode & 0o022) !== 0
}

/** Whether a process answers there. */
export async function isUapiServed(name: string, folder: string = UAPI_FOLDER): Promise<boolean> {
  const file = uapiPath(name, folder)
  const isSocket = lstatSync(file, { throwIfNoEntry: false })?.isSocket() ?? false
  return isSocket && !(await isRefused(file))
}

/** Removes the socket of a process that was killed. False when there is none, or somebody serves it. */
export async function removeStaleSocket(name: string, folder: string = UAPI_FOLDER): Promise<boolean> {
  const file = uapiPath(name, folder)
  const before = lstatSync(file, { throwIfNoEntry: false })
  if (before === undefined || !before.isSocket() || !(await isRefused(file))) return false
  const now = lstatSync(file, { throwIfNoEntry: false })
  if (now === undefined || now.ino !== before.ino) return false
  unlinkSync(file)
  return true
}

function isRefused(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path: file })
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
}
