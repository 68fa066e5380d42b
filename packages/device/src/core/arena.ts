/** The memory that holds every packet of a device, and who may use which part of it. */
import { ENGINE_RESERVED_BYTES } from '@wireweave/crypto/suite'
import type { Arena } from '@wireweave/tunnel/packets'

export interface Region {
  readonly offset: number
  readonly length: number
}

const PAGE_BYTES = 65536

/** A memory reserved once at its final size, handed out in regions from the start. */
export class PacketArena implements Arena {
  /** A WebAssembly.Memory; its type is in the DOM library, which who uses this need not have. */
  readonly memory: { readonly buffer: ArrayBufferLike }
  readonly bytes: Uint8Array
  #next = ENGINE_RESERVED_BYTES

  /** `shared` makes it usable by several threads at once. */
  constructor(bytes: number, shared = false) {
    const pages = Math.ceil((bytes + ENGINE_RESERVED_BYTES) / PAGE_BYTES)
    // Maximum equals initial: a memory that grows would detach `bytes` and move under the kernel's feet.
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    this.bytes = new Uint8Array(this.memory.buffer)
  }

  /** A region of its own, aligned to 64 bytes. Regions are never given back: a device takes all of them when it opens. */
  take(length: number): Region {
    const offset = this.#next
    const end = offset + length
    if (end > this.bytes.length)
      throw new RangeError(`arena of ${this.bytes.length} bytes has no room for ${length} more`)
    this.#next = (end + 63) & ~63
    return { offset, length }
  }
}
