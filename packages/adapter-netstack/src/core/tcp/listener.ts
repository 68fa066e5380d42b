/** The state LISTEN (RFC 9293 §3.3.2). */
import type { Connection } from './connection.js'

export interface ListenerHandler {
  /** A handshake is complete. Sets `connection.handler` before it returns, or the connection is reset. */
  onConnection(connection: Connection): void
}

export class Listener {
  /** `null` for every address of the stack. */
  readonly address: Uint8Array | null
  readonly port: number
  readonly handler: ListenerHandler
  /** Handshakes under way, the oldest first. */
  readonly halfOpen: Set<Connection> = new Set()
  isClosed = false

  constructor(address: Uint8Array | null, port: number, handler: ListenerHandler) {
    this.address = address
    this.port = port
    this.handler = handler
  }
}
