/** What strangers and mistakes may use up. */

export interface Limits {
  /** Open at a time, over all listeners; further ones are closed at once. */
  readonly connections: number
  /** Until a client has said where it wants to go, headers of HTTP and TLS included. */
  readonly handshakeMs: number
  /** Until the other side has answered. */
  readonly connectMs: number
  /** A connection of which one side has ended may idle for so long. */
  readonly halfOpenMs: number
  /** Of a request of HTTP. */
  readonly headerBytes: number
  /** UDP associations of SOCKS, over all listeners. */
  readonly associations: number
  /** Senders of each UDP forward; the one that is idle for the longest makes place. */
  readonly udpFlows: number
  /** Such a sender is forgotten after so long. */
  readonly udpIdleMs: number
}

export const defaultLimits: Limits = {
  connections: 4096,
  handshakeMs: 10_000,
  connectMs: 30_000,
  halfOpenMs: 300_000,
  headerBytes: 16_384,
  associations: 256,
  udpFlows: 1024,
  udpIdleMs: 120_000,
}

/** So many at a time. */
export class Slots {
  readonly #limit: number
  used = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  take(): boolean {
    if (this.used >= this.#limit) return false
    this.used++
    return true
  }

  give(): void {
    this.used--
  }
}
