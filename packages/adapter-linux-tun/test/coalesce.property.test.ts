import * as fc from 'fast-check'
import { coalesce, contradiction, readVirtioHeader, type Write } from '@wireweave/testkit/slow/offload'
import type { Arena } from '@wireweave/tunnel/packets'
import { describe, expect, it } from 'vitest'
import { Coalescer, TCP4, TCP6, UDP4, UDP6 } from '../src/coalesce.js'
import { Gatherer } from '../src/gather.js'
import { layOut, regionBytes } from '../src/layout.js'
import { loadRoutines } from '../src/routines-wasm.js'
import { ACK, arenaOf, batchOf, CWR, FIN, packetOf, type PacketOptions, payloadOf, PSH, SYN } from './packets.js'

const REGION = { offset: 0, length: regionBytes(1420) }
const PACKETS_AT = (REGION.length + 63) & ~63
const ARENA_BYTES = PACKETS_AT + (1 << 20)
const ALL = TCP4 | TCP6 | UDP4 | UDP6

/** One flow: lengths and, now and then, something that ends a run. */
const flow = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  dontFragment: fc.boolean(),
  size: fc.constantFrom(100, 500, 1380),
  options: fc.constantFrom(new Uint8Array(0), payloadOf(12)),
  steps: fc.array(
    fc.record({
      length: fc.constantFrom('full', 'full', 'full', 'full', 'short', 'longer', 'none'),
      flags: fc.constantFrom(ACK, ACK, ACK, ACK, ACK | PSH, ACK | FIN, ACK | SYN, ACK | CWR),
      oddity: fc.constantFrom(
        '',
        '',
        '',
        '',
        '',
        '',
        'gap',
        'class',
        'hops',
        'ack',
        'window',
        'options',
        'id',
        'spoilt',
        'fragment',
      ),
    }),
    { minLength: 1, maxLength: 30 },
  ),
})

const flows = fc.record({
  flows: fc.array(flow, { minLength: 1, maxLength: 5 }),
  order: fc.array(fc.nat(4), { maxLength: 150 }),
})

describe.each(['plain', 'none'] as const)('joining (memory: %s)', (kind) => {
  const arena = arenaOf(ARENA_BYTES, kind)

  it('says the same as the packets, in the order of each flow, whatever flows are interleaved', () => {
    let joined = 0
    fc.assert(
      fc.property(flows, (made) => {
        const packets = interleave(made.flows.map(packetsOf), made.order)
        const writes = writesOf(arena, packets)
        expect(contradiction(packets, writes)).toBeNull()
        joined += packets.length - writes.length
      }),
      { numRuns: 200 },
    )
    expect(joined).toBeGreaterThan(200)
  })

  it('joins as much of a single flow as the slow twin', () => {
    fc.assert(
      fc.property(flow, (made) => {
        const packets = packetsOf(made, 0)
        const ours = writesOf(arena, packets)
        const theirs = coalesce(packets)
        expect(ours.length).toBe(theirs.length)
        for (const [i, write] of theirs.entries()) {
          expect(ours[i]!.header).toEqual(write.header)
          expect(Buffer.compare(ours[i]!.packet, write.packet)).toBe(0)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('leaves the batch as it was', () => {
    const packets = run({ count: 10 })
    const batch = batchOf(arena, PACKETS_AT, packets)
    const before = arena.bytes.slice(PACKETS_AT, PACKETS_AT + 20_000)
    writesOf(arena, packets)
    expect(arena.bytes.slice(PACKETS_AT, PACKETS_AT + 20_000)).toEqual(before)
    expect(batch.count).toBe(10)
  })

  it('counts the headers, too', () => {
    // 47 payloads alone would fit.
    const writes = writesOf(arena, run({ count: 47, size: 1394 }))
    expect(writes.map((write) => write.packet.length)).toEqual([40 + 46 * 1394, 40 + 1394])
  })

  it('stops at 65 535 bytes, at 64 datagrams, and after 256 packets begins anew', () => {
    expect(writesOf(arena, run({ count: 60 })).map((write) => write.packet.length)).toEqual([
      40 + 47 * 1380,
      40 + 13 * 1380,
    ])
    expect(writesOf(arena, run({ count: 100, protocol: 'udp', size: 20 })).map((write) => write.packet.length)).toEqual(
      [28 + 64 * 20, 28 + 36 * 20],
    )
    expect(writesOf(arena, run({ count: 256, size: 20 })).map((write) => write.packet.length)).toEqual([
      40 + 255 * 20,
      40 + 20,
    ])
    expect(writesOf(arena, run({ count: 300, size: 20 })).length).toBe(3)
  })

  it('joins only kinds that are enabled', () => {
    const packets = interleave([run({ count: 5 }), run({ count: 5, protocol: 'udp' })], [0, 1, 0, 1])
    expect(writesOf(arena, packets, TCP4).length).toBe(6)
    expect(writesOf(arena, packets, UDP4).length).toBe(6)
    expect(writesOf(arena, packets, TCP6 | UDP6).length).toBe(10)
    expect(writesOf(arena, packets, 0).length).toBe(10)
  })

  it('keeps a fragment where it is among the packets it may belong to', () => {
    const packets = run({ count: 4 })
    const fragment = packetOf({ version: 4, protocol: 'tcp', payload: payloadOf(8), dontFragment: false })
    fragment[6] = 0x20
    const writes = writesOf(arena, [packets[0]!, packets[1]!, fragment, packets[2]!, packets[3]!])
    expect(writes.map((write) => write.packet.length)).toEqual([40 + 2 * 1380, fragment.length, 40 + 2 * 1380])
  })

  it('lets other protocols pass without ending a run', () => {
    const packets = run({ count: 4 })
    const icmp = packets[0]!.with(9, 1)
    const writes = writesOf(arena, [packets[0]!, icmp, packets[1]!, packets[2]!, icmp, packets[3]!])
    expect(writes.map((write) => write.packet.length)).toEqual([40 + 4 * 1380, icmp.length, icmp.length])
  })
})

function run({
  count,
  protocol = 'tcp',
  size = 1380,
}: {
  count: number
  protocol?: 'tcp' | 'udp'
  size?: number
}): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    packetOf({ version: 4, protocol, payload: payloadOf(size, i), sequence: 1000 + i * size, id: i }),
  )
}

/** The flow with this number as packets. */
function packetsOf(made: typeof flow extends fc.Arbitrary<infer T> ? T : never, number: number): Uint8Array[] {
  let sequence = 0xffff_f000
  let id = 65_530
  return made.steps.map(({ length, flags, oddity }, i) => {
    const bytes = { full: made.size, short: 7, longer: made.size + 1, none: 0 }[length]
    const { version, protocol, dontFragment, options } = made
    if (oddity === 'gap') sequence += 1
    if (oddity === 'id') id += 5
    const one: PacketOptions = {
      version,
      protocol,
      dontFragment,
      options,
      flags,
      payload: payloadOf(bytes, i),
      port: 80 + number,
      sequence: sequence >>> 0,
      id: id & 0xffff,
      trafficClass: oddity === 'class' ? 2 : 0,
      hops: oddity === 'hops' ? 63 : 64,
      ack: oddity === 'ack' ? 2 : 1,
      window: oddity === 'window' ? 400 : 500,
      ...(oddity === 'options' && { options: payloadOf(12, 9) }),
    }
    const packet = packetOf(one)
    if (oddity === 'spoilt') packet[packet.length - 1]! ^= 4
    if (oddity === 'fragment' && version === 4) packet[6]! |= 0x20
    sequence += bytes
    id += 1
    return packet
  })
}

function interleave(queues: Uint8Array[][], order: readonly number[]): Uint8Array[] {
  const left = queues.map((queue) => [...queue])
  const packets: Uint8Array[] = []
  for (const which of order) {
    const next = left[which % left.length]!.shift()
    if (next !== undefined) packets.push(next)
  }
  return [...packets, ...left.flat()]
}

/** What would be written, read back from the iovecs. */
function writesOf(arena: Arena, packets: readonly Uint8Array[], enabled = ALL): Write[] {
  const layout = layOut(REGION)
  const routines = loadRoutines(arena)
  const plan = new Coalescer(routines, arena.bytes, enabled)
  const base = 0x7fff_1234_5000
  const gatherer = new Gatherer(routines, arena.bytes, base, layout, true)
  const batch = batchOf(arena, PACKETS_AT, packets)
  const writes: Write[] = []
  for (let start = 0; start < batch.count; start += 256) {
    plan.plan(batch, start, Math.min(batch.count, start + 256))
    for (let group = 0; group < plan.groupCount; group++) {
      const lead = start + plan.leads[group]!
      let count = gatherer.plainCount
      let address = gatherer.plainAddress
      if (plan.counts[group] === 1) {
        gatherer.plain(batch.offsets[lead]!, batch.lengths[lead]!)
      } else {
        count = gatherer.joined(plan, group, batch)
        address = gatherer.joinedAddress
      }
      const bytes = gathered(arena, address - base, count, base)
      writes.push({ header: readVirtioHeader(bytes), packet: bytes.slice(10) })
    }
  }
  return writes
}

function gathered(arena: Arena, iovecs: number, count: number, base: number): Uint8Array {
  const view = new DataView(arena.bytes.buffer)
  const parts: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const offset = Number(view.getBigUint64(iovecs + i * 16, true)) - base
    parts.push(arena.bytes.subarray(offset, offset + Number(view.getBigUint64(iovecs + i * 16 + 8, true))))
  }
  return Uint8Array.from(Buffer.concat(parts))
}
