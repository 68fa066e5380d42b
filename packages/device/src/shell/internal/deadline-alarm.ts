/** The one alarm of a driver: rings at the earliest deadline, or before it. */
import type { Alarm, Clock } from '../clock.js'

const NEVER = Number.POSITIVE_INFINITY

export class DeadlineAlarm {
  readonly #alarm: Alarm
  /** When it rings. */
  #at = NEVER

  constructor(clock: Clock, ring: () => void) {
    this.#alarm = clock.alarm(() => {
      this.#at = NEVER
      ring()
    })
  }

  /** A later deadline leaves it as it is: ringing early is harmless, setting it for every packet is not free. */
  set(deadline: number | null): void {
    const at = deadline ?? NEVER
    if (at === this.#at || (at > this.#at && at !== NEVER)) return
    this.#at = at
    this.#alarm.set(deadline)
  }

  close(): void {
    this.#alarm.close()
  }
}
