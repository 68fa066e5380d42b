/** The socket through which `wg` and `wireweave` find a tunnel of user space. */
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { Log } from '../log.js'
import { UapiServer } from '../uapi-server.js'
import { openUapiPipe } from '../uapi-pipe.js'
import { openUapiSocket } from '../uapi-socket.js'
import type { UapiSocket } from '../uapi-socket.js'

export class UapiService {
  /** Settles when somebody else removes the socket, which is a way to end the tunnel. */
  readonly removed: Promise<void>
  readonly #socket: UapiSocket
  readonly #server: UapiServer

  private constructor(socket: UapiSocket, server: UapiServer) {
    this.#socket = socket
    this.#server = server
    this.removed = socket.removed
    process.once('exit', socket.unlink)
  }

  /** Rejects with a `WireGuardError` when another process serves an interface of this name. */
  static async open(tunnel: Tunnel, log: Log, uapiFolder?: string): Promise<UapiService> {
    const interfaceName = tunnel.interfaceRef!.name
    const socket = await openUapiSocket({ interfaceName, ...(uapiFolder !== undefined && { uapiFolder }) })
    return new UapiService(socket, new UapiServer(socket.server, { tunnel, log }))
  }

  /** The same on Windows, by a pipe. `null`, and a line in the log, when there can be none: the tunnel works without. */
  static async openPipe(tunnel: Tunnel, log: Log): Promise<UapiService | null> {
    try {
      const pipe = await openUapiPipe(tunnel.interfaceRef!.name)
      if (!pipe.isForWg) log.verbose('UAPI: not run by SYSTEM: wg.exe will not speak with this tunnel')
      return new UapiService(pipe, new UapiServer(pipe.server, { tunnel, log }))
    } catch (error) {
      log.error(`UAPI: ${error instanceof Error ? error.message : 'unknown failure'}`)
      return null
    }
  }

  close(): void {
    process.off('exit', this.#socket.unlink)
    this.#server.close()
    this.#socket.close()
  }
}
