/** Connections that may have something to send, served in turn. */
import type { Connection } from './connection.js'

/** How many packets one connection sends before it is another one's turn. */
const TURN_PACKETS = 16

export class Turns {
  #queue: Connection[] = []
  #head = 0
  #sent = 0

  get isEmpty(): boolean {
    return this.#head === this.#queue.length
  }

  add(connection: Connection): void {
    if (connection.queued) return
    connection.queued = true
    this.#queue.push(connection)
  }

  /** Whose turn it is; null when nobody waits. */
  current(): Connection | null {
    return this.#queue[this.#head] ?? null
  }

  /** It sent a packet, and may send more until its turn ends. */
  hasSent(): void {
    if (++this.#sent < TURN_PACKETS) return
    const connection = this.#queue[this.#head]!
    this.#next()
    this.#queue.push(connection)
  }

  /** It has nothing to send now. */
  isDone(): void {
    this.#queue[this.#head]!.queued = false
    this.#next()
  }

  clear(): void {
    for (const connection of this.#queue) connection.queued = false
    this.#queue = []
    this.#head = this.#sent = 0
  }

  #next(): void {
    this.#sent = 0
    this.#head++
    if (this.isEmpty) {
      this.#queue.length = this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
  }
}
