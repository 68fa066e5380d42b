/** IP packets for tests: a header and bytes that can be recognized, in either family. */
import { checksum } from './slow/checksum.js'

export interface InnerPacketOptions {
  /** 4 or 16 bytes; both addresses of one family. */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly payload: Uint8Array
  /** Traffic class, ECN included. */
  readonly trafficClass?: number
  /** 253 is for experiments (RFC 3692). */
  readonly protocol?: number
}

/** A whole packet with a right length and, in IPv4, a right checksum. */
export function innerPacket(options: InnerPacketOptions): Uint8Array {
  const { source, destination, payload, trafficClass = 0, protocol = 253 } = options
  if (source.length !== destination.length) throw new RangeError('addresses of two families')
  const isFour = source.length === 4
  const headerBytes = isFour ? 20 : 40
  const packet = new Uint8Array(headerBytes + payload.length)
  const view = new DataView(packet.buffer)
  if (isFour) {
    packet[0] = 0x45
    packet[1] = trafficClass
    view.setUint16(2, packet.length)
    view.setUint16(6, 0x4000)
    packet[8] = 64
    packet[9] = protocol
    packet.set(source, 12)
    packet.set(destination, 16)
    view.setUint16(10, checksum(packet.subarray(0, 20)))
  } else {
    view.setUint32(0, 0x60000000 | (trafficClass << 20))
    view.setUint16(4, payload.length)
    packet[6] = protocol
    packet[7] = 64
    packet.set(source, 8)
    packet.set(destination, 24)
  }
  packet.set(payload, headerBytes)
  return packet
}

/** An ICMP or ICMPv6 echo request. */
export function ping(source: Uint8Array, destination: Uint8Array, sequence = 1, dataBytes = 56): Uint8Array {
  const isFour = source.length === 4
  const message = new Uint8Array(8 + dataBytes)
  message[0] = isFour ? 8 : 128
  message[6] = sequence >>> 8
  message[7] = sequence & 0xff
  for (let i = 0; i < dataBytes; i++) message[8 + i] = i
  const covered = isFour
    ? message
    : Uint8Array.from([...source, ...destination, 0, 0, 0, message.length, 0, 0, 0, 58, ...message])
  new DataView(message.buffer).setUint16(2, checksum(covered))
  return innerPacket({ source, destination, payload: message, protocol: isFour ? 1 : 58 })
}

export function payloadOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(packet[0]! >>> 4 === 4 ? 20 : 40)
}
