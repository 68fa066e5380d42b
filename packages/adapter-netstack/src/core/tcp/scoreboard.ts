/** What the peer says it has beyond the acknowledged bytes (RFC 2018), and what follows for loss (RFC 6675). */
import { distance, isAfter, isBefore, later } from './sequence.js'

/** RFC 6675 §2. */
export const DUPLICATE_THRESHOLD = 3
/** More than an honest peer with four blocks an ACK gets to; what is beyond is not remembered, which is allowed. */
const MAX_RANGES = 128

export class Scoreboard {
  /** Pairs of start and end, sorted, apart from each other. */
  #ranges: number[] = []
  #bytes = 0

  /** How many bytes are known to have arrived out of order. */
  get bytes(): number {
    return this.#bytes
  }

  /** The end of the last range; `una` when there is none. */
  highest(una: number): number {
    return this.#ranges.length === 0 ? una : this.#ranges[this.#ranges.length - 1]!
  }

  clear(): void {
    this.#ranges = this.#ranges.length === 0 ? this.#ranges : []
    this.#bytes = 0
  }

  /** Everything before `una` is acknowledged. */
  acknowledge(una: number): void {
    const ranges = this.#ranges
    let done = 0
    while (done < ranges.length && !isAfter(ranges[done + 1]!, una)) {
      this.#bytes -= distance(ranges[done + 1]!, ranges[done]!)
      done += 2
    }
    if (done > 0) ranges.splice(0, done)
    if (ranges.length > 0 && isBefore(ranges[0]!, una)) {
      this.#bytes -= distance(una, ranges[0]!)
      ranges[0] = una
    }
  }

  /** Takes a block that lies in [una, max]. True when it told something new. */
  add(start: number, end: number): boolean {
    const ranges = this.#ranges
    let first = 0
    while (first < ranges.length && isBefore(ranges[first + 1]!, start)) first += 2
    let last = first
    let covered = 0
    let low = start
    let high = end
    while (last < ranges.length && !isAfter(ranges[last]!, end)) {
      covered += distance(ranges[last + 1]!, ranges[last]!)
      if (isBefore(ranges[last]!, low)) low = ranges[last]!
      high = later(high, ranges[last + 1]!)
      last += 2
    }
    const added = distance(high, low) - covered
    if (added === 0 || (first === last && ranges.length >= MAX_RANGES * 2)) return false
    ranges.splice(first, last - first, low, high)
    this.#bytes += added
    return true
  }

  /** Where the range that holds `sequence` ends; `sequence` itself when none does. */
  skip(sequence: number): number {
    const ranges = this.#ranges
    for (let i = 0; i < ranges.length; i += 2) {
      if (isAfter(ranges[i]!, sequence)) break
      if (isAfter(ranges[i + 1]!, sequence)) return ranges[i + 1]!
    }
    return sequence
  }

  /** Bytes from `sequence`, which no range holds, to the next range; `limit` at most. */
  gap(sequence: number, limit: number): number {
    const ranges = this.#ranges
    for (let i = 0; i < ranges.length; i += 2) {
      const length = distance(ranges[i]!, sequence)
      if (length > 0) return Math.min(limit, length)
    }
    return limit
  }

  /**
   * Bytes before it that did not arrive are lost (RFC 6675 §4, IsLost): three ranges, or more than two segments' worth
   * of bytes, have arrived after them. `una` when nothing is lost.
   */
  lostEdge(una: number, segmentBytes: number): number {
    const ranges = this.#ranges
    let above = 0
    for (let i = ranges.length - 2, count = 1; i >= 0; i -= 2, count++) {
      above += distance(ranges[i + 1]!, ranges[i]!)
      if (count >= DUPLICATE_THRESHOLD || above > (DUPLICATE_THRESHOLD - 1) * segmentBytes) return ranges[i]!
    }
    return una
  }

  /** Bytes known to have arrived in [from, to). */
  bytesBetween(from: number, to: number): number {
    const ranges = this.#ranges
    let total = 0
    for (let i = 0; i < ranges.length; i += 2) {
      const start = later(ranges[i]!, from)
      const end = isBefore(ranges[i + 1]!, to) ? ranges[i + 1]! : to
      if (isBefore(start, end)) total += distance(end, start)
    }
    return total
  }
}
