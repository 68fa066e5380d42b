/** TCP and UDP packets with right checksums, and arenas to put them in. */
import { checksum, transportChecksum } from '@wireweave/testkit/slow/checksum'
import { type Arena, createBatch, PACKET_TAILROOM, type PacketBatch } from '@wireweave/tunnel/packets'
import { javascriptRoutines } from '../src/routines-js.js'
import type { Routines } from '../src/routines.js'
import { wasmRoutines } from '../src/routines-wasm.js'

export const FIN = 1
export const SYN = 2
export const PSH = 8
export const ACK = 16
export const CWR = 128

export interface PacketOptions {
  readonly version: 4 | 6
  readonly protocol: 'tcp' | 'udp'
  readonly payload: Uint8Array
  /** Tells flows apart. */
  readonly port?: number
  readonly sequence?: number
  readonly ack?: number
  readonly flags?: number
  readonly window?: number
  /** TCP options, a multiple of 4 bytes. */
  readonly options?: Uint8Array
  readonly id?: number
  readonly dontFragment?: boolean
  readonly trafficClass?: number
  readonly hops?: number
  readonly noChecksum?: boolean
}

export function packetOf(options: PacketOptions): Uint8Array {
  const segment = options.protocol === 'tcp' ? tcp(options) : udp(options)
  const isV4 = options.version === 4
  const transport = isV4 ? 20 : 40
  const packet = new Uint8Array(transport + segment.length)
  const view = new DataView(packet.buffer)
  if (isV4) {
    packet[0] = 0x45
    packet[1] = options.trafficClass ?? 0
    view.setUint16(2, packet.length)
    view.setUint16(4, options.id ?? 0)
    view.setUint16(6, (options.dontFragment ?? true) ? 0x4000 : 0)
    packet[8] = options.hops ?? 64
    packet[9] = options.protocol === 'tcp' ? 6 : 17
    packet.set([10, 0, 0, 1, 10, 0, 0, 2], 12)
    view.setUint16(10, checksum(packet.subarray(0, 20)))
  } else {
    view.setUint32(0, 0x60000000 | ((options.trafficClass ?? 0) << 20))
    view.setUint16(4, segment.length)
    packet[6] = options.protocol === 'tcp' ? 6 : 17
    packet[7] = options.hops ?? 64
    packet.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 8)
    packet.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 24)
  }
  packet.set(segment, transport)
  if (options.noChecksum === true) return packet
  const [source, destination] = isV4
    ? [packet.subarray(12, 16), packet.subarray(16, 20)]
    : [packet.subarray(8, 24), packet.subarray(24, 40)]
  const value = transportChecksum(source, destination, options.protocol === 'tcp' ? 6 : 17, segment)
  view.setUint16(transport + (options.protocol === 'tcp' ? 16 : 6), value)
  return packet
}

function tcp({
  port = 80,
  sequence = 1000,
  ack = 1,
  flags = ACK,
  window = 500,
  options,
  payload,
}: PacketOptions): Uint8Array {
  const extra = options ?? new Uint8Array(0)
  const segment = new Uint8Array(20 + extra.length + payload.length)
  const view = new DataView(segment.buffer)
  view.setUint16(0, 5000)
  view.setUint16(2, port)
  view.setUint32(4, sequence)
  view.setUint32(8, ack)
  view.setUint8(12, (5 + extra.length / 4) << 4)
  view.setUint8(13, flags)
  view.setUint16(14, window)
  segment.set(extra, 20)
  segment.set(payload, 20 + extra.length)
  return segment
}

function udp({ port = 80, payload }: PacketOptions): Uint8Array {
  const segment = new Uint8Array(8 + payload.length)
  const view = new DataView(segment.buffer)
  view.setUint16(0, 5000)
  view.setUint16(2, port)
  view.setUint16(4, segment.length)
  segment.set(payload, 8)
  return segment
}

/** Bytes that differ from place to place and from seed to seed. */
export function payloadOf(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (i >>> 8)) & 0xff)
}

export function arenaOf(bytes: number, kind: 'plain' | 'shared' | 'none' = 'plain'): Arena {
  if (kind === 'none') return { bytes: new Uint8Array(bytes), memory: null }
  const pages = Math.ceil(bytes / 65536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: kind === 'shared' })
  return { bytes: new Uint8Array(memory.buffer), memory }
}

/** All kinds of routines, each over a memory of its own. */
export function everyRoutines(bytes: number): { name: string; bytes: Uint8Array; routines: Routines }[] {
  const plain = arenaOf(bytes)
  const shared = arenaOf(bytes, 'shared')
  const none = arenaOf(bytes, 'none')
  return [
    { name: 'WebAssembly', bytes: plain.bytes, routines: wasmRoutines(plain.memory!)! },
    { name: 'WebAssembly over shared memory', bytes: shared.bytes, routines: wasmRoutines(shared.memory!)! },
    { name: 'JavaScript', bytes: none.bytes, routines: javascriptRoutines(none.bytes) },
  ]
}

/** A batch of these packets, laid out from `at` on. */
export function batchOf(arena: Arena, at: number, packets: readonly Uint8Array[]): PacketBatch {
  const batch = createBatch(arena, Math.max(packets.length, 1))
  for (const packet of packets) {
    arena.bytes.set(packet, at)
    batch.offsets[batch.count] = at
    batch.lengths[batch.count++] = packet.length
    // Not aligned: decrypted packets lie where they happened to arrive.
    at += packet.length + PACKET_TAILROOM + 5
  }
  return batch
}

export function packetsIn(batch: PacketBatch): Uint8Array[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const offset = batch.offsets[i]!
    return batch.arena.bytes.slice(offset, offset + batch.lengths[i]!)
  })
}
