/** Packets written and read by hand, with code that shares nothing with the stack's. */
import { ALICE, BOB, type Wire } from './wire.js'
import type { Stack } from '../src/core/stack.js'

export interface TcpFields {
  readonly seq: number
  readonly ack?: number
  /** Letters of `SAFRPU`. */
  readonly flags: string
  readonly window?: number
  readonly options?: readonly number[]
  readonly data?: Uint8Array
  readonly sourcePort?: number
  readonly destinationPort?: number
  readonly source?: Uint8Array
  readonly destination?: Uint8Array
}

export interface TcpPacket {
  readonly seq: number
  readonly ack: number
  readonly flags: string
  readonly window: number
  readonly options: readonly number[]
  readonly data: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
}

const LETTERS = 'FSRPAU'

export function tcpPacket(fields: TcpFields): Uint8Array {
  const options = fields.options ?? []
  const padded = [...options, ...Array<number>((4 - (options.length % 4)) % 4).fill(1)]
  const data = fields.data ?? new Uint8Array(0)
  const segment = new Uint8Array(20 + padded.length + data.length)
  const view = new DataView(segment.buffer)
  view.setUint16(0, fields.sourcePort ?? 4000)
  view.setUint16(2, fields.destinationPort ?? 80)
  view.setUint32(4, fields.seq >>> 0)
  view.setUint32(8, (fields.ack ?? 0) >>> 0)
  let bits = 0
  for (const letter of fields.flags) bits |= 1 << LETTERS.indexOf(letter)
  view.setUint16(12, ((20 + padded.length) << 10) | bits)
  view.setUint16(14, fields.window ?? 65535)
  segment.set(padded, 20)
  segment.set(data, 20 + padded.length)
  const source = fields.source ?? ALICE
  const destination = fields.destination ?? BOB
  const pseudo = Uint8Array.of(...source, ...destination, 0, 6, segment.length >>> 8, segment.length & 255)
  view.setUint16(16, checksum(pseudo, segment))
  return ipPacket(6, segment, source, destination)
}

export function ipPacket(
  protocol: number,
  payload: Uint8Array,
  source: Uint8Array = ALICE,
  destination: Uint8Array = BOB,
  fragment = 0,
  identification = 0,
): Uint8Array {
  const packet = new Uint8Array(20 + payload.length)
  const view = new DataView(packet.buffer)
  packet[0] = 0x45
  view.setUint16(2, packet.length)
  view.setUint16(4, identification)
  view.setUint16(6, fragment)
  packet[8] = 64
  packet[9] = protocol
  packet.set(source, 12)
  packet.set(destination, 16)
  view.setUint16(10, checksum(packet.subarray(0, 20)))
  packet.set(payload, 20)
  return packet
}

export function udpPacket(data: Uint8Array, destinationPort: number): Uint8Array {
  const datagram = new Uint8Array(8 + data.length)
  const view = new DataView(datagram.buffer)
  view.setUint16(0, 4000)
  view.setUint16(2, destinationPort)
  view.setUint16(4, datagram.length)
  datagram.set(data, 8)
  view.setUint16(
    6,
    checksum(Uint8Array.of(...ALICE, ...BOB, 0, 17, datagram.length >>> 8, datagram.length & 255), datagram),
  )
  return datagram
}

/** An ICMP error about `packet`, from `source` to whoever sent it. */
export function icmpError(type: number, code: number, rest: number, packet: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + 28)
  const view = new DataView(message.buffer)
  message.set([type, code])
  view.setUint32(4, rest)
  message.set(packet.subarray(0, 28), 8)
  view.setUint16(2, checksum(message))
  return ipPacket(1, message, Uint8Array.of(10, 9, 9, 9), packet.slice(12, 16))
}

function readTcp(packet: Uint8Array): TcpPacket {
  const view = new DataView(packet.buffer, packet.byteOffset)
  const bits = packet[33]!
  const headerBytes = (packet[32]! >>> 4) * 4
  return {
    sourcePort: view.getUint16(20),
    destinationPort: view.getUint16(22),
    seq: view.getInt32(24),
    ack: view.getInt32(28),
    flags: LETTERS.split('')
      .filter((_, i) => bits & (1 << i))
      .join(''),
    window: view.getUint16(34),
    options: [...packet.subarray(40, 20 + headerBytes)],
    data: packet.slice(20 + headerBytes),
  }
}

export function checksum(...parts: Uint8Array[]): number {
  let total = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) total += (part[i]! << 8) | (part[i + 1] ?? 0)
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return ~total & 0xffff
}

export const MSS_1000: readonly number[] = [2, 4, 1000 >>> 8, 1000 & 255]
export const SACK_PERMITTED: readonly number[] = [4, 2]

/** A peer written by hand that talks to one port of Bob. Sequence numbers are relative: 0 is the SYN of either side. */
export class Peer {
  readonly wire: Wire
  readonly stack: Stack
  readonly iss = 1_000_000
  irs = 0
  readonly port: number
  readonly sourcePort: number

  constructor(wire: Wire, port = 80, sourcePort = 4000) {
    this.wire = wire
    this.stack = wire.bob
    this.port = port
    this.sourcePort = sourcePort
  }

  send(fields: TcpFields): void {
    const { seq, ack } = fields
    const absolute = { ...fields, seq: this.iss + seq, ...(ack !== undefined && { ack: this.irs + ack }) }
    this.wire.inject(this.stack, tcpPacket({ sourcePort: this.sourcePort, destinationPort: this.port, ...absolute }))
  }

  /** What Bob sends now, with relative numbers. */
  receive(): TcpPacket[] {
    return this.wire.drain(this.stack).map((packet) => {
      const read = readTcp(packet)
      return { ...read, seq: (read.seq - this.irs) | 0, ack: read.flags.includes('A') ? (read.ack - this.iss) | 0 : 0 }
    })
  }

  /** In short: `SA 0:0 ack 1`. */
  texts(): string[] {
    return this.receive().map(
      ({ flags, seq, ack, data }) => `${flags} ${seq}:${data.length}${flags.includes('A') ? ` ack ${ack}` : ''}`,
    )
  }

  /** The three segments of a handshake. */
  open(options: readonly number[] = MSS_1000, window = 65535): void {
    this.send({ seq: 0, flags: 'S', options, window })
    const [answer] = this.wire.drain(this.stack).map(readTcp)
    this.irs = answer!.seq
    // Timestamps, once offered, are in every segment.
    const stamps = options[2] === 8 ? options : []
    this.send({ seq: 1, ack: 1, flags: 'A', window, options: stamps })
  }

  /** Lets so much time pass, running what is due. */
  wait(ms: number): void {
    const end = this.wire.now + ms
    for (;;) {
      const next = this.stack.nextDeadline()
      if (next > end) break
      this.wire.now = Math.max(this.wire.now, next)
      this.stack.advance(this.wire.now)
      if (this.stack.hasOutput) return
    }
    this.wire.now = end
  }
}
