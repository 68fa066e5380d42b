/** Where the peers of a device are: their endpoint records (endpoint.ts), by slot, in one array. */
import { ENDPOINT_BYTES, ENDPOINT_FAMILY } from './endpoint.js'

const ENDPOINT_WORDS = ENDPOINT_BYTES / 4

export class EndpointTable {
  #words = new Int32Array(0)
  #records = new Uint8Array(0)

  /** Record of slot n at n * ENDPOINT_BYTES. Changed through {@link DeviceState} only. Valid until the next {@link reserve}. */
  get records(): Uint8Array {
    return this.#records
  }

  /** Makes room for slots below `slots`; new records have no family. */
  reserve(slots: number): void {
    const size = slots * ENDPOINT_WORDS
    if (size <= this.#words.length) return
    const words = new Int32Array(Math.max(size, this.#words.length * 2, 8 * ENDPOINT_WORDS))
    words.set(this.#words)
    this.#words = words
    this.#records = new Uint8Array(words.buffer)
  }

  isKnown(slot: number): boolean {
    return this.#records[slot * ENDPOINT_BYTES + ENDPOINT_FAMILY] !== 0
  }

  forget(slot: number): void {
    this.#words.fill(0, slot * ENDPOINT_WORDS, (slot + 1) * ENDPOINT_WORDS)
  }

  /** Copies a record to the one with number `record` of `to`, words of endpoint records. */
  copyTo(slot: number, to: Int32Array, record: number): void {
    const words = this.#words
    const from = slot * ENDPOINT_WORDS
    const at = record * ENDPOINT_WORDS
    for (let i = 0; i < ENDPOINT_WORDS; i++) to[at + i] = words[from + i]!
  }
}
