/** How many handshake messages a source may have answered while the device is under load (§5.3): a token bucket each. */
import { SipHash24 } from '@wireweave/crypto/siphash'
import { HANDSHAKES_BURST, HANDSHAKES_PER_SECOND } from '@wireweave/noise/constants'
import { ENDPOINT_ADDRESS, ENDPOINT_FAMILY } from './endpoint.js'

/** Tokens are milliseconds of waiting. */
const COST_MS = 1000 / HANDSHAKES_PER_SECOND
const MAX_TOKENS_MS = HANDSHAKES_BURST * COST_MS
const IDLE_AFTER_MS = 1000
/** As the kernel on machines with more than 1 GiB. */
const MAX_SOURCES = 65536
const FIRST_CAPACITY = 64

/**
 * A source is an IPv4 address or an IPv6 /64: whoever has one address there has all of them. It is known by 64 bits of
 * SipHash under a random key: strangers cannot choose what collides. Sources idle for a second have a full bucket and
 * are forgotten; when too many are not, new ones are refused.
 */
export class RateLimiter {
  readonly #hash: SipHash24
  readonly #maxSources: number
  #count = 0
  #sweptAt = 0
  #hashLow = new Uint32Array(0)
  #hashHigh = new Uint32Array(0)
  #tokens = new Float64Array(0)
  #seenAt = new Float64Array(0)
  /** Next in the same bucket + 1. */
  #next = new Int32Array(0)
  /** First of each bucket + 1. */
  #buckets = new Int32Array(0)

  constructor(random: (bytes: Uint8Array) => void, maxSources: number = MAX_SOURCES) {
    const key = new Uint8Array(16)
    random(key)
    this.#hash = new SipHash24(key)
    this.#maxSources = maxSources
  }

  /** Sources remembered now. */
  get size(): number {
    return this.#count
  }

  /** Takes a token of the source of an endpoint record; false when it has none. */
  allow(record: Uint8Array, now: number): boolean {
    if (now - this.#sweptAt >= IDLE_AFTER_MS || now < this.#sweptAt) this.#sweep(now)
    this.#hashSource(record)
    const entry = this.#find()
    if (entry < 0) return this.#add(now)
    const elapsed = Math.max(0, now - this.#seenAt[entry]!)
    const tokens = Math.min(MAX_TOKENS_MS, this.#tokens[entry]! + elapsed)
    const allowed = tokens >= COST_MS
    this.#tokens[entry] = allowed ? tokens - COST_MS : tokens
    this.#seenAt[entry] = now
    return allowed
  }

  /** The lengths tell the families apart. */
  #hashSource(record: Uint8Array): void {
    this.#hash.hash(record, ENDPOINT_ADDRESS, record[ENDPOINT_FAMILY] === 4 ? 4 : 8)
  }

  #find(): number {
    if (this.#count === 0) return -1
    const { low, high } = this.#hash
    let entry = this.#buckets[low & (this.#buckets.length - 1)]! - 1
    while (entry >= 0 && (this.#hashLow[entry] !== low || this.#hashHigh[entry] !== high))
      entry = this.#next[entry]! - 1
    return entry
  }

  #add(now: number): boolean {
    if (this.#count === this.#maxSources) return false
    if (this.#count === this.#buckets.length) this.#grow()
    const entry = this.#count++
    this.#hashLow[entry] = this.#hash.low
    this.#hashHigh[entry] = this.#hash.high
    this.#tokens[entry] = MAX_TOKENS_MS - COST_MS
    this.#seenAt[entry] = now
    this.#link(entry)
    return true
  }

  #link(entry: number): void {
    const bucket = this.#hashLow[entry]! & (this.#buckets.length - 1)
    this.#next[entry] = this.#buckets[bucket]!
    this.#buckets[bucket] = entry + 1
  }

  /** Forgets idle sources, once a second at most and only when somebody asks: no timer runs for an empty table. */
  #sweep(now: number): void {
    this.#sweptAt = now
    let kept = 0
    for (let entry = 0; entry < this.#count; entry++) {
      const idle = now - this.#seenAt[entry]!
      if (idle > IDLE_AFTER_MS) continue
      this.#hashLow[kept] = this.#hashLow[entry]!
      this.#hashHigh[kept] = this.#hashHigh[entry]!
      this.#tokens[kept] = this.#tokens[entry]!
      this.#seenAt[kept] = this.#seenAt[entry]!
      kept++
    }
    this.#count = kept
    if (kept === 0) this.#resize(0)
    else this.#relink()
  }

  #grow(): void {
    this.#resize(Math.max(FIRST_CAPACITY, this.#buckets.length * 2))
    this.#relink()
  }

  #resize(capacity: number): void {
    const kept = Math.min(this.#count, capacity)
    const copy = <A extends Uint32Array | Float64Array>(from: A, to: A): A => {
      to.set(from.subarray(0, kept))
      return to
    }
    this.#hashLow = copy(this.#hashLow, new Uint32Array(capacity))
    this.#hashHigh = copy(this.#hashHigh, new Uint32Array(capacity))
    this.#tokens = copy(this.#tokens, new Float64Array(capacity))
    this.#seenAt = copy(this.#seenAt, new Float64Array(capacity))
    this.#next = new Int32Array(capacity)
    this.#buckets = new Int32Array(capacity)
  }

  #relink(): void {
    this.#buckets.fill(0)
    for (let entry = 0; entry < this.#count; entry++) this.#link(entry)
  }
}
