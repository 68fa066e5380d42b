import { describe, expect, test } from 'vitest'
import { checksum, onesComplementSum, pseudoHeader, transportChecksum } from '../../src/slow/checksum.js'
import {
  coalesce,
  contradiction,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  mayCoalesce,
  NEEDS_CSUM,
  readVirtioHeader,
  segment,
  writeVirtioHeader,
} from '../../src/slow/offload.js'

const FIN = 1
const PSH = 8
const ACK = 16
const CWR = 128

describe.each([4, 6] as const)('TCP over IPv%d', (version) => {
  test('segments carry their part, their place and a right checksum', () => {
    const pieces = segmentsOf(version, { payload: 2500, flags: CWR | ACK | PSH | FIN, size: 1000 })
    expect(pieces.map((piece) => payload(piece).length)).toEqual([1000, 1000, 500])
    expect(pieces.map((piece) => sequence(piece))).toEqual([7000, 8000, 9000])
    expect(pieces.map((piece) => flags(piece))).toEqual([CWR | ACK, ACK, ACK | PSH | FIN])
    for (const piece of pieces) expectValid(piece)
    if (version === 4) expect(pieces.map((piece) => word(piece, 4))).toEqual([100, 101, 102])
  })

  test('joining what was cut gives the same segments back', () => {
    const pieces = segmentsOf(version, { payload: 5321, flags: ACK | PSH, size: 1000 })
    const writes = coalesce(pieces)
    expect(writes).toHaveLength(1)
    expect(writes[0]!.header).toMatchObject({ flags: NEEDS_CSUM, gsoSize: 1000, csumOffset: 16 })
    expect(segment(writes[0]!.header, writes[0]!.packet)).toEqual(pieces)
    expect(contradiction(pieces, writes)).toBeNull()
  })

  test('a sequence number wraps around', () => {
    const one = tcp(version, { sequence: 0xffffffff, payload: 100 })
    const two = tcp(version, { sequence: 99, payload: 100, id: 101 })
    expect(mayCoalesce(one, two)).toBe(true)
  })

  test.each([
    ['a gap', { sequence: 7101 }],
    ['a longer segment', { payload: 101 }],
    ['no data', { payload: 0 }],
    ['FIN', { flags: ACK | FIN }],
    ['another window', { window: 501 }],
    ['another traffic class', { trafficClass: 1 }],
    ['another hop limit', { hops: 63 }],
    ['another port', { port: 81 }],
    ['another acknowledgement', { ack: 2 }],
    ['a wrong checksum', { spoil: true }],
  ])('%s ends a run', (_, change) => {
    const one = tcp(version, { payload: 100 })
    const right = { sequence: 7100, payload: 100, id: 101 }
    expect(mayCoalesce(one, tcp(version, right))).toBe(true)
    expect(mayCoalesce(one, tcp(version, { ...right, ...change }))).toBe(false)
  })

  test('PSH is the last of its run', () => {
    const packets = [0, 1, 2, 3].map((i) =>
      tcp(version, { sequence: 7000 + i * 100, payload: 100, id: 100 + i, flags: i === 1 ? ACK | PSH : ACK }),
    )
    expect(coalesce(packets).map((write) => payloadBytes(write.packet))).toEqual([200, 200])
  })
})

test('a short segment ends its run', () => {
  const sizes = [100, 100, 40, 100]
  let at = 7000
  const packets = sizes.map((size, i) => {
    const packet = tcp(4, { sequence: at, payload: size, id: 100 + i })
    at += size
    return packet
  })
  expect(coalesce(packets).map((write) => payloadBytes(write.packet))).toEqual([240, 100])
})

test('without DF the identification must count up, with DF it is free', () => {
  const one = tcp(4, { payload: 100, dontFragment: false })
  expect(mayCoalesce(one, tcp(4, { sequence: 7100, payload: 100, id: 101, dontFragment: false }))).toBe(true)
  expect(mayCoalesce(one, tcp(4, { sequence: 7100, payload: 100, id: 102, dontFragment: false }))).toBe(false)
  expect(mayCoalesce(tcp(4, { payload: 100 }), tcp(4, { sequence: 7100, payload: 100, id: 9 }))).toBe(true)
})

test.each([4, 6] as const)('UDP over IPv%d is cut into datagrams and joined again', (version) => {
  const packet = udp(version, 2500)
  const transport = version === 4 ? 20 : 40
  partial(packet, transport, 17, transport + 6)
  const header = {
    flags: NEEDS_CSUM,
    gsoType: GSO_UDP_L4,
    hdrLen: transport + 8,
    gsoSize: 1200,
    csumStart: transport,
    csumOffset: 6,
  }
  const pieces = segment(header, packet)
  expect(pieces.map((piece) => word(piece, transport + 4))).toEqual([1208, 1208, 108])
  for (const piece of pieces) expectValid(piece)
  const writes = coalesce(pieces)
  expect(writes).toHaveLength(1)
  expect(writes[0]!.header).toEqual(header)
  expect(writes[0]!.packet).toEqual(packet)
})

test('a UDP datagram without a checksum stays alone', () => {
  const one = udp(4, 100)
  one.fill(0, 26, 28)
  expect(mayCoalesce(one, one)).toBe(false)
})

test('only the checksum is missing: it is completed', () => {
  const packet = udp(4, 33)
  const whole = packet.slice()
  partial(packet, 20, 17, 26)
  const header = { flags: NEEDS_CSUM, gsoType: 0, hdrLen: 0, gsoSize: 0, csumStart: 20, csumOffset: 6 }
  expect(segment(header, packet)).toEqual([whole])
})

test('a header that contradicts its packet yields nothing', () => {
  const packet = udp(4, 100)
  const good = { flags: NEEDS_CSUM, gsoType: GSO_UDP_L4, hdrLen: 28, gsoSize: 50, csumStart: 20, csumOffset: 6 }
  expect(segment(good, packet)).toHaveLength(2)
  for (const bad of [
    { gsoSize: 0 },
    { gsoType: GSO_TCPV4 },
    { csumStart: 125 },
    { csumOffset: 16 },
    { gsoType: 9 },
    { flags: 0 },
  ]) {
    expect(segment({ ...good, ...bad }, packet)).toEqual([])
  }
  expect(segment({ ...good, gsoType: 0, csumStart: 200 }, packet)).toEqual([])
})

test('a header survives being written and read', () => {
  const header = { flags: 1, gsoType: 4, hdrLen: 300, gsoSize: 1400, csumStart: 40, csumOffset: 16 }
  const bytes = new Uint8Array(16)
  writeVirtioHeader(bytes, header, 3)
  expect(readVirtioHeader(bytes, 3)).toEqual(header)
})

test('a lost, changed or reordered packet is a contradiction', () => {
  const packets = segmentsOf(4, { payload: 3000, flags: ACK, size: 1000 })
  const alone = packets.map((packet) => coalesce([packet])[0]!)
  expect(contradiction(packets, alone)).toBeNull()
  expect(contradiction(packets, alone.slice(1))).toMatch(/3 packets became 2/)
  expect(contradiction(packets, [alone[1]!, alone[0]!, alone[2]!])).toMatch(/changed/)
  expect(contradiction(packets.slice(0, 0), alone)).toMatch(/nowhere/)
})

interface TcpOptions {
  payload?: number
  sequence?: number
  ack?: number
  flags?: number
  window?: number
  port?: number
  id?: number
  trafficClass?: number
  hops?: number
  dontFragment?: boolean
  spoil?: boolean
}

function tcp(version: 4 | 6, options: TcpOptions): Uint8Array {
  const body = new Uint8Array(32 + (options.payload ?? 0))
  const view = new DataView(body.buffer)
  view.setUint16(0, 4000)
  view.setUint16(2, options.port ?? 80)
  view.setUint32(4, options.sequence ?? 7000)
  view.setUint32(8, options.ack ?? 1)
  view.setUint8(12, 0x80)
  view.setUint8(13, options.flags ?? ACK)
  view.setUint16(14, options.window ?? 500)
  body.set([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], 20)
  for (let i = 32; i < body.length; i++) body[i] = i * 7
  const packet = ip(version, 6, body, options)
  const transport = version === 4 ? 20 : 40
  const [from, to] = addresses(packet)
  view.setUint16(16, transportChecksum(from, to, 6, body) ^ (options.spoil ? 1 : 0))
  packet.set(body, transport)
  return packet
}

function udp(version: 4 | 6, payloadLength: number): Uint8Array {
  const body = new Uint8Array(8 + payloadLength).fill(0x5a, 8)
  const view = new DataView(body.buffer)
  view.setUint16(0, 1000)
  view.setUint16(2, 2000)
  view.setUint16(4, body.length)
  const packet = ip(version, 17, body, {})
  const [from, to] = addresses(packet)
  view.setUint16(6, transportChecksum(from, to, 17, body))
  packet.set(body, version === 4 ? 20 : 40)
  return packet
}

function ip(version: 4 | 6, protocol: number, body: Uint8Array, options: TcpOptions): Uint8Array {
  const header = new Uint8Array(version === 4 ? 20 : 40)
  const view = new DataView(header.buffer)
  const trafficClass = options.trafficClass ?? 0
  if (version === 4) {
    view.setUint8(0, 0x45)
    view.setUint8(1, trafficClass)
    view.setUint16(2, 20 + body.length)
    view.setUint16(4, options.id ?? 100)
    view.setUint16(6, (options.dontFragment ?? true) ? 0x4000 : 0)
    view.setUint8(8, options.hops ?? 64)
    view.setUint8(9, protocol)
    header.set([10, 0, 0, 1, 10, 0, 0, 2], 12)
    view.setUint16(10, checksum(header))
  } else {
    view.setUint32(0, 0x60000000 | (trafficClass << 20))
    view.setUint16(4, body.length)
    view.setUint8(6, protocol)
    view.setUint8(7, options.hops ?? 64)
    header[8] = header[24] = 0xfd
    header[23] = 1
    header[39] = 2
  }
  return Uint8Array.from([...header, ...body])
}

function segmentsOf(version: 4 | 6, options: { payload: number; flags: number; size: number }): Uint8Array[] {
  const packet = tcp(version, options)
  const transport = version === 4 ? 20 : 40
  partial(packet, transport, 6, transport + 16)
  const gsoType = version === 4 ? GSO_TCPV4 : GSO_TCPV6
  // A wrong hdr_len: it is only a hint.
  const header = { flags: NEEDS_CSUM, gsoType, hdrLen: 0, gsoSize: options.size, csumStart: transport, csumOffset: 16 }
  return segment(header, packet)
}

/** Leaves in the checksum field what the kernel leaves there: the sum of the pseudo-header. */
function partial(packet: Uint8Array, transport: number, protocol: number, field: number): void {
  const [from, to] = addresses(packet)
  const sum = onesComplementSum(pseudoHeader(from, to, protocol, packet.length - transport))
  packet[field] = sum >>> 8
  packet[field + 1] = sum & 0xff
}

function addresses(packet: Uint8Array): [Uint8Array, Uint8Array] {
  return packet[0]! >>> 4 === 4
    ? [packet.slice(12, 16), packet.slice(16, 20)]
    : [packet.slice(8, 24), packet.slice(24, 40)]
}

function expectValid(packet: Uint8Array): void {
  const isFour = packet[0]! >>> 4 === 4
  const transport = isFour ? 20 : 40
  expect(word(packet, isFour ? 2 : 4)).toBe(packet.length - (isFour ? 0 : 40))
  if (isFour) expect(onesComplementSum(packet.subarray(0, 20))).toBe(0xffff)
  const [from, to] = addresses(packet)
  const body = packet.subarray(transport)
  const pseudo = pseudoHeader(from, to, packet[isFour ? 9 : 6]!, body.length)
  expect(onesComplementSum(Uint8Array.from([...pseudo, ...body]))).toBe(0xffff)
}

function payload(packet: Uint8Array): Uint8Array {
  const transport = packet[0]! >>> 4 === 4 ? 20 : 40
  return packet.subarray(transport + (packet[transport + 12]! >>> 4) * 4)
}

function payloadBytes(packet: Uint8Array): number {
  return payload(packet).length
}

function sequence(packet: Uint8Array): number {
  const transport = packet[0]! >>> 4 === 4 ? 20 : 40
  return word(packet, transport + 4) * 65536 + word(packet, transport + 6)
}

function flags(packet: Uint8Array): number {
  return packet[(packet[0]! >>> 4 === 4 ? 20 : 40) + 13]!
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
