/** A host without an operating system: a packet port whose other end is the demonstration itself. */
import { checksum } from './checksum.mjs'

const PACKETS = 64
const HEADER = 28
const UDP = 17
const ICMP = 1

/** Answers pings, sends pings and numbered UDP packets, and counts what arrives. */
export class DemoHost {
  name = 'in-process'
  dataPlane = 'userspace'
  reach = 'process'

  /** Called with the identifier and sequence number of each ping reply. */
  onPong = () => {}
  received = { packets: 0, bytes: 0, damaged: 0 }
  /** How many UDP packets `receive` may still produce: the sender's window. */
  window = 0
  /** Called when a numbered packet arrived intact. */
  onArrival = () => {}

  #address
  #peer
  #payload = new Uint8Array(1372)
  #sequence = 0
  #queue = []
  #port = null

  constructor(address, peer) {
    this.#address = address
    this.#peer = peer
    for (let i = 0; i < this.#payload.length; i++) this.#payload[i] = i & 255
  }

  probe() {
    return Promise.resolve({ available: true })
  }

  regionBytes(mtu) {
    return PACKETS * (mtu + 64)
  }

  openPackets(options) {
    this.#port = new DemoPort(this, options)
    return Promise.resolve(this.#port)
  }

  ping(sequence) {
    this.#queue.push(this.#icmp(8, sequence, this.#peer))
    this.#port.wake()
  }

  /** Lets `packets` more be sent. */
  grant(packets) {
    this.window += packets
    this.#port.wake()
  }

  hasPackets() {
    return this.#queue.length > 0 || this.window > 0
  }

  /** Writes the next packet at `at`; returns its length, 0 when there is none. */
  produce(bytes, at) {
    const queued = this.#queue.shift()
    if (queued !== undefined) {
      bytes.set(queued, at)
      return queued.length
    }
    if (this.window === 0) return 0
    this.window--
    const length = HEADER + this.#payload.length
    this.#writeIp(bytes, at, length, UDP, this.#peer)
    const view = new DataView(bytes.buffer, at, length)
    view.setUint16(20, 9)
    view.setUint16(22, 9)
    view.setUint16(24, 8 + this.#payload.length)
    view.setUint16(26, 0)
    bytes.set(this.#payload, at + HEADER)
    view.setUint32(HEADER, this.#sequence++)
    return length
  }

  /** A packet came out of the tunnel. */
  consume(bytes, at, length) {
    const protocol = bytes[at + 9]
    if (protocol === ICMP) this.#consumeIcmp(bytes.slice(at, at + length))
    else if (protocol === UDP) this.#consumeUdp(bytes, at, length)
  }

  #consumeIcmp(packet) {
    const view = new DataView(packet.buffer)
    if (packet[20] === 0) return this.onPong(view.getUint16(26))
    if (packet[20] !== 8) return
    this.#queue.push(this.#icmp(0, view.getUint16(26), packet.slice(12, 16)))
    this.#port.wake()
  }

  #consumeUdp(bytes, at, length) {
    this.received.packets++
    this.received.bytes += length
    // A byte of every cache line is looked at: enough to see that nothing is mixed up, little enough to be a host.
    for (let i = 64; i < this.#payload.length; i += 64) {
      if (bytes[at + HEADER + i] !== (i & 255)) {
        this.received.damaged++
        return
      }
    }
    this.onArrival()
  }

  #icmp(type, sequence, to) {
    const packet = new Uint8Array(84)
    this.#writeIp(packet, 0, packet.length, ICMP, to)
    packet[20] = type
    const view = new DataView(packet.buffer)
    view.setUint16(26, sequence)
    view.setUint16(22, checksum(packet, 20, packet.length))
    return packet
  }

  #writeIp(bytes, at, length, protocol, to) {
    bytes.fill(0, at, at + 20)
    bytes[at] = 0x45
    bytes[at + 2] = length >> 8
    bytes[at + 3] = length & 255
    bytes[at + 8] = 64
    bytes[at + 9] = protocol
    bytes.set(this.#address, at + 12)
    bytes.set(to, at + 16)
    const sum = checksum(bytes, at, at + 20)
    bytes[at + 10] = sum >> 8
    bytes[at + 11] = sum & 255
  }
}

/** The contract's PacketPort over a host. */
class DemoPort {
  interfaceRef = null
  mtu
  batchSize = PACKETS
  isUp = true
  closed
  #host
  #options
  #settle
  #waiting = null
  #isClosed = false

  constructor(host, options) {
    this.mtu = options.mtu ?? 1420
    this.#host = host
    this.#options = options
    this.closed = new Promise((resolve) => (this.#settle = resolve))
  }

  receive(batch) {
    const { arena, region } = this.#options
    batch.count = 0
    for (let at = region.offset; batch.count < PACKETS; at += this.mtu + 64) {
      const length = this.#host.produce(arena.bytes, at)
      if (length === 0) break
      batch.offsets[batch.count] = at
      batch.lengths[batch.count++] = length
    }
    return batch.count
  }

  send(batch, first) {
    for (let i = first; i < batch.count; i++) this.#host.consume(batch.arena.bytes, batch.offsets[i], batch.lengths[i])
    return batch.count - first
  }

  wake() {
    this.#waiting?.resolve()
    this.#waiting = null
  }

  readable(signal) {
    if (this.#isClosed) return Promise.reject(new Error('closed'))
    if (this.#host.hasPackets()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  writable() {
    return Promise.resolve()
  }

  onChange() {}

  close() {
    this.#isClosed = true
    this.#waiting?.reject(new Error('closed'))
    this.#waiting = null
    this.#settle()
    return Promise.resolve()
  }
}
