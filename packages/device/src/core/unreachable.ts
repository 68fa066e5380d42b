/** ICMP errors for packets that have no way: written into memory of our own, and not too many. */
import type { PacketArena } from './arena.js'
import { MAX_ICMP_ERROR_BYTES, writeUnreachable } from './icmp.js'
import type { DeviceState } from './state.js'

/** An implementation choice: one a flow every 20 ms at most, and as many at once as there are slots. */
const ERRORS_PER_MS = 0.05
const SLOTS = 16
export const UNREACHABLE_BYTES: number = SLOTS * MAX_ICMP_ERROR_BYTES

/** Slots for answers that wait in `inbound`, and the tokens that each of them costs. */
export class UnreachableAnswers {
  readonly #offset: number
  /** Slots in use since `inbound` was last empty. */
  #used = 0
  #tokens = SLOTS
  #refilledAt = 0

  constructor(arena: PacketArena) {
    this.#offset = arena.take(UNREACHABLE_BYTES).offset
  }

  /** Where to write an answer now; -1 when there were too many. Taken with {@link UnreachableAnswers.take}. */
  place(isInboundEmpty: boolean, now: number): number {
    if (isInboundEmpty) this.#used = 0
    const elapsed = Math.max(0, now - this.#refilledAt)
    this.#tokens = Math.min(SLOTS, this.#tokens + elapsed * ERRORS_PER_MS)
    this.#refilledAt = now
    return this.#tokens < 1 || this.#used === SLOTS ? -1 : this.#offset + this.#used * MAX_ICMP_ERROR_BYTES
  }

  take(): void {
    this.#tokens--
    this.#used++
  }
}

export function answerUnreachable(state: DeviceState, at: number, length: number, version: 4 | 6, now: number): void {
  const { inbound, unreachable } = state
  if (inbound.count === inbound.offsets.length) return
  const to = unreachable.place(inbound.count === 0, now)
  if (to < 0) return
  const written = writeUnreachable(state.options.arena.bytes, at, length, version, to)
  if (written === 0) return
  unreachable.take()
  inbound.offsets[inbound.count] = to
  inbound.lengths[inbound.count] = written
  inbound.count++
  state.stats.icmpErrorsSent++
}
