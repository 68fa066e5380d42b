/** What one read of the interface returned, cut into packets. */
import {
  VIRTIO_NET_HDR,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '@wireweave/ffi/linux'
import type { PacketBatch } from '@wireweave/tunnel/packets'
import { slotBytes } from './layout.js'
import type { Routines } from './routines.js'

const TCP_CHECKSUM_OFFSET = 16
const UDP_CHECKSUM_OFFSET = 6

/**
 * Takes over one read after the other and appends its packets to batches, over several batches when one has no room:
 * a read of 64 KiB with segments of a few bytes makes thousands. Holds at most one read.
 */
export class Segmenter {
  readonly #routines: Routines
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #packet: number

  #length = 0
  /** Payload of a segment; 0 for a packet that stays whole. */
  #size = 0
  #headers = 0
  #transport = 0
  #isTcp = 0
  #segments = 0
  #next = 0
  /** Of a whole packet: where its unfinished checksum lies and what it covers; -1 when it is finished. */
  #checksumStart = -1
  #checksumField = 0

  /** `packet` is where reads put the packet, in `bytes`. */
  constructor(routines: Routines, bytes: Uint8Array, packet: number) {
    this.#routines = routines
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#packet = packet
  }

  /** Packets are left of the last read. */
  get isPending(): boolean {
    return this.#next < this.#segments
  }

  /** Forgets what is left. */
  clear(): void {
    this.#segments = 0
    this.#next = 0
  }

  /** Starts with a packet of `length` bytes that has no virtio header. */
  beginPlain(length: number): void {
    this.#length = length
    this.#size = 0
    this.#checksumStart = -1
    this.#segments = 1
    this.#next = 0
  }

  /**
   * Starts with a packet of `length` bytes and the virtio header at `header`. False when the two contradict each other;
   * then there is nothing to take.
   */
  begin(header: number, length: number): boolean {
    this.beginPlain(length)
    const flags = this.#bytes[header + VIRTIO_NET_HDR.flags]!
    const type = this.#bytes[header + VIRTIO_NET_HDR.gsoType]!
    const needsChecksum = (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
    if (type === VIRTIO_NET_HDR_GSO_NONE && !needsChecksum) return true
    const start = this.#view.getUint16(header + VIRTIO_NET_HDR.csumStart, true)
    const offset = this.#view.getUint16(header + VIRTIO_NET_HDR.csumOffset, true)
    const isSound =
      type === VIRTIO_NET_HDR_GSO_NONE
        ? this.#beginWhole(start, offset)
        : needsChecksum && this.#beginLarge(type & ~VIRTIO_NET_HDR_GSO_ECN, header, start, offset)
    if (!isSound) this.clear()
    return isSound
  }

  /**
   * Appends packets to `batch` up to `capacity`, at offsets from `cursor` on, as long as they end before `end`. Returns
   * the cursor behind the last of them.
   */
  take(batch: PacketBatch, capacity: number, cursor: number, end: number): number {
    if (!this.isPending) return cursor
    return this.#size === 0
      ? this.#takeWhole(batch, capacity, cursor, end)
      : this.#takeSegments(batch, capacity, cursor, end)
  }

  #beginWhole(start: number, offset: number): boolean {
    this.#checksumStart = start
    this.#checksumField = start + offset
    return this.#checksumField + 2 <= this.#length
  }

  #beginLarge(type: number, header: number, transport: number, checksumOffset: number): boolean {
    const bytes = this.#bytes
    const length = this.#length
    const first = bytes[this.#packet]!
    const isV4 = first >> 4 === 4
    const isTcp = type === (isV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6)
    if (!isTcp && type !== VIRTIO_NET_HDR_GSO_UDP_L4) return false
    if (isV4 ? transport !== (first & 15) * 4 || transport < 20 : first >> 4 !== 6 || transport < 40) return false
    if (checksumOffset !== (isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET)) return false
    if (transport + (isTcp ? 20 : 8) > length) return false

    // hdr_len may be anything the sender likes (virtio 1.2 §5.1.6.2): the packet knows better.
    const own = isTcp ? (bytes[this.#packet + transport + 12]! >> 4) * 4 : 8
    const size = this.#view.getUint16(header + VIRTIO_NET_HDR.gsoSize, true)
    if (own < (isTcp ? 20 : 8) || transport + own >= length || size === 0) return false
    this.#headers = transport + own
    this.#transport = transport
    this.#isTcp = isTcp ? 1 : 0
    this.#size = Math.min(size, length - this.#headers)
    this.#segments = Math.ceil((length - this.#headers) / size)
    return true
  }

  #takeWhole(batch: PacketBatch, capacity: number, cursor: number, end: number): number {
    const length = this.#length
    const behind = cursor + slotBytes(length)
    if (batch.count === capacity || behind > end) return cursor
    const start = this.#checksumStart
    // In WebAssembly; `copyWithin` takes twice as long for a short packet, seven times for a long one in shared memory.
    if (start < 0) {
      this.#routines.copySum(this.#packet, cursor, length)
    } else {
      // The field holds the sum of the pseudo-header and is part of what is summed.
      this.#routines.copySum(this.#packet, cursor, start)
      const value = ~this.#routines.copySum(this.#packet + start, cursor + start, length - start) & 0xffff
      const isUdp = this.#checksumField - start === UDP_CHECKSUM_OFFSET
      this.#view.setUint16(cursor + this.#checksumField, isUdp && value === 0 ? 0xffff : value)
    }
    append(batch, cursor, length)
    this.#next = 1
    return behind
  }

  #takeSegments(batch: PacketBatch, capacity: number, cursor: number, end: number): number {
    const full = this.#headers + this.#size
    const stride = slotBytes(full)
    const left = this.#segments - this.#next
    const count = Math.min(left, capacity - batch.count, Math.floor((end - cursor) / stride))
    if (count <= 0) return cursor
    this.#routines.cut(
      this.#packet,
      this.#length,
      this.#headers,
      this.#transport,
      this.#isTcp,
      this.#size,
      this.#next,
      count,
      cursor,
      stride,
    )
    for (let i = 0; i < count; i++) append(batch, cursor + i * stride, full)
    this.#next += count
    if (count === left) {
      batch.lengths[batch.count - 1] = this.#length - (this.#segments - 1) * this.#size
    }
    return cursor + count * stride
  }
}

function append(batch: PacketBatch, offset: number, length: number): void {
  batch.offsets[batch.count] = offset
  batch.lengths[batch.count] = length
  batch.count++
}
