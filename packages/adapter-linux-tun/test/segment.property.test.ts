import * as fc from 'fast-check'
import {
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  NEEDS_CSUM,
  PLAIN,
  segment,
  type VirtioHeader,
  writeVirtioHeader,
} from '@wireweave/testkit/slow/offload'
import { type Arena, createBatch, PACKET_TAILROOM } from '@wireweave/tunnel/packets'
import { describe, expect, it } from 'vitest'
import { layOut, MAX_PACKET_BYTES, regionBytes } from '../src/layout.js'
import { loadRoutines } from '../src/routines-wasm.js'
import { Segmenter } from '../src/segment.js'
import { ACK, arenaOf, CWR, FIN, packetOf, packetsIn, payloadOf, PSH } from './packets.js'

const REGION = { offset: 4096, length: regionBytes(1420) }

const good = fc
  .record({
    version: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    length: fc.oneof(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 60_000, max: 65_400 })),
    size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 9000 }), fc.constant(65_535)),
    flags: fc.constantFrom(ACK, ACK | PSH, ACK | FIN | PSH, CWR | ACK),
    options: fc.constantFrom(new Uint8Array(0), payloadOf(12), payloadOf(40)),
    ecn: fc.boolean(),
  })
  .map(({ version, protocol, length, size, flags, options, ecn }) => {
    const isTcp = protocol === 'tcp'
    const tooMany = Math.ceil(length / size) > 1500
    const payload = payloadOf(
      Math.min(tooMany ? 1500 : length, isTcp ? 65_400 : 65_480) - (version === 4 ? 40 : 0),
      size,
    )
    const packet = packetOf({
      version,
      protocol,
      payload: payload.length > 0 ? payload : payloadOf(1),
      flags,
      options,
      id: 65_530,
      noChecksum: true,
    })
    const kind = isTcp ? (version === 4 ? GSO_TCPV4 : GSO_TCPV6) : GSO_UDP_L4
    const header: VirtioHeader = {
      flags: NEEDS_CSUM,
      gsoType: isTcp && ecn ? kind | GSO_ECN : kind,
      hdrLen: 0,
      gsoSize: size,
      csumStart: version === 4 ? 20 : 40,
      csumOffset: isTcp ? 16 : 6,
    }
    return { header, packet }
  })

describe.each(['plain', 'shared', 'none'] as const)('a segmenter (memory: %s)', (kind) => {
  const arena = arenaOf(4096 + REGION.length, kind)

  it('cuts what a read returned as the slow twin does, however small the batches are', () => {
    const read = fc.record({ large: good, capacity: fc.constantFrom(1, 3, 64, 128) })
    fc.assert(
      fc.property(read, ({ large: { header, packet }, capacity }) => {
        const cut = cutAll(arena, header, packet, capacity)
        const expected = segment(header, packet)
        expect(cut.length).toBe(expected.length)
        for (const [i, want] of expected.entries()) expect(Buffer.compare(cut[i]!, want), `segment ${i}`).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('finishes the checksum of a packet that stays whole', () => {
    for (const version of [4, 6] as const) {
      for (const protocol of ['tcp', 'udp'] as const) {
        const packet = packetOf({ version, protocol, payload: payloadOf(777), noChecksum: true })
        const header = {
          ...PLAIN,
          flags: NEEDS_CSUM,
          csumStart: version === 4 ? 20 : 40,
          csumOffset: protocol === 'tcp' ? 16 : 6,
        }
        expect(cutAll(arena, header, packet, 128)).toEqual(segment(header, packet))
      }
    }
  })

  it('never sends a UDP checksum of zero, which would mean none', () => {
    // A datagram whose sum is all ones: the checksum computes to zero.
    const packet = packetOf({ version: 4, protocol: 'udp', payload: new Uint8Array(2), noChecksum: true })
    const header = { ...PLAIN, flags: NEEDS_CSUM, csumStart: 20, csumOffset: 6 }
    const value = new DataView(segment(header, packet)[0]!.buffer).getUint16(26)
    new DataView(packet.buffer).setUint16(28, value)
    const [whole] = cutAll(arena, header, packet, 128)
    expect(new DataView(whole!.buffer).getUint16(26)).toBe(0xffff)
  })

  it('agrees with the slow twin on headers that make no sense', () => {
    const nonsense = fc.record({
      large: good,
      type: fc.constantFrom(GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, 3, 7),
      flags: fc.constantFrom(0, NEEDS_CSUM),
      size: fc.constantFrom(0, 1, 100),
      start: fc.constantFrom(0, 1, 20, 40, 41, 3000),
      offset: fc.constantFrom(0, 6, 16, 3000),
      length: fc.integer({ min: 1, max: 200 }),
      spot: fc.tuple(fc.nat(70), fc.nat(255)),
    })
    fc.assert(
      fc.property(nonsense, ({ large, type, flags, size, start, offset, length, spot: [at, value] }) => {
        const packet = large.packet.slice(0, length)
        packet[at % packet.length] = value
        const header = { flags, gsoType: type, hdrLen: 0, gsoSize: size, csumStart: start, csumOffset: offset }
        // Where the twin trusts the checksum's start, we also want it to be the end of the IPv4 header.
        fc.pre(type === GSO_NONE || packet[0]! >> 4 !== 4 || start === (packet[0]! & 15) * 4)
        expect(cutAll(arena, header, packet, 128)).toEqual(segment(header, packet))
      }),
      { numRuns: 500 },
    )
  })

  it('finds room for any single segment in the smallest region', () => {
    let length = 0
    while (!fits(length)) length += 16
    const packet = packetOf({ version: 6, protocol: 'tcp', payload: payloadOf(10), options: payloadOf(40) })
    const header = { ...PLAIN, flags: NEEDS_CSUM, gsoType: GSO_TCPV6, gsoSize: 65_535, csumStart: 40, csumOffset: 16 }
    expect(cutAll(arena, header, packet, 1, { offset: 4096, length })).toEqual(segment(header, packet))
    const whole = new Uint8Array(MAX_PACKET_BYTES).fill(0x60)
    expect(cutAll(arena, PLAIN, whole, 1, { offset: 4096, length })[0]!.length).toBe(MAX_PACKET_BYTES)
  })

  it('passes on a packet without a virtio header as it is', () => {
    const layout = layOut(REGION)
    const segmenter = new Segmenter(loadRoutines(arena), arena.bytes, layout.staging)
    const packet = packetOf({ version: 4, protocol: 'tcp', payload: payloadOf(1000) })
    arena.bytes.set(packet, layout.staging)
    segmenter.beginPlain(packet.length)
    const batch = createBatch(arena, 4)
    segmenter.take(batch, 4, layout.packets, layout.end)
    expect(packetsIn(batch)).toEqual([packet])
    expect(segmenter.isPending).toBe(false)
  })
})

function fits(length: number): boolean {
  try {
    layOut({ offset: 4096, length })
    return true
  } catch {
    return false
  }
}

function cutAll(
  arena: Arena,
  header: VirtioHeader,
  packet: Uint8Array,
  capacity: number,
  region: typeof REGION = REGION,
): Uint8Array[] {
  const layout = layOut(region)
  const segmenter = new Segmenter(loadRoutines(arena), arena.bytes, layout.staging)
  writeVirtioHeader(arena.bytes, header, layout.stagingHeader)
  arena.bytes.set(packet, layout.staging)
  const batch = createBatch(arena, capacity)
  const cut: Uint8Array[] = []
  if (!segmenter.begin(layout.stagingHeader, packet.length)) return cut
  for (let turns = 0; segmenter.isPending; turns++) {
    expect(turns).toBeLessThan(5000)
    batch.count = 0
    const cursor = segmenter.take(batch, capacity, layout.packets, layout.end)
    expect(batch.count).toBeGreaterThan(0)
    expect(cursor).toBeLessThanOrEqual(layout.end)
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offsets[i]!
      const end = i + 1 < batch.count ? batch.offsets[i + 1]! : cursor
      expect(offset + batch.lengths[i]! + PACKET_TAILROOM).toBeLessThanOrEqual(end)
      expect(offset).toBeGreaterThanOrEqual(layout.packets)
    }
    cut.push(...packetsIn(batch))
    // The room behind a packet is the reader's.
    for (let i = 0; i < batch.count; i++) {
      const end = batch.offsets[i]! + batch.lengths[i]!
      arena.bytes.fill(0xee, batch.offsets[i]!, end + PACKET_TAILROOM)
    }
  }
  return cut
}
