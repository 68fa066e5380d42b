/** Where in its region a port keeps what. */
import { IOVEC, VIRTIO_NET_HDR } from '@wireweave/ffi/linux'
import { PACKET_TAILROOM } from '@wireweave/tunnel/packets'

/** Packets of one `receive`. A read of 64 KiB is some 47 of them: two reads and a half. */
export const BATCH_SIZE = 128

/** What one read carries at most: an IPv6 header and the most that its length field can say. */
export const MAX_PACKET_BYTES: number = 40 + 65535

/** Most packets of one coalesced write. */
export const MAX_SEGMENTS = 255
/** Two for a packet that is written as it is; headers and payloads of a group. */
const IOVECS = 2 + 1 + MAX_SEGMENTS

/** Virtio header, IPv6 header, the longest TCP header. */
const MAX_HEADER_BYTES = VIRTIO_NET_HDR.size + 40 + 60

/** Distance between packets of `bytes`: room for what the reader may write behind, aligned for vectors. */
export function slotBytes(bytes: number): number {
  return (bytes + PACKET_TAILROOM + 15) & ~15
}

/** So that what follows the virtio header is aligned. */
const VIRTIO_AT = 16 - VIRTIO_NET_HDR.size

export interface Layout {
  /** What one read returns: the virtio header, then, 16 bytes aligned, the packet. */
  readonly stagingHeader: number
  readonly staging: number
  /** Virtio header and packet headers of the coalesced write under way, and where its packet headers begin. */
  readonly writeHeader: number
  readonly writePacket: number
  /** Ten zeros: the virtio header of a packet that is written as it is. */
  readonly plainHeader: number
  readonly iovecs: number
  /** Received packets lie from `packets` up to `end`. */
  readonly packets: number
  readonly end: number
}

const STAGING_BYTES = align(16 + MAX_PACKET_BYTES)
const WRITE_HEADER_BYTES = align(VIRTIO_AT + MAX_HEADER_BYTES)
const FIXED_BYTES = STAGING_BYTES + WRITE_HEADER_BYTES + 16 + IOVECS * IOVEC.size

/** The least room for received packets: the longest packet, or the pieces of one read, whichever is more. */
const MIN_PACKETS_BYTES = slotBytes(MAX_PACKET_BYTES)
/** More than this makes no batch faster: it would only leave the cache. */
const MAX_PACKETS_BYTES = 512 * 1024

/** The region a port of this MTU needs: a full batch of full packets, within reason. */
export function regionBytes(mtu: number): number {
  const batch = BATCH_SIZE * slotBytes(mtu)
  return 64 + FIXED_BYTES + Math.min(Math.max(batch, 2 * MIN_PACKETS_BYTES), MAX_PACKETS_BYTES)
}

/** Throws a RangeError for a region that cannot hold a single large packet. */
export function layOut(region: { readonly offset: number; readonly length: number }): Layout {
  const start = align(region.offset)
  const writeHeader = start + STAGING_BYTES
  const plainHeader = writeHeader + WRITE_HEADER_BYTES
  const iovecs = plainHeader + 16
  const packets = start + FIXED_BYTES
  const end = region.offset + region.length
  if (end - packets < MIN_PACKETS_BYTES) {
    const least = 16 + FIXED_BYTES + MIN_PACKETS_BYTES
    throw new RangeError(`a region of ${region.length} bytes is too small for a TUN: it takes at least ${least}`)
  }
  return {
    stagingHeader: start + VIRTIO_AT,
    staging: start + 16,
    writeHeader: writeHeader + VIRTIO_AT,
    writePacket: writeHeader + 16,
    plainHeader,
    iovecs,
    packets,
    end,
  }
}

function align(bytes: number): number {
  return (bytes + 15) & ~15
}
