/** What strangers and mistakes may use up. */

export interface Limits {
  /** Open at a time, over all listeners, half of them kept for each in equal parts; further ones are closed at once. */
  readonly connections: number
  /** Until a client has said where it wants to go, headers of HTTP and TLS included. */
  readonly handshakeMs: number
  /** Until the other side has answered. */
  readonly connectMs: number
  /** A connection of which one side has ended may idle for so long. */
  readonly halfOpenMs: number
  /** Of a request of HTTP. */
  readonly headerBytes: number
  /** UDP associations of SOCKS, over all listeners in the same way. */
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

/**
 * So many at a time, for several doors. Half of them are kept for the doors in equal parts, at least one each; the rest is
 * for whoever comes first. A door that is flooded so cannot shut the others.
 */
export class Slots {
  readonly #kept: number
  readonly #common: number
  #used = 0
  #usedOfCommon = 0

  constructor(limit: number, doors: number) {
    this.#kept = doors <= 1 ? limit : Math.max(Math.floor(limit / (2 * doors)), limit >= doors ? 1 : 0)
    this.#common = limit - this.#kept * Math.max(1, doors)
  }

  get used(): number {
    return this.#used
  }

  /** For one door. */
  door(): Door {
    let used = 0
    return {
      take: () => {
        if (used >= this.#kept) {
          if (this.#usedOfCommon >= this.#common) return false
          this.#usedOfCommon++
        }
        used++
        this.#used++
        return true
      },
      give: () => {
        if (used > this.#kept) this.#usedOfCommon--
        used--
        this.#used--
      },
    }
  }
}

export interface Door {
  /** False when there is no place. */
  take(): boolean
  give(): void
}
