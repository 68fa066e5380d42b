/** Which datagrams of a batch a socket can take as one message: UDP_SEGMENT of Linux, UDP_SEND_MSG_SIZE of Windows. */
import type { DatagramBatch } from '../../core/datagrams.js'

/** Segments of one message: what Linux takes before 6.9; Windows takes more. */
const UDP_MAX_SEGMENTS = 64
/** What fits behind an IPv4 and a UDP header in 65 535 bytes. */
const UDP_MAX_BYTES = 65507

/** How many datagrams from `first` on make one message: adjacent, to one endpoint in one class, equally long but the last. */
export function runLength(batch: DatagramBatch, first: number): number {
  const { endpoints, trafficClasses, offsets, lengths } = batch
  const segment = lengths[first]!
  const record = endpoints[first]!
  const trafficClass = trafficClasses[first]!
  const most = Math.min(first + UDP_MAX_SEGMENTS, batch.count)
  let end = offsets[first]! + segment
  const limit = offsets[first]! + UDP_MAX_BYTES
  let i = first + 1
  while (i < most && endpoints[i] === record && offsets[i] === end && trafficClasses[i] === trafficClass) {
    const length = lengths[i]!
    end += length
    if (length > segment || end > limit) break
    i++
    if (length < segment) break
  }
  return i - first
}
