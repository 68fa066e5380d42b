/** The peers of a device: by public key, by slot, and in the order in which they were added. */
import { equal } from '@wireweave/crypto/constant-time'
import { SipHash24 } from '@wireweave/crypto/siphash'
import type { Peer } from './peer.js'

/** As the kernel's WireGuard. */
export const MAX_PEERS: number = 2 ** 20

export class PeerTable {
  /** By slot; `null` where it is free. */
  readonly #slots: (Peer | null)[] = []
  readonly #freeSlots: number[] = []
  readonly #inOrder = new Set<Peer>()
  /** By SipHash of the public key under a random key: strangers send us keys to look up. */
  readonly #byHash = new Map<number, Peer | Peer[]>()
  readonly #hash: SipHash24

  constructor(random: (bytes: Uint8Array) => void) {
    const key = new Uint8Array(16)
    random(key)
    this.#hash = new SipHash24(key)
  }

  get size(): number {
    return this.#inOrder.size
  }

  /** In the order in which they were added. */
  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#inOrder.values()
  }

  at(slot: number): Peer | null {
    return this.#slots[slot] ?? null
  }

  find(publicKey: Uint8Array): Peer | null {
    const found = this.#byHash.get(this.#hashOf(publicKey))
    if (found === undefined) return null
    if (!Array.isArray(found)) return equal(found.key, publicKey) ? found : null
    return found.find((peer) => equal(peer.key, publicKey)) ?? null
  }

  /** The slot that the next peer will have. */
  nextSlot(): number {
    return this.#freeSlots.at(-1) ?? this.#slots.length
  }

  /** A peer at {@link PeerTable.nextSlot} whose key is not in the table. */
  add(peer: Peer): void {
    this.#freeSlots.pop()
    this.#slots[peer.slot] = peer
    this.#inOrder.add(peer)
    const hash = this.#hashOf(peer.key)
    const found = this.#byHash.get(hash)
    if (found === undefined) this.#byHash.set(hash, peer)
    else if (Array.isArray(found)) found.push(peer)
    else this.#byHash.set(hash, [found, peer])
  }

  remove(peer: Peer): void {
    this.#slots[peer.slot] = null
    this.#freeSlots.push(peer.slot)
    this.#inOrder.delete(peer)
    const hash = this.#hashOf(peer.key)
    const found = this.#byHash.get(hash)
    if (Array.isArray(found) && found.length > 1) found.splice(found.indexOf(peer), 1)
    else this.#byHash.delete(hash)
  }

  /** A small integer, so that the map neither boxes it nor hashes an object. */
  #hashOf(publicKey: Uint8Array): number {
    return this.#hash.hash(publicKey, 0, publicKey.length) | 0
  }
}
