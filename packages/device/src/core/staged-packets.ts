/** Packets that wait for a key (§6.4): few per peer and bounded over all, so that nobody's silence costs others memory. */
import { MAX_STAGED_PACKETS } from '@wireweave/noise/constants'

/** An implementation choice: enough for 100 peers with full queues. */
const MAX_STAGED_BYTES = 16 * 1024 * 1024

const NO_PACKETS: readonly Uint8Array[] = []

/** Copies of the packets of every peer, each oldest first. A peer without packets costs nothing. */
export class StagedPackets<Owner> {
  /** In the order in which their owners began to wait. */
  readonly #queues = new Map<Owner, Uint8Array[]>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number = MAX_STAGED_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** Held for all owners together. */
  get bytes(): number {
    return this.#bytes
  }

  /** Owners of at least one packet. */
  get owners(): number {
    return this.#queues.size
  }

  countOf(owner: Owner): number {
    return this.#queues.get(owner)?.length ?? 0
  }

  /** Keeps a copy as the youngest of `owner`. Returns how many older packets had to go. */
  add(owner: Owner, bytes: Uint8Array, at: number, length: number): number {
    let queue = this.#queues.get(owner)
    if (queue === undefined) {
      queue = []
      this.#queues.set(owner, queue)
    }
    queue.push(bytes.slice(at, at + length))
    this.#bytes += length
    let dropped = 0
    if (queue.length > MAX_STAGED_PACKETS) {
      this.#bytes -= queue.shift()!.length
      dropped++
    }
    while (this.#bytes > this.#maxBytes) dropped += this.#dropOldest()
    return dropped
  }

  /** Hands over all packets of `owner` and forgets them. */
  take(owner: Owner): readonly Uint8Array[] {
    const queue = this.#queues.get(owner)
    if (queue === undefined) return NO_PACKETS
    this.#queues.delete(owner)
    for (const packet of queue) this.#bytes -= packet.length
    return queue
  }

  /** Of whoever waits longest. */
  #dropOldest(): number {
    const [owner, queue] = this.#queues.entries().next().value!
    this.#bytes -= queue.shift()!.length
    if (queue.length === 0) this.#queues.delete(owner)
    return 1
  }
}
