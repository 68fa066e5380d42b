/**
 * The last answers of the trie, by address. With 10 000 peers a search goes down 14 nodes, each of which waits for the
 * one before; here it is one place that the processor can fetch ahead.
 */
import { type AllowedIps, readWord } from './allowed-ips.js'

/** Below this many prefixes the trie is as fast. */
const FEW_PREFIXES = 64
/** Of each family. */
const MAX_BYTES = 512 * 1024

// A row is an address, in one word or four, and its owner + 2: 0 is an empty row, 1 an address that nobody has.
const ROW4_WORDS = 2
const ROW6_WORDS = 8
const OWNER6 = 4

const NO_ROWS = new Int32Array(0)
/** 2^32 / golden ratio: addresses that follow each other come to rows far apart. */
const SPREAD = 0x9e3779b1

/** Answers as {@link AllowedIps.lookup4} and {@link AllowedIps.lookup6} do. */
export class RouteCache {
  readonly #allowedIps: AllowedIps
  /** State of the trie that the rows are from. */
  #changes = -1
  #rows4: Int32Array = NO_ROWS
  #rows6: Int32Array = NO_ROWS
  /** 32 less the bits of a row's number. */
  #shift4 = 0
  #shift6 = 0

  constructor(allowedIps: AllowedIps) {
    this.#allowedIps = allowedIps
  }

  lookup4(bytes: Uint8Array, at: number): number {
    const allowedIps = this.#allowedIps
    if (allowedIps.size < FEW_PREFIXES) return allowedIps.lookup4(bytes, at)
    if (allowedIps.changes !== this.#changes) this.#empty()
    const key = readWord(bytes, at)
    const rows = this.#rows4
    const row = (Math.imul(key, SPREAD) >>> this.#shift4) * ROW4_WORDS
    if (rows[row] === key && rows[row + 1] !== 0) return rows[row + 1]! - 2
    const owner = allowedIps.lookup4(bytes, at)
    rows[row] = key
    rows[row + 1] = owner + 2
    return owner
  }

  lookup6(bytes: Uint8Array, at: number): number {
    const allowedIps = this.#allowedIps
    if (allowedIps.size < FEW_PREFIXES) return allowedIps.lookup6(bytes, at)
    if (allowedIps.changes !== this.#changes) this.#empty()
    const a = readWord(bytes, at)
    const b = readWord(bytes, at + 4)
    const c = readWord(bytes, at + 8)
    const d = readWord(bytes, at + 12)
    const rows = this.#rows6
    const hash = Math.imul(Math.imul(Math.imul(a ^ b, SPREAD) ^ c, SPREAD) ^ d, SPREAD)
    const row = (hash >>> this.#shift6) * ROW6_WORDS
    const isHit = rows[row] === a && rows[row + 1] === b && rows[row + 2] === c && rows[row + 3] === d
    if (isHit && rows[row + OWNER6] !== 0) return rows[row + OWNER6]! - 2
    const owner = allowedIps.lookup6(bytes, at)
    rows[row] = a
    rows[row + 1] = b
    rows[row + 2] = c
    rows[row + 3] = d
    rows[row + OWNER6] = owner + 2
    return owner
  }

  /** A row for each prefix, as far as they may go. */
  #empty(): void {
    const { size, changes } = this.#allowedIps
    this.#changes = changes
    const bits = 32 - Math.clz32(size - 1)
    const bits4 = Math.min(bits, Math.log2(MAX_BYTES / (4 * ROW4_WORDS)))
    const bits6 = Math.min(bits, Math.log2(MAX_BYTES / (4 * ROW6_WORDS)))
    this.#shift4 = 32 - bits4
    this.#shift6 = 32 - bits6
    this.#rows4 = emptied(this.#rows4, ROW4_WORDS << bits4)
    this.#rows6 = emptied(this.#rows6, ROW6_WORDS << bits6)
  }
}

function emptied(rows: Int32Array, words: number): Int32Array {
  return rows.length === words ? rows.fill(0) : new Int32Array(words)
}
