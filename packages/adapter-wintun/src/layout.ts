/** Where a port keeps packets in its region. */
import { PACKET_TAILROOM } from '@wireweave/tunnel/packets'
import { MAX_PACKET_BYTES } from './abi.js'

/** Packets of one `receive`. */
export const BATCH_SIZE = 128
/** More than this makes no batch faster: it would only leave the cache. */
const MAX_REGION_BYTES = 512 * 1024

/** Distance between packets of `bytes`: room for what the reader may write behind, aligned for vectors. */
export function slotBytes(bytes: number): number {
  return (bytes + PACKET_TAILROOM + 15) & ~15
}

/** The least: one packet of any size. */
export const MIN_REGION_BYTES: number = slotBytes(MAX_PACKET_BYTES) + 16

/** The region a port of this MTU needs: a full batch of full packets, within reason. */
export function regionBytes(mtu: number): number {
  return Math.min(Math.max(BATCH_SIZE * slotBytes(mtu) + 16, 2 * MIN_REGION_BYTES), MAX_REGION_BYTES)
}
