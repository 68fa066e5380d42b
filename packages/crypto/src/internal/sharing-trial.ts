/** Whether sharing pays is a question of the machine and of the moment: so both ways are tried now and then, and timed. */

/** Batches of a trial, each way. */
const TRIAL = 8
/** From one trial to the next, in batches; longer and longer while sharing loses, as it may cost more than it gains. */
const PERIOD = 256
const LONGEST_PERIOD = 8192
/** A batch after a longer rest finds the workers asleep: light traffic does not need them. */
const REST_MS = 0.2
const CLEARLY_LESS = 0.95

export class SharingTrial {
  #period = PERIOD
  /** Since the last trial began. */
  #batches = 0
  readonly #alone = new Float64Array(TRIAL)
  readonly #shared = new Float64Array(TRIAL)
  #sharingWins = false
  #startedAt = 0
  #endedAt = Number.NEGATIVE_INFINITY
  #isCounted = false

  /** Milliseconds, from any origin. Whether the batch that begins is to be shared. */
  begin(now: number): boolean {
    this.#startedAt = now
    this.#isCounted = now - this.#endedAt < REST_MS
    if (!this.#isCounted || this.#batches < TRIAL) return false
    return this.#batches < 2 * TRIAL || this.#sharingWins
  }

  end(now: number, bytes: number): void {
    this.#endedAt = now
    if (!this.#isCounted || bytes === 0) return
    const cost = (now - this.#startedAt) / bytes
    if (this.#batches < TRIAL) this.#alone[this.#batches] = cost
    else if (this.#batches < 2 * TRIAL) this.#shared[this.#batches - TRIAL] = cost
    this.#batches++
    if (this.#batches === 2 * TRIAL) this.#judge()
    if (this.#batches === this.#period) this.#batches = 0
  }

  #judge(): void {
    this.#sharingWins = sumButLargest(this.#shared) < sumButLargest(this.#alone) * CLEARLY_LESS
    this.#period = this.#sharingWins ? PERIOD : Math.min(2 * this.#period, LONGEST_PERIOD)
  }
}

/** The first shared batch wakes the workers, and any may be interrupted. */
function sumButLargest(costs: Float64Array): number {
  let sum = 0
  let largest = 0
  for (const cost of costs) {
    sum += cost
    largest = Math.max(largest, cost)
  }
  return sum - largest
}
