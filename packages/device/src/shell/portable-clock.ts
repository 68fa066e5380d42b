/** A clock from what every runtime has, browsers included. */
import type { Alarm, Clock } from './clock.js'

/** The wall clock moving ahead by more than this between two looks is taken for a sleep; time servers step by less. */
const SLEEP_MS = 5000

export interface TimeSources {
  /** Monotonic milliseconds; may stand still while the machine sleeps. */
  monotonic(): number
  wall(): number
}

/**
 * Where the monotonic clock stops during a sleep, the wall clock is ahead of it afterwards: that much is added. A wall
 * clock set ahead by hand looks the same; sessions then end early and are made anew, which harms nothing.
 */
export function portableClock(
  sources: TimeSources = { monotonic: () => performance.now(), wall: () => Date.now() },
): Clock {
  let offset = sources.wall() - sources.monotonic()
  let slept = 0
  let resumes = 0
  const now = (): number => {
    const monotonic = sources.monotonic()
    const seen = sources.wall() - monotonic
    if (seen - offset > SLEEP_MS) {
      slept += seen - offset
      resumes++
    }
    offset = seen
    return monotonic + slept
  }
  return {
    now,
    get resumes() {
      return resumes
    },
    alarm: (ring) => new TimeoutAlarm(now, ring),
  }
}

/** `setTimeout` fires at once for a longer delay. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** An alarm on `setTimeout`, which does not count time asleep: it may ring late by a sleep. */
class TimeoutAlarm implements Alarm {
  readonly #now: () => number
  readonly #ring: () => void
  #timer: NodeJS.Timeout | null = null

  constructor(now: () => number, ring: () => void) {
    this.#now = now
    this.#ring = ring
  }

  set(at: number | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (at === null) return
    const delay = Math.min(Math.max(0, Math.ceil(at - this.#now())), MAX_TIMEOUT_MS)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#ring()
    }, delay)
  }

  close(): void {
    this.set(null)
  }
}
