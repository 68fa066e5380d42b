/**
 * Which connection has something to do next: a lazy heap. A connection stands in it at a time that is never later than
 * its earliest deadline, so moving a deadline away, which every ACK does, leaves the heap alone.
 */
import { type Connection, NEVER } from './connection.js'

export class Deadlines {
  readonly #heap: Connection[] = []

  /** After a deadline of `connection` changed. */
  moved(connection: Connection): void {
    const at = connection.deadline()
    if (connection.heapPlace < 0) {
      if (at === NEVER) return
      connection.heapAt = at
      this.#heap.push(connection)
      this.#up(this.#heap.length - 1, connection)
    } else if (at < connection.heapAt) {
      connection.heapAt = at
      this.#up(connection.heapPlace, connection)
    }
  }

  /** The connection whose deadline is the earliest; null when there is none. */
  earliest(): Connection | null {
    for (;;) {
      const top = this.#heap[0]
      if (top === undefined) return null
      const at = top.deadline()
      if (at === top.heapAt) return top
      if (at === NEVER) {
        this.remove(top)
      } else {
        top.heapAt = at
        this.#down(0, top)
      }
    }
  }

  remove(connection: Connection): void {
    const place = connection.heapPlace
    if (place < 0) return
    connection.heapPlace = -1
    connection.heapAt = NEVER
    const last = this.#heap.pop()!
    if (last === connection) return
    this.#put(place, last)
    this.#up(place, last)
    this.#down(last.heapPlace, last)
  }

  #up(place: number, connection: Connection): void {
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.#heap[above]!
      if (other.heapAt <= connection.heapAt) break
      this.#put(place, other)
      place = above
    }
    this.#put(place, connection)
  }

  #down(place: number, connection: Connection): void {
    const heap = this.#heap
    for (;;) {
      let below = place * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.heapAt < heap[below]!.heapAt) below++
      const other = heap[below]!
      if (other.heapAt >= connection.heapAt) break
      this.#put(place, other)
      place = below
    }
    this.#put(place, connection)
  }

  #put(place: number, connection: Connection): void {
    this.#heap[place] = connection
    connection.heapPlace = place
  }
}
