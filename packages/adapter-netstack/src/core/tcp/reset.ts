/** Segments with RST (RFC 9293 §3.5.2). They carry no options and are not repeated. */
import { put16, put32 } from '../bytes.js'
import { pseudoHeaderSum, transportChecksum, writeIp } from '../ip/header.js'
import type { IpPacket } from '../ip/packet.js'
import { ipHeaderBytes, TCP } from '../ip/protocol.js'
import type { Connection } from './connection.js'
import { ACK, RST, type Segment, sequenceLength, TCP_HEADER_BYTES } from './segment.js'
import type { Tcp } from './tcp.js'

/** Where data are under way the peer challenges it (RFC 5961 §3.2), and {@link answerWithReset} answers. */
export function sendReset(tcp: Tcp, connection: Connection): void {
  const { local, remote, localPort, remotePort, max } = connection
  writeReset(tcp, local, localPort, remote, remotePort, max, connection.rcvNxt, RST | ACK)
}

/** The answer to a segment that belongs to no connection (RFC 9293 §3.10.7.1). */
export function answerWithReset(tcp: Tcp, packet: IpPacket, segment: Segment): void {
  if (segment.flags & RST || !tcp.resets.take(tcp.now)) return
  const { bytes, addressBytes } = packet
  const local = bytes.slice(packet.destination, packet.destination + addressBytes)
  const remote = bytes.slice(packet.source, packet.source + addressBytes)
  const { destinationPort, sourcePort } = segment
  if (segment.flags & ACK) {
    writeReset(tcp, local, destinationPort, remote, sourcePort, segment.acknowledgment, 0, RST)
  } else {
    const acknowledgment = (segment.sequence + sequenceLength(segment)) | 0
    writeReset(tcp, local, destinationPort, remote, sourcePort, 0, acknowledgment, RST | ACK)
  }
}

function writeReset(
  tcp: Tcp,
  local: Uint8Array,
  localPort: number,
  remote: Uint8Array,
  remotePort: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
): void {
  const total = ipHeaderBytes(local.length === 4 ? 4 : 6) + TCP_HEADER_BYTES
  const start = tcp.network.reserve(total)
  if (start < 0) return
  const { memory } = tcp.network
  const at = start + writeIp(memory, start, TCP, TCP_HEADER_BYTES, local, remote, null)
  put16(memory, at, localPort)
  put16(memory, at + 2, remotePort)
  put32(memory, at + 4, sequence)
  put32(memory, at + 8, acknowledgment)
  put16(memory, at + 12, 0x5000 | flags)
  put32(memory, at + 14, 0)
  put16(memory, at + 18, 0)
  put16(memory, at + 16, transportChecksum(memory, at, TCP_HEADER_BYTES, pseudoHeaderSum(local, remote, TCP)))
  tcp.network.commit(total)
  tcp.stats.resetsSent++
}
