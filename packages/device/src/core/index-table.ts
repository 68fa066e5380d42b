/** Who is meant by the receiver index of a message: random numbers, unique over handshakes and keypairs of a device. */

const MAX_TRIES = 256

/**
 * Indices are signed 32-bit numbers, the bits of the u32 on the wire: those are small integers to V8, so that a lookup
 * neither hashes an object nor allocates. Random, because a guessable index tells how many peers and handshakes there are.
 */
export class IndexTable<Owner> {
  readonly #owners = new Map<number, Owner>()
  readonly #random: (bytes: Uint8Array) => void
  readonly #drawn = new Int32Array(1)
  readonly #drawnBytes = new Uint8Array(this.#drawn.buffer)

  constructor(random: (bytes: Uint8Array) => void) {
    this.#random = random
  }

  get size(): number {
    return this.#owners.size
  }

  get(index: number): Owner | undefined {
    return this.#owners.get(index)
  }

  /** A fresh index for `owner`. */
  allocate(owner: Owner): number {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      this.#random(this.#drawnBytes)
      const index = this.#drawn[0]!
      if (this.#owners.has(index)) continue
      this.#owners.set(index, owner)
      return index
    }
    throw new Error('the random source repeats itself')
  }

  free(index: number): void {
    this.#owners.delete(index)
  }
}

/** The 32 bits at `at`, little-endian, as an index of the table. Without a detour over unsigned numbers, which V8 may box. */
export function readIndex(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
