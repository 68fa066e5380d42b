/**
 * A packet adapter for workers: its host answers every packet, and may send one every few milliseconds by itself. What
 * the host sees goes over a BroadcastChannel, since nobody outside of the worker can ask it.
 *
 * The interface's name says what to do: `echo-2`, `ping-1-2` (from host 1 to host 2), with `-crash` to break the thread
 * and `-die` to lose the interface when told to on the channel.
 */
import { BroadcastChannel } from 'node:worker_threads'

const PACKET_BYTES = 64
const INTERVAL_MS = 5

class EchoPort {
  batchSize = 32
  mtu = 1420
  isUp = true
  interfaceRef
  closed
  #settle
  #options
  #waiting = []
  #wake = () => {}
  #dead = false
  #timer
  #channel
  #count = new Int32Array(1)

  constructor(options) {
    this.#options = options
    this.interfaceRef = { name: options.name, index: 1 }
    this.closed = new Promise((resolve) => (this.#settle = resolve))
    const [kind, from, to] = options.name.split('-')
    this.#channel = new BroadcastChannel(`wireweave-test-${options.name}`)
    this.#channel.unref()
    this.#channel.addEventListener('message', ({ data }) => this.#told(data))
    if (kind === 'ping') this.#timer = setInterval(() => this.#put(ping(Number(from), Number(to))), INTERVAL_MS)
    this.isEcho = kind === 'echo'
  }

  #told(order) {
    if (order === 'crash') throw new Error('told to crash')
    if (order === 'die') void this.close()
    // From here on in shared memory, where also a thread can see it that never returns to its event loop.
    if (order instanceof SharedArrayBuffer) this.#count = new Int32Array(order)
    if (order === 'report') this.#channel.postMessage(Atomics.load(this.#count, 0))
  }

  #put(packet) {
    this.#waiting.push(packet)
    this.#wake()
  }

  receive(batch) {
    if (this.#dead) throw new Error('closed')
    batch.count = 0
    let at = this.#options.region.offset
    while (this.#waiting.length > 0 && batch.count < this.batchSize) {
      const packet = this.#waiting.shift()
      batch.arena.bytes.set(packet, at)
      batch.offsets[batch.count] = at
      batch.lengths[batch.count++] = packet.length
      at += PACKET_BYTES + 16
    }
    return batch.count
  }

  send(batch, first) {
    for (let i = first; i < batch.count; i++) {
      const packet = batch.arena.bytes.slice(batch.offsets[i], batch.offsets[i] + batch.lengths[i])
      // Not the ICMP errors of a device without a peer yet.
      if (packet[9] !== 253) continue
      Atomics.add(this.#count, 0, 1)
      if (!this.isEcho) continue
      for (let k = 0; k < 4; k++) [packet[12 + k], packet[16 + k]] = [packet[16 + k], packet[12 + k]]
      this.#put(packet)
    }
    return batch.count - first
  }

  async readable() {
    if (this.#waiting.length > 0) return
    await new Promise((resolve) => (this.#wake = resolve))
    if (this.#dead) throw new Error('closed')
  }

  async writable() {}
  onChange() {}

  async close() {
    this.#dead = true
    clearInterval(this.#timer)
    this.#channel.close()
    this.#wake()
    this.#settle()
  }
}

function ping(from, to) {
  const packet = new Uint8Array(PACKET_BYTES)
  packet[0] = 0x45
  packet[3] = PACKET_BYTES
  packet[8] = 64
  packet[9] = 253
  packet.set([10, 99, 0, from, 10, 99, 0, to], 12)
  return packet
}

export default {
  name: 'echo',
  dataPlane: 'userspace',
  reach: 'host',
  module: import.meta.url,
  probe: async () => ({ available: true }),
  regionBytes: () => 65536,
  openPackets: async (options) => {
    if (options.name === 'unwanted')
      throw Object.assign(new Error('this name is taken'), { name: 'WireGuardError', code: 'NAME_IN_USE' })
    if (options.name === 'slow') await new Promise((resolve) => setTimeout(resolve, 300))
    return new EchoPort(options)
  },
}
