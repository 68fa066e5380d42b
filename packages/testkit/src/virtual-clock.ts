/** Time that passes only when told to. */

interface Entry {
  readonly at: number
  readonly order: number
  readonly action: () => void
}

/** Things to do at given moments, earliest first; what falls on one moment runs in the order it was scheduled. */
export class VirtualClock {
  /** Milliseconds. Never falls. */
  now: number
  #heap: Entry[] = []
  #scheduled = 0

  constructor(now = 0) {
    this.now = now
  }

  /** How many entries wait. */
  get pending(): number {
    return this.#heap.length
  }

  /** `action` will run at `at`, or at once when that is past. */
  schedule(at: number, action: () => void): void {
    if (Number.isNaN(at)) throw new RangeError('a moment must be a number')
    const heap = this.#heap
    heap.push({ at: Math.max(at, this.now), order: this.#scheduled++, action })
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >>> 1
      if (isBefore(heap[parent]!, heap[child]!)) break
      swap(heap, parent, child)
      child = parent
    }
  }

  /** When the earliest entry is due; `null` when none waits. */
  next(): number | null {
    return this.#heap[0]?.at ?? null
  }

  /** Lets time pass up to `at` without running anything. */
  passTo(at: number): void {
    if (at < this.now) throw new RangeError(`time cannot fall from ${this.now} to ${at}`)
    this.now = at
  }

  /** Runs the earliest entry if it is due. */
  runOne(): boolean {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.at > this.now) return false
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      this.#sink()
    }
    first.action()
    return true
  }

  #sink(): void {
    const heap = this.#heap
    for (let parent = 0; ;) {
      const left = parent * 2 + 1
      if (left >= heap.length) return
      const right = left + 1
      const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
      if (isBefore(heap[parent]!, heap[child]!)) return
      swap(heap, parent, child)
      parent = child
    }
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function swap(heap: Entry[], a: number, b: number): void {
  const entry = heap[a]!
  heap[a] = heap[b]!
  heap[b] = entry
}
