/** Time for a device: monotonic milliseconds that go on while the machine sleeps, and one alarm. */
import { portableClock } from './portable-clock.js'

export interface Clock {
  /** Milliseconds on a scale of its own, never going back; time asleep counts. */
  now(): number
  /** How many sleeps of the machine `now` has noticed so far. */
  readonly resumes: number
  /** `ring` is called once the time set is reached, possibly early. An alarm that is not set costs nothing. */
  alarm(ring: () => void): Alarm
}

export interface Alarm {
  /** Replaces the time; `null` for never. */
  set(at: number | null): void
  /** Idempotent. */
  close(): void
}

/**
 * The best clock this machine has: on Linux CLOCK_BOOTTIME and a timer on it, which rings at once after a sleep that
 * outlasted it. Elsewhere the runtime's monotonic clock, corrected by jumps of the wall clock.
 */
export async function openClock(): Promise<Clock> {
  if (process.platform !== 'linux') return portableClock()
  try {
    const { boottimeClock } = await import('./internal/linux/boottime-clock.js')
    return boottimeClock()
  } catch {
    // Without koffi's native part, or where the kernel is older than 3.15.
    return portableClock()
  }
}
