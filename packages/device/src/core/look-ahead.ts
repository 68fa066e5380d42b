/**
 * Brings what a batch needs of its peers into the caches before its first packet is sealed or opened. Of thousands of
 * peers all of it is far away, and each piece leads to the next. Here one piece is read of all peers before the next of
 * any, so that the processor fetches many at once: packet by packet it would wait for each. docs/decisions/0004 has figures.
 */
import { TRANSPORT_DATA, TRANSPORT_OVERHEAD_BYTES, TRANSPORT_RECEIVER_INDEX } from '@wireweave/noise/messages'
import type { DatagramBatch } from './datagrams.js'
import { SEND_KEEPALIVE } from './deadlines.js'
import { readIndex } from './index-table.js'
import type { Peer } from './peer.js'
import type { DeviceState } from './state.js'

export class LookAhead {
  /** The peers of a batch; runs count once. */
  readonly #peers: (Peer | null)[]
  #count = 0
  /** Made of what was read: nobody wants it, but without it V8 would leave the reading out. */
  sum = 0

  constructor(capacity: number) {
    this.#peers = Array.from({ length: capacity }, () => null)
  }

  /** Before sealing: `slots` are those of the peers of `packets` packets, or negative. */
  beforeSealing(state: DeviceState, slots: Int32Array, packets: number): void {
    if (packets < 2) return
    this.#count = 0
    let last = -1
    for (let i = 0; i < packets; i++) {
      const slot = slots[i]!
      if (slot === last || slot < 0) continue
      this.#peers[this.#count++] = state.peers.at(slot)
      last = slot
    }
    if (this.#count < 2) return
    this.#readPeers(state)
    for (let i = 0; i < this.#count; i++) {
      const keypair = this.#peers[i]!.keypairs.current
      if (keypair !== null) this.sum ^= keypair.sendKey.length
    }
    for (let i = 0; i < this.#count; i++) {
      const keypair = this.#peers[i]!.keypairs.current
      if (keypair !== null) this.sum ^= keypair.sendKey[0]!
    }
  }

  /** Before opening. A keypair that is not the current one, for a moment after a handshake, is not worth the search. */
  beforeOpening(state: DeviceState, batch: DatagramBatch): void {
    if (batch.count < 2) return
    const { bytes } = state.options.arena
    this.#count = 0
    let last = 0
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!
      if (batch.lengths[i]! < TRANSPORT_OVERHEAD_BYTES || bytes[at] !== TRANSPORT_DATA) continue
      const index = readIndex(bytes, at + TRANSPORT_RECEIVER_INDEX)
      if (index === last) continue
      const peer = state.indices.get(index)
      if (peer !== undefined) this.#peers[this.#count++] = peer
      last = index
    }
    if (this.#count < 2) return
    this.#readPeers(state)
    for (let i = 0; i < this.#count; i++) {
      const keypair = this.#peers[i]!.keypairs.current
      if (keypair !== null) this.sum ^= keypair.receiveKey.length ^ keypair.replay.check(0, 0)
    }
    for (let i = 0; i < this.#count; i++) {
      const keypair = this.#peers[i]!.keypairs.current
      if (keypair !== null) this.sum ^= keypair.receiveKey[0]!
    }
  }

  #readPeers(state: DeviceState): void {
    const { deadlines, endpoints } = state
    const peers = this.#peers
    const count = this.#count
    let sum = 0
    for (let i = 0; i < count; i++) sum ^= peers[i]!.slot ^ peers[i]!.persistentKeepaliveMs
    for (let i = 0; i < count; i++) {
      const { keypairs, received, sent, slot } = peers[i]!
      if (keypairs.current !== null) sum++
      if (deadlines.isPending(slot, SEND_KEEPALIVE)) sum++
      if (endpoints.isKnown(slot)) sum++
      if (sent.isZero || received.isZero) sum++
    }
    for (let i = 0; i < count; i++) {
      const keypair = peers[i]!.keypairs.current
      if (keypair !== null && keypair.createdAt === 0) sum ^= keypair.localIndex
    }
    this.sum ^= sum
  }
}
