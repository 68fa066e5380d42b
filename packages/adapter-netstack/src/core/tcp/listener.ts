/** The state LISTEN (RFC 9293 §3.3.2). */
import { addressKey } from '../ip/address.js'
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
  readonly halfOpen: Backlog = new Backlog()
  isClosed = false

  constructor(address: Uint8Array | null, port: number, handler: ListenerHandler) {
    this.address = address
    this.port = port
    this.handler = handler
  }
}

/** Handshakes under way, by when they began, and how many of them each source has. */
class Backlog {
  /** The oldest first. */
  readonly #since = new Map<Connection, number>()
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#since.size
  }

  get oldest(): Connection | undefined {
    return this.#since.keys().next().value
  }

  all(): Connection[] {
    return [...this.#since.keys()]
  }

  add(connection: Connection, now: number): void {
    this.#since.set(connection, now)
    const source = sourceOf(connection.remote)
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + 1)
  }

  /** Harmless for a connection that is not there. */
  delete(connection: Connection): void {
    if (!this.#since.delete(connection)) return
    const source = sourceOf(connection.remote)
    const left = this.#counts.get(source)! - 1
    if (left === 0) this.#counts.delete(source)
    else this.#counts.set(source, left)
  }

  ageOf(connection: Connection, now: number): number {
    return now - (this.#since.get(connection) ?? now)
  }

  /** Of whoever has this address. */
  countOf(address: Uint8Array): number {
    return this.#counts.get(sourceOf(address)) ?? 0
  }
}

/** One host may have a whole /64. */
function sourceOf(address: Uint8Array): string {
  return addressKey(address, 0, Math.min(8, address.length))
}
