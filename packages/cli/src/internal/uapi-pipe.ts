/** Where Windows' `wg` finds an interface of user space: a pipe under a prefix that only administrators may use. */
import { openProtectedPipe } from './protected-pipe.js'
import type { UapiSocket } from './uapi-socket.js'

const PREFIX = '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\WireGuard\\'

export interface UapiPipe extends UapiSocket {
  /** False when wg.exe will not believe it: it wants a pipe that is SYSTEM's. */
  readonly isForWg: boolean
}

/** Rejects with a `WireGuardError`, leaving nothing, when it cannot be made or closed to everybody else. */
export async function openUapiPipe(interfaceName: string): Promise<UapiPipe> {
  const path = PREFIX + interfaceName
  const { server, protection } = await openProtectedPipe(path, interfaceName)
  return {
    ...{ server, path, isForWg: protection === 'complete', close: () => void server.close() },
    // A pipe is no file: nobody can remove it, and it goes with its process.
    ...{ removed: new Promise<void>(() => {}), unlink: () => {} },
  }
}
