/** What routers said about the largest packet that reaches a destination (RFC 1191, RFC 8201). */
import { addressKey } from './address.js'
import { IPV4_MIN_MTU, IPV6_MIN_MTU } from './protocol.js'

/** RFC 1191 §6.3 and RFC 8201 §4: after ten minutes a larger packet may be tried again. */
const AGE_MS = 600_000
const MAX_ENTRIES = 1024

interface Entry {
  readonly mtu: number
  readonly until: number
}

export class PathMtuCache {
  /** Least recently learned first. */
  readonly #entries = new Map<string, Entry>()

  /** Bytes, never more than `interfaceMtu`. */
  get(destination: Uint8Array, interfaceMtu: number, now: number): number {
    const key = addressKey(destination)
    const entry = this.#entries.get(key)
    if (entry === undefined) return interfaceMtu
    if (entry.until > now) return Math.min(entry.mtu, interfaceMtu)
    this.#entries.delete(key)
    return interfaceMtu
  }

  /**
   * Remembers a router's word, raised to what every path must carry. Only a smaller one is believed (RFC 8201 §4);
   * returns whether it was one. The caller has made sure that the message answers a packet of ours.
   */
  learn(destination: Uint8Array, mtu: number, interfaceMtu: number, now: number): boolean {
    const floor = destination.length === 4 ? IPV4_MIN_MTU : IPV6_MIN_MTU
    const value = Math.max(mtu, floor)
    if (value >= this.get(destination, interfaceMtu, now)) return false
    const key = addressKey(destination)
    this.#entries.delete(key)
    this.#entries.set(key, { mtu: value, until: now + AGE_MS })
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
    return true
  }
}
