/** Writes a group of packets, or a single one, as iovecs for one writev: headers that we made, payloads where they lie. */
import {
  IOVEC,
  VIRTIO_NET_HDR,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '@wireweave/ffi/linux'
import type { PacketBatch } from '@wireweave/tunnel/packets'
import { type Coalescer, TCP4, TCP6 } from './coalesce.js'
import type { Layout } from './layout.js'
import type { Routines } from './routines.js'

const PSH = 0x08

/** Places in the table of iovecs: the two of a plain packet, of which the first never changes, then those of a group. */
const PLAIN = 0
const JOINED = 2

export class Gatherer {
  /** Where {@link plain} puts its iovecs, and how many they are. */
  readonly plainAddress: number
  readonly plainCount: number
  /** Where {@link joined} puts its iovecs. */
  readonly joinedAddress: number
  readonly #routines: Routines
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #words: Uint32Array
  readonly #base: number
  readonly #layout: Layout

  /** `base` is the address of `bytes`; without `hasHeader` packets go as they are. */
  constructor(routines: Routines, bytes: Uint8Array, base: number, layout: Layout, hasHeader: boolean) {
    this.#routines = routines
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset + layout.iovecs, (layout.packets - layout.iovecs) >> 2)
    this.#base = base
    this.#layout = layout
    this.#bytes.fill(0, layout.plainHeader, layout.plainHeader + VIRTIO_NET_HDR.size)
    this.#iovec(PLAIN, layout.plainHeader, VIRTIO_NET_HDR.size)
    this.plainAddress = base + layout.iovecs + (hasHeader ? PLAIN : PLAIN + 1) * IOVEC.size
    this.plainCount = hasHeader ? 2 : 1
    this.joinedAddress = base + layout.iovecs + JOINED * IOVEC.size
  }

  /** A packet as it is. */
  plain(offset: number, length: number): void {
    this.#iovec(PLAIN + 1, offset, length)
  }

  /** Group `group` of `plan`, at least two packets of `batch`, as one large packet. Returns the number of iovecs. */
  joined(plan: Coalescer, group: number, batch: PacketBatch): number {
    const headers = plan.headers[group]!
    const index = plan.leads[group]!
    this.#writeHeaders(batch.offsets[plan.first + index]!, headers, plan, group)
    this.#iovec(JOINED, this.#layout.writeHeader, VIRTIO_NET_HDR.size + headers)
    let count = JOINED + 1
    for (let i = index; i >= 0; i = plan.next[i]!) {
      const at = plan.first + i
      this.#iovec(count++, batch.offsets[at]! + headers, batch.lengths[at]! - headers)
    }
    return count - JOINED
  }

  #iovec(index: number, offset: number, length: number): void {
    const address = this.#base + offset
    const at = index * (IOVEC.size / 4)
    this.#words[at] = address >>> 0
    this.#words[at + 1] = address / 0x1_0000_0000
    this.#words[at + 2] = length
    this.#words[at + 3] = 0
  }

  #writeHeaders(lead: number, headers: number, plan: Coalescer, group: number): void {
    const { writeHeader, writePacket } = this.#layout
    const kind = plan.kinds[group]!
    const isTcp = (kind & (TCP4 | TCP6)) !== 0
    const isV4 = this.#bytes[lead]! >> 4 === 4
    const transport = isV4 ? 20 : 40
    const checksumOffset = isTcp ? 16 : 6
    const view = this.#view

    view.setUint8(writeHeader + VIRTIO_NET_HDR.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM)
    view.setUint8(writeHeader + VIRTIO_NET_HDR.gsoType, gsoType(isTcp, isV4))
    view.setUint16(writeHeader + VIRTIO_NET_HDR.hdrLen, headers, true)
    view.setUint16(writeHeader + VIRTIO_NET_HDR.gsoSize, plan.sizes[group]!, true)
    view.setUint16(writeHeader + VIRTIO_NET_HDR.csumStart, transport, true)
    view.setUint16(writeHeader + VIRTIO_NET_HDR.csumOffset, checksumOffset, true)

    this.#bytes.copyWithin(writePacket, lead, lead + headers)
    const length = headers + plan.payloads[group]!
    const segment = length - transport
    if (isV4) {
      view.setUint16(writePacket + 2, length)
      view.setUint16(writePacket + 10, 0)
      view.setUint16(writePacket + 10, ~this.#routines.sum(writePacket, transport))
    } else {
      view.setUint16(writePacket + 4, segment)
    }
    const start = writePacket + transport
    if (!isTcp) view.setUint16(start + 4, segment)
    else if (plan.pushes[group] === 1) this.#bytes[start + 13]! |= PSH
    // The kernel adds the sum of the segment: the field holds that of the pseudo-header, not inverted.
    const addresses = isV4 ? 8 : 32
    const pseudo = this.#routines.sum(start - addresses, addresses) + (isTcp ? 6 : 17) + segment
    // At most 0xffff + 17 + 65515: folding once is enough.
    view.setUint16(start + checksumOffset, (pseudo & 0xffff) + (pseudo >>> 16))
  }
}

function gsoType(isTcp: boolean, isV4: boolean): number {
  if (!isTcp) return VIRTIO_NET_HDR_GSO_UDP_L4
  return isV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6
}
