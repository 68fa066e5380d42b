import * as fc from 'fast-check'
import { onesComplementSum } from '@wireweave/testkit/slow/checksum'
import { GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, mayCoalesce, NEEDS_CSUM, segment } from '@wireweave/testkit/slow/offload'
import { describe, expect, it } from 'vitest'
import { ALONE, BARRIER, OTHER } from '../src/routines.js'
import { ACK, CWR, everyRoutines, FIN, packetOf, payloadOf, PSH } from './packets.js'

const MEMORY = 4 * 65536
const GUARD = 0xa5

const options = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.constantFrom('tcp' as const, 'udp' as const))
  .chain(([version, protocol]) =>
    fc.record({
      version: fc.constant(version),
      protocol: fc.constant(protocol),
      payload: fc.uint8Array({ maxLength: 300 }),
      port: fc.constantFrom(80, 81),
      sequence: fc.constantFrom(1000, 1010, 0xffffffff, 9),
      ack: fc.constantFrom(1, 2),
      flags: fc.constantFrom(ACK, ACK, ACK | PSH, ACK | FIN, CWR | ACK),
      window: fc.constantFrom(500, 501),
      options: fc.constantFrom(new Uint8Array(0), payloadOf(12), payloadOf(12, 1), payloadOf(40)),
      id: fc.constantFrom(7, 8, 0xffff),
      dontFragment: fc.boolean(),
      trafficClass: fc.constantFrom(0, 1),
      hops: fc.constantFrom(64, 63),
      noChecksum: fc.constantFrom(false, false, false, true),
    }),
  )

describe.each(everyRoutines(MEMORY))('$name', ({ bytes, routines }) => {
  it('sums and copies any stretch at any alignment, and touches nothing else', () => {
    const stretch = fc.record({
      from: fc.integer({ min: 64, max: 127 }),
      to: fc.integer({ min: 65536, max: 65536 + 63 }),
      data: fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ max: 60_000, min: 0 }).map((n) => payloadOf(n, n)),
      ),
    })
    fc.assert(
      fc.property(stretch, ({ from, to, data }) => {
        bytes.fill(GUARD, to - 16, to + data.length + 64)
        bytes.set(data, from)
        expect(routines.sum(from, data.length)).toBe(onesComplementSum(data))
        expect(routines.copySum(from, to, data.length)).toBe(onesComplementSum(data))
        expect(Buffer.compare(bytes.subarray(to, to + data.length), data)).toBe(0)
        expect(bytes.subarray(to - 16, to).every((byte) => byte === GUARD)).toBe(true)
        expect(bytes.subarray(to + data.length, to + data.length + 64).every((byte) => byte === GUARD)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  it('sums 64 KiB of ones without losing a carry', () => {
    bytes.fill(0xff, 0, 65536)
    expect(routines.sum(0, 65535)).toBe(onesComplementSum(new Uint8Array(65535).fill(0xff)))
    expect(routines.sum(0, 65536)).toBe(0xffff)
  })

  it('sums up to the last byte of the memory', () => {
    for (let length = 0; length < 70; length++) {
      const data = payloadOf(length, 3)
      bytes.set(data, MEMORY - length)
      expect(routines.sum(MEMORY - length, length)).toBe(onesComplementSum(data))
    }
  })

  it('cuts as the slow twin does, from any segment on', () => {
    const large = fc.record({ packet: options, size: fc.integer({ min: 1, max: 120 }), skip: fc.nat(), take: fc.nat() })
    fc.assert(
      fc.property(large, ({ packet: made, size, skip, take }) => {
        fc.pre(made.payload.length > 0)
        const packet = packetOf(made)
        const isTcp = made.protocol === 'tcp'
        const transport = made.version === 4 ? 20 : 40
        const gsoType = isTcp ? (made.version === 4 ? GSO_TCPV4 : GSO_TCPV6) : GSO_UDP_L4
        const csumOffset = isTcp ? 16 : 6
        const virtio = { flags: NEEDS_CSUM, gsoType, hdrLen: 0, gsoSize: size, csumStart: transport, csumOffset }
        const expected = segment(virtio, packet)
        const first = skip % expected.length
        const count = 1 + (take % (expected.length - first))
        const headers = packet.length - made.payload.length
        const stride = 512
        const to = 65536
        bytes.set(packet, 33)
        bytes.fill(GUARD, to, to + 300 * stride)
        routines.cut(33, packet.length, headers, transport, isTcp ? 1 : 0, size, first, count, to, stride)
        for (let k = 0; k < count; k++) {
          const want = expected[first + k]!
          const at = to + k * stride
          expect(bytes.slice(at, at + want.length)).toEqual(want)
          expect(bytes[at + want.length]).toBe(GUARD)
        }
        expect(bytes[to + count * stride]).toBe(GUARD)
        expect(bytes.slice(33, 33 + packet.length)).toEqual(packet)
      }),
      { numRuns: 300 },
    )
  })

  it('cuts no datagram with a checksum of zero, which would mean none', () => {
    const virtio = { flags: NEEDS_CSUM, gsoType: GSO_UDP_L4, hdrLen: 0, gsoSize: 2, csumStart: 20, csumOffset: 6 }
    const packet = packetOf({ version: 4, protocol: 'udp', payload: new Uint8Array(4) })
    const view = new DataView(packet.buffer)
    // With its own checksum as payload the sum of a segment is all ones.
    const value = new DataView(segment(virtio, packet)[0]!.buffer).getUint16(26)
    view.setUint16(28, value)
    view.setUint16(30, value)
    bytes.set(packet, 0)
    routines.cut(0, packet.length, 28, 20, 0, 2, 0, 2, 4096, 64)
    for (const at of [4096, 4096 + 64]) expect([bytes[at + 26], bytes[at + 27]]).toEqual([0xff, 0xff])
  })

  it('joins exactly what the slow twin would', () => {
    const pair = fc.record({
      first: options,
      change: fc.boolean(),
      second: options,
      split: fc.nat(),
      spoil: fc.option(fc.nat()),
    })
    let joined = 0
    fc.assert(
      fc.property(pair, ({ first, change, second, spoil }) => {
        const lead = packetOf(first)
        const rightful = { ...first, payload: payloadOf(first.payload.length >> 1), id: (first.id + 1) & 0xffff }
        const sequence = (first.sequence + first.payload.length) >>> 0
        const next = packetOf(
          change
            ? { ...rightful, ...pick(second, spoil ?? 0), payload: rightful.payload, sequence }
            : { ...rightful, sequence },
        )
        if (spoil !== null && !change) next[spoil % next.length]! ^= 1
        bytes.set(lead, 101)
        bytes.set(next, 2003)
        const a = routines.inspect(101, lead.length) & 0xff
        const b = routines.inspect(2003, next.length) & 0xff
        const isOpen = first.protocol === 'udp' || first.flags === ACK
        const ours = a > ALONE && a === b && isOpen && routines.follows(101, 2003, a, first.payload.length, 1) === 1
        expect(ours).toBe(mayCoalesce(lead, next))
        if (ours) joined++
      }),
      { numRuns: 2000 },
    )
    expect(joined).toBeGreaterThan(20)
  })

  it('tells what is of no flow, of an unknown flow, and not to be joined', () => {
    const inspect = (packet: Uint8Array): number => {
      bytes.set(packet, 7)
      return routines.inspect(7, packet.length)
    }
    const good = packetOf({ version: 4, protocol: 'tcp', payload: payloadOf(10) })
    const changed = (...[at, value]: [number, number]): Uint8Array => good.with(at, value)
    expect(inspect(good) & 0xff).toBe(40)
    expect(inspect(changed(9, 1))).toBe(OTHER)
    expect(inspect(changed(0, 0x46))).toBe(BARRIER)
    expect(inspect(changed(6, 0x20))).toBe(BARRIER)
    expect(inspect(good.subarray(0, 45))).toBe(BARRIER)
    expect(inspect(good.subarray(0, 3))).toBe(BARRIER)
    expect(inspect(changed(45, 0xaa)) & 0xff).toBe(ALONE)
    expect(inspect(packetOf({ version: 6, protocol: 'udp', payload: payloadOf(10), noChecksum: true })) & 0xff).toBe(
      ALONE,
    )
    const v6 = packetOf({ version: 6, protocol: 'tcp', payload: payloadOf(10) })
    expect(inspect(v6) & 0xff).toBe(60)
    expect(inspect(v6.with(6, 44))).toBe(BARRIER)
    expect(inspect(v6.with(6, 58))).toBe(OTHER)
    const sameFlow = packetOf({ version: 4, protocol: 'tcp', payload: payloadOf(99), flags: ACK | FIN, sequence: 5 })
    expect(inspect(sameFlow) & 0xff).toBe(ALONE)
    expect(inspect(sameFlow) >>> 8).toBe(inspect(good) >>> 8)
  })
})

it('all routines agree on any bytes', () => {
  const all = everyRoutines(65536)
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(options, fc.array(fc.tuple(fc.nat(99), fc.nat(255)), { maxLength: 3 })).map(([made, spots]) => {
      const packet = packetOf(made)
      for (const [at, value] of spots) packet[at % packet.length] = value
      return packet
    }),
  )
  fc.assert(
    fc.property(garbage, (packet) => {
      const answers = all.map(({ bytes, routines }) => {
        bytes.set(packet, 64)
        return routines.inspect(64, packet.length)
      })
      expect(new Set(answers).size).toBe(1)
    }),
    { numRuns: 2000 },
  )
})

it('all routines cut alike behind IPv4 options, also when the header is as long as an IPv6 header', () => {
  for (const transport of [24, 40, 60]) {
    const plain = packetOf({ version: 4, protocol: 'tcp', payload: payloadOf(100) })
    const packet = new Uint8Array(plain.length - 20 + transport)
    packet.set(plain.subarray(0, 20))
    packet[0] = 0x40 | (transport / 4)
    packet.set(plain.subarray(20), transport)
    const cuts = everyRoutines(65536).map(({ bytes, routines }) => {
      bytes.set(packet, 64)
      routines.cut(64, packet.length, transport + 20, transport, 1, 60, 0, 2, 4096, 256)
      return Buffer.from(bytes.subarray(4096, 4096 + 512)).toString('hex')
    })
    expect(new Set(cuts).size).toBe(1)
  }
})

/** One field of `of`. */
function pick<T extends object>(of: T, nth: number): Partial<T> {
  const keys = Object.keys(of) as (keyof T)[]
  const key = keys[nth % keys.length]!
  return { [key]: of[key] } as unknown as Partial<T>
}
