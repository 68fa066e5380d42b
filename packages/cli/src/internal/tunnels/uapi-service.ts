/** The socket through which `wg` and `wireweave` find a tunnel of user space. */
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { Log } from '../log.js'
import { UapiServer } from '../uapi-server.js'
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

  close(): void {
    process.off('exit', this.#socket.unlink)
    this.#server.close()
    this.#socket.close()
  }
}
