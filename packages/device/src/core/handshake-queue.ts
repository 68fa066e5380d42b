/** Handshake messages that wait to be worked off: bounded, in memory taken once, whatever a stranger sends. */
import { HANDSHAKE_INITIATION_BYTES } from '@wireweave/noise/messages'
import { ENDPOINT_BYTES } from './endpoint.js'

/** A message, the record of its sender, its length and type. */
const RECORD = HANDSHAKE_INITIATION_BYTES
const LENGTH = RECORD + ENDPOINT_BYTES
const TYPE = LENGTH + 1
const ENTRY_BYTES = 256

/** The oldest entry is read in place: `bytes` at `first`, its endpoint record at `firstRecord`. */
export class HandshakeQueue {
  readonly bytes: Uint8Array
  readonly #capacity: number
  #head = 0
  #count = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    this.bytes = new Uint8Array(capacity * ENTRY_BYTES)
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.#capacity
  }

  get first(): number {
    return this.#head * ENTRY_BYTES
  }

  get firstRecord(): number {
    return this.first + RECORD
  }

  get firstLength(): number {
    return this.bytes[this.first + LENGTH]!
  }

  get firstType(): number {
    return this.bytes[this.first + TYPE]!
  }

  /** Copies a message of at most 148 bytes and its endpoint record. There is room: see {@link isFull}. */
  add(type: number, bytes: Uint8Array, at: number, length: number, records: Uint8Array, record: number): void {
    const entry = ((this.#head + this.#count) % this.#capacity) * ENTRY_BYTES
    for (let i = 0; i < length; i++) this.bytes[entry + i] = bytes[at + i]!
    for (let i = 0; i < ENDPOINT_BYTES; i++) this.bytes[entry + RECORD + i] = records[record + i]!
    this.bytes[entry + LENGTH] = length
    this.bytes[entry + TYPE] = type
    this.#count++
  }

  removeFirst(): void {
    this.#head = (this.#head + 1) % this.#capacity
    this.#count--
  }

  clear(): void {
    this.#count = 0
  }
}
