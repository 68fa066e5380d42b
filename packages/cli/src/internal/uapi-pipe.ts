/** Where Windows' `wg` finds an interface of user space: a pipe under a prefix that only administrators may use. */
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { protectPipe } from '@wireweave/ffi/win32/pipe-security'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { UapiSocket } from './uapi-socket.js'

const PREFIX = '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\WireGuard\\'

export interface UapiPipe extends UapiSocket {
  /** False when wg.exe will not believe it: it wants a pipe that is SYSTEM's. */
  readonly isForWg: boolean
}

/** Rejects with a `WireGuardError`, leaving nothing, when it cannot be made or closed to everybody else. */
export async function openUapiPipe(interfaceName: string): Promise<UapiPipe> {
  const path = PREFIX + interfaceName
  const server = createServer({ allowHalfOpen: true })
  await listen(server, path, interfaceName)
  const protection = protectPipe(path)
  if (typeof protection === 'number') {
    server.close()
    const message = `the pipe of ${interfaceName} cannot be closed to others (Windows error ${protection})`
    throw new WireGuardError('SYSTEM', `${message}. Run as administrator.`, { errno: String(protection) })
  }
  return {
    ...{ server, path, isForWg: protection === 'complete', close: () => void server.close() },
    // A pipe is no file: nobody can remove it, and it goes with its process.
    ...{ removed: new Promise<void>(() => {}), unlink: () => {} },
  }
}

function listen(server: Server, path: string, interfaceName: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE'
      const message = isTaken
        ? `another process serves ${interfaceName}`
        : `the pipe of ${interfaceName} cannot be made (${cause.code}). Run as administrator.`
      reject(new WireGuardError(isTaken ? 'NAME_IN_USE' : 'PERMISSION_DENIED', message, { cause }))
    })
    server.listen(path, resolve)
  })
}
