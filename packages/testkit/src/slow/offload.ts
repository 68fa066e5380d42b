/**
 * TUN offloads as the specification of `struct virtio_net_hdr` and the RFCs have them, one byte array per packet.
 *
 * Out of the interface comes one large packet with a header that says how to cut it ({@link segment}); into it may go
 * one large packet that stands for many ({@link coalesce}). Cutting what was joined gives back every packet, byte for byte.
 */
import { checksum, onesComplementSum, pseudoHeader, transportChecksum } from './checksum.js'

export const NEEDS_CSUM = 1
export const GSO_NONE = 0
export const GSO_TCPV4 = 1
export const GSO_TCPV6 = 4
export const GSO_UDP_L4 = 5
/** Or-ed to a TCP type: the first segment alone carries CWR. */
export const GSO_ECN = 0x80

export const VIRTIO_HEADER_BYTES = 10

/** `struct virtio_net_hdr`: ten bytes, little-endian, before every packet of a TUN opened with IFF_VNET_HDR. */
export interface VirtioHeader {
  readonly flags: number
  readonly gsoType: number
  readonly hdrLen: number
  readonly gsoSize: number
  readonly csumStart: number
  readonly csumOffset: number
}

export const PLAIN: VirtioHeader = { flags: 0, gsoType: GSO_NONE, hdrLen: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 }

export function readVirtioHeader(bytes: Uint8Array, at = 0): VirtioHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, VIRTIO_HEADER_BYTES)
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    hdrLen: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
  }
}

export function writeVirtioHeader(bytes: Uint8Array, header: VirtioHeader, at = 0): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, VIRTIO_HEADER_BYTES)
  view.setUint8(0, header.flags)
  view.setUint8(1, header.gsoType)
  view.setUint16(2, header.hdrLen, true)
  view.setUint16(4, header.gsoSize, true)
  view.setUint16(6, header.csumStart, true)
  view.setUint16(8, header.csumOffset, true)
}

/** The packets that one read of the interface stands for; none when header and packet contradict each other. */
export function segment(header: VirtioHeader, packet: Uint8Array): Uint8Array[] {
  if (header.gsoType === GSO_NONE) return completeChecksum(header, packet)
  const type = header.gsoType & ~GSO_ECN
  const version = packet[0]! >>> 4
  const isTcp = (type === GSO_TCPV4 && version === 4) || (type === GSO_TCPV6 && version === 6)
  const isUdp = type === GSO_UDP_L4 && (version === 4 || version === 6)
  const transport = header.csumStart
  if (!isTcp && !isUdp) return []
  if (header.gsoSize === 0 || (header.flags & NEEDS_CSUM) === 0) return []
  if (header.csumOffset !== (isTcp ? 16 : 6)) return []
  if (transport < (version === 4 ? 20 : 40) || packet.length < transport + (isTcp ? 20 : 8)) return []
  // hdr_len of the sender is only a hint: the true length is in the packet.
  const headers = transport + (isTcp ? (packet[transport + 12]! >>> 4) * 4 : 8)
  if (headers < transport + (isTcp ? 20 : 8) || headers >= packet.length) return []

  const pieces: Uint8Array[] = []
  for (let at = headers; at < packet.length; at += header.gsoSize) {
    const payload = packet.subarray(at, at + header.gsoSize)
    const piece = Uint8Array.from([...packet.subarray(0, headers), ...payload])
    const isFirst = at === headers
    const isLast = at + header.gsoSize >= packet.length
    if (isTcp) {
      write32(piece, transport + 4, read32(packet, transport + 4) + (at - headers))
      if (!isLast) piece[transport + 13]! &= ~(FIN | PSH)
      if (!isFirst) piece[transport + 13]! &= ~CWR
    } else {
      write16(piece, transport + 4, 8 + payload.length)
    }
    finishIp(piece, pieces.length)
    finishTransport(piece, transport, isTcp ? TCP : UDP)
    pieces.push(piece)
  }
  return pieces
}

/** May `next` follow `first` as a further segment, if everything between them was as long as `first`? */
export function mayCoalesce(
  first: Uint8Array,
  next: Uint8Array,
  payloadBetween: number = payloadLength(first),
): boolean {
  const a = parse(first)
  const b = parse(next)
  if (a === null || b === null || a.protocol !== b.protocol || a.version !== b.version) return false
  const sizesFit = a.payload.length > 0 && b.payload.length > 0 && b.payload.length <= a.payload.length
  if (!sizesFit) return false

  // Everything equal but what segmentation itself writes: lengths, checksums, IPv4 id, sequence number, PSH.
  const lastFlags = b.protocol === TCP ? next[b.transport + 13]! : 0
  if (b.protocol === TCP) {
    if (first[a.transport + 13] !== ACK || (lastFlags & ~PSH) !== ACK) return false
    const expected = (read32(first, a.transport + 4) + payloadBetween) >>> 0
    if (read32(next, b.transport + 4) !== expected) return false
  }
  if (a.version === 4) {
    const dontFragment = (first[6]! & 0x40) !== 0
    const steps = payloadBetween / a.payload.length
    // Without DF the identification has a meaning (RFC 6864), and segmentation counts it up.
    if (!dontFragment && read16(next, 4) !== ((read16(first, 4) + steps) & 0xffff)) return false
  }
  const left = blank(first, a)
  const right = blank(next, b)
  return left.length === right.length && left.every((byte, i) => byte === right[i])
}

export interface Write {
  readonly header: VirtioHeader
  readonly packet: Uint8Array
}

/** Joins neighbours as far as {@link mayCoalesce} and the length fields of IP allow. Order is kept. */
export function coalesce(packets: readonly Uint8Array[]): Write[] {
  const writes: Write[] = []
  for (let start = 0; start < packets.length;) {
    const first = packets[start]!
    const size = payloadLength(first)
    let end = start + 1
    let payload = size
    let total = first.length
    while (end < packets.length) {
      const next = packets[end]!
      const runIsOpen = payload === size * (end - start) && !hasPush(packets[end - 1]!)
      if (!runIsOpen || !mayCoalesce(first, next, payload) || total + payloadLength(next) > 65535) break
      payload += payloadLength(next)
      total += payloadLength(next)
      end++
    }
    writes.push(end - start === 1 ? { header: PLAIN, packet: first.slice() } : join(packets.slice(start, end)))
    start = end
  }
  return writes
}

/**
 * Do `writes` say the same as `packets`, whatever was joined? `null` when they do, else what is wrong.
 * The order must hold within a flow; between flows it is free. With DF set the IPv4 id is the segmenter's to choose.
 */
export function contradiction(packets: readonly Uint8Array[], writes: readonly Write[]): string | null {
  const expected = byFlow(packets)
  const cut: Uint8Array[] = []
  for (const [i, write] of writes.entries()) {
    const pieces = segment(write.header, write.packet)
    if (pieces.length === 0) return `write ${i} cannot be segmented`
    cut.push(...pieces)
  }
  const actual = byFlow(cut)
  for (const [flow, want] of expected) {
    const got = actual.get(flow) ?? []
    if (got.length !== want.length) return `flow ${flow}: ${want.length} packets became ${got.length}`
    for (const [i, packet] of want.entries()) {
      const [left, right] = [withoutFreeId(packet), withoutFreeId(got[i]!)]
      if (left.length !== right.length) return `flow ${flow}, packet ${i}: ${left.length} bytes became ${right.length}`
      const at = left.findIndex((byte, k) => byte !== right[k])
      if (at >= 0) return `flow ${flow}, packet ${i}: byte ${at} changed`
    }
    actual.delete(flow)
  }
  return actual.size === 0 ? null : `packets of ${[...actual.keys()].join(', ')} came from nowhere`
}

const TCP = 6
const UDP = 17
const FIN = 0x01
const PSH = 0x08
const ACK = 0x10
const CWR = 0x80

interface Parsed {
  readonly version: 4 | 6
  readonly protocol: number
  /** Offset of the TCP or UDP header. */
  readonly transport: number
  readonly payload: Uint8Array
}

/** A TCP or UDP packet that offloads can describe: plain IP header, whole, right lengths and right checksums. */
function parse(packet: Uint8Array): Parsed | null {
  const version = packet.length > 0 ? packet[0]! >>> 4 : 0
  if (version !== 4 && version !== 6) return null
  const transport = version === 4 ? 20 : 40
  if (packet.length < transport) return null
  const protocol = packet[version === 4 ? 9 : 6]!
  if (version === 4) {
    const isFragment = (read16(packet, 6) & 0x3fff) !== 0
    if (packet[0] !== 0x45 || read16(packet, 2) !== packet.length || isFragment) return null
    if (onesComplementSum(packet.subarray(0, 20)) !== 0xffff) return null
  } else if (read16(packet, 4) + 40 !== packet.length) {
    return null
  }
  if (protocol !== TCP && protocol !== UDP) return null
  const segmentBytes = packet.subarray(transport)
  if (segmentBytes.length < (protocol === TCP ? 20 : 8)) return null
  const headerLength = protocol === TCP ? (segmentBytes[12]! >>> 4) * 4 : 8
  if (headerLength < (protocol === TCP ? 20 : 8) || headerLength > segmentBytes.length) return null
  if (protocol === UDP && (read16(segmentBytes, 4) !== segmentBytes.length || read16(segmentBytes, 6) === 0))
    return null
  const [source, destination] = addresses(packet)
  const pseudo = pseudoHeader(source, destination, protocol, segmentBytes.length)
  if (onesComplementSum(Uint8Array.from([...pseudo, ...segmentBytes])) !== 0xffff) return null
  return { version, protocol, transport, payload: segmentBytes.subarray(headerLength) }
}

function payloadLength(packet: Uint8Array): number {
  return parse(packet)?.payload.length ?? 0
}

function hasPush(packet: Uint8Array): boolean {
  const parsed = parse(packet)
  return parsed !== null && parsed.protocol === TCP && (packet[parsed.transport + 13]! & PSH) !== 0
}

/** The headers with zeros where segments of one packet may differ. */
function blank(packet: Uint8Array, { version, protocol, transport, payload }: Parsed): Uint8Array {
  const headers = packet.slice(0, packet.length - payload.length)
  const zero = version === 4 ? [2, 3, 4, 5, 10, 11] : [4, 5]
  zero.push(...(protocol === TCP ? [4, 5, 6, 7, 13, 16, 17] : [4, 5, 6, 7]).map((at) => transport + at))
  for (const at of zero) headers[at] = 0
  return headers
}

/** One large packet for a run of at least two. */
function join(run: readonly Uint8Array[]): Write {
  const first = run[0]!
  const { version, protocol, transport, payload } = parse(first)!
  const headers = first.length - payload.length
  const packet = Uint8Array.from([...first.subarray(0, headers), ...run.flatMap((one) => [...one.subarray(headers)])])
  if (protocol === TCP) packet[transport + 13]! |= run.at(-1)![transport + 13]! & PSH
  else write16(packet, transport + 4, packet.length - transport)
  finishIp(packet, 0)
  const csumOffset = protocol === TCP ? 16 : 6
  const [source, destination] = addresses(packet)
  // The interface adds the sum of the segment: the field holds that of the pseudo-header, not inverted.
  const partial = onesComplementSum(pseudoHeader(source, destination, protocol, packet.length - transport))
  write16(packet, transport + csumOffset, partial)
  const tcpType = version === 4 ? GSO_TCPV4 : GSO_TCPV6
  const gsoType = protocol === TCP ? tcpType : GSO_UDP_L4
  const header = {
    flags: NEEDS_CSUM,
    gsoType,
    hdrLen: headers,
    gsoSize: payload.length,
    csumStart: transport,
    csumOffset,
  }
  return { header, packet }
}

/** A packet that is not to be cut: at most its checksum is unfinished. */
function completeChecksum(header: VirtioHeader, packet: Uint8Array): Uint8Array[] {
  const done = packet.slice()
  if ((header.flags & NEEDS_CSUM) === 0) return [done]
  const field = header.csumStart + header.csumOffset
  if (field + 2 > packet.length) return []
  // The field takes part in the sum with what the sender left there: the sum of the pseudo-header.
  const value = checksum(packet.subarray(header.csumStart))
  const isUdp = header.csumOffset === 6
  write16(done, field, isUdp && value === 0 ? 0xffff : value)
  return [done]
}

/** Length, identification of the `nth` segment and header checksum, or the payload length of IPv6. */
function finishIp(packet: Uint8Array, nth: number): void {
  if (packet[0]! >>> 4 === 6) {
    write16(packet, 4, packet.length - 40)
    return
  }
  const headerLength = (packet[0]! & 15) * 4
  write16(packet, 2, packet.length)
  write16(packet, 4, read16(packet, 4) + nth)
  write16(packet, 10, 0)
  write16(packet, 10, checksum(packet.subarray(0, headerLength)))
}

function finishTransport(packet: Uint8Array, transport: number, protocol: number): void {
  const field = transport + (protocol === TCP ? 16 : 6)
  const [source, destination] = addresses(packet)
  write16(packet, field, 0)
  write16(packet, field, transportChecksum(source, destination, protocol, packet.subarray(transport)))
}

function addresses(packet: Uint8Array): [Uint8Array, Uint8Array] {
  return packet[0]! >>> 4 === 4
    ? [packet.subarray(12, 16), packet.subarray(16, 20)]
    : [packet.subarray(8, 24), packet.subarray(24, 40)]
}

function byFlow(packets: readonly Uint8Array[]): Map<string, Uint8Array[]> {
  const flows = new Map<string, Uint8Array[]>()
  for (const packet of packets) {
    const parsed = parse(packet)
    const ports = parsed === null ? '' : packet.subarray(parsed.transport, parsed.transport + 4).join('.')
    const name =
      parsed === null ? 'other' : `${addresses(packet).join(' to ')} protocol ${parsed.protocol} ports ${ports}`
    flows.set(name, [...(flows.get(name) ?? []), packet])
  }
  return flows
}

function withoutFreeId(packet: Uint8Array): Uint8Array {
  if (parse(packet)?.version !== 4 || (packet[6]! & 0x40) === 0) return packet
  const copy = packet.slice()
  copy.fill(0, 4, 6)
  copy.fill(0, 10, 12)
  return copy
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function read32(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 65536 + read16(bytes, at + 2)
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 0xff
  bytes[at + 1] = value & 0xff
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, (value >>> 16) & 0xffff)
  write16(bytes, at + 2, value & 0xffff)
}
