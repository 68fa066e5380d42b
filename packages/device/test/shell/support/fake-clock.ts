/** A clock that a test turns, and the alarms set on it. */
import type { Alarm, Clock } from '../../../src/shell/clock.js'

export class FakeClock implements Clock {
  time = 1_000_000
  resumes = 0
  /** How often an alarm was set, to a time or to never. */
  sets = 0
  readonly #alarms: { at: number | null; ring: () => void }[] = []

  now(): number {
    return this.time
  }

  alarm(ring: () => void): Alarm {
    const entry = { at: null as number | null, ring }
    this.#alarms.push(entry)
    return {
      set: (at) => {
        this.sets++
        entry.at = at
      },
      close: () => {
        entry.at = null
      },
    }
  }

  /** When the next alarm rings; `null` when none is set. */
  get next(): number | null {
    const times = this.#alarms.flatMap(({ at }) => (at === null ? [] : [at]))
    return times.length === 0 ? null : Math.min(...times)
  }

  /** Turns to the next alarm and rings it. */
  ringNext(): void {
    const due = this.#alarms.filter(({ at }) => at !== null && at === this.next)
    for (const entry of due) {
      this.time = Math.max(this.time, entry.at!)
      entry.at = null
      entry.ring()
    }
  }
}
