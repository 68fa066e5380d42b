/** {@link Routines} in plain JavaScript: for an arena without a WebAssembly.Memory, and as a check of the other. */
import { ALONE, BARRIER, OTHER, type Routines } from './routines.js'

const TCP = 6
const UDP = 17
const CWR = 0x80
const ACK = 0x10
const PSH = 0x08
const FIN = 0x01

export function javascriptRoutines(bytes: Uint8Array): Routines {
  return {
    name: 'js',
    sum: (at, length) => fold(words(bytes, at, length)),
    copySum(from, to, length) {
      bytes.copyWithin(to, from, from + length)
      return fold(words(bytes, from, length))
    },
    cut(packet, length, headers, transport, isTcp, size, first, count, to, stride) {
      for (let k = first; k < first + count; k++, to += stride) {
        const offset = k * size
        const payload = Math.min(size, length - headers - offset)
        bytes.copyWithin(to, packet, packet + headers)
        bytes.copyWithin(to + headers, packet + headers + offset, packet + headers + offset + payload)
        const isLast = headers + offset + payload === length
        if (isTcp) patchTcp(bytes, to + transport, offset, isLast)
        else write16(bytes, to + transport + 4, 8 + payload)
        finish(bytes, to, transport, headers + payload, isTcp ? TCP : UDP, k)
      }
    },
    inspect: (packet, length) => inspect(bytes, packet, length),
    follows: (lead, next, headers, payload, nth) => (follows(bytes, lead, next, headers, payload, nth) ? 1 : 0),
  }
}

function patchTcp(bytes: Uint8Array, tcp: number, offset: number, isLast: boolean): void {
  write32(bytes, tcp + 4, read32(bytes, tcp + 4) + offset)
  if (!isLast) bytes[tcp + 13]! &= ~(FIN | PSH)
  if (offset > 0) bytes[tcp + 13]! &= ~CWR
}

/** Lengths, the id of the `nth` segment, and checksums. */
function finish(
  bytes: Uint8Array,
  packet: number,
  transport: number,
  length: number,
  protocol: number,
  nth: number,
): void {
  if (bytes[packet]! >> 4 === 4) {
    write16(bytes, packet + 2, length)
    write16(bytes, packet + 4, read16(bytes, packet + 4) + nth)
    write16(bytes, packet + 10, 0)
    write16(bytes, packet + 10, ~fold(words(bytes, packet, transport)))
  } else {
    write16(bytes, packet + 4, length - 40)
  }
  const field = packet + transport + (protocol === TCP ? 16 : 6)
  write16(bytes, field, 0)
  const value = ~fold(transportSum(bytes, packet, transport, length, protocol)) & 0xffff
  write16(bytes, field, protocol === UDP && value === 0 ? 0xffff : value)
}

function inspect(bytes: Uint8Array, packet: number, length: number): number {
  if (length < 20) return BARRIER
  const version = bytes[packet]! >> 4
  if (version !== 4 && (version !== 6 || length < 40)) return BARRIER
  const protocol = bytes[packet + (version === 4 ? 9 : 6)]!
  const transport = version === 4 ? 20 : 40
  if (protocol !== TCP && protocol !== UDP) return version === 4 || protocol === 58 || protocol === 59 ? OTHER : BARRIER
  if (version === 4) {
    const isFragment = (read16(bytes, packet + 6) & 0x3fff) !== 0
    if (bytes[packet] !== 0x45 || isFragment || read16(bytes, packet + 2) !== length) return BARRIER
  } else if (read16(bytes, packet + 4) + 40 !== length) {
    return BARRIER
  }
  const segment = length - transport
  if (segment < (protocol === TCP ? 20 : 8)) return BARRIER

  const alone = (hashFlow(bytes, packet, transport, protocol) << 8) | ALONE
  const start = packet + transport
  const header = protocol === TCP ? (bytes[start + 12]! >> 4) * 4 : 8
  if (header >= segment) return alone
  if (protocol === TCP) {
    if (header < 20 || (bytes[start + 12]! & 15) !== 0 || (bytes[start + 13]! & ~PSH) !== ACK) return alone
  } else if (read16(bytes, start + 4) !== segment || read16(bytes, start + 6) === 0) {
    return alone
  }
  if (version === 4 && fold(words(bytes, packet, 20)) !== 0xffff) return alone
  if (fold(transportSum(bytes, packet, transport, length, protocol)) !== 0xffff) return alone
  return (alone & 0xff00) | (transport + header)
}

function follows(
  bytes: Uint8Array,
  lead: number,
  next: number,
  headers: number,
  payload: number,
  nth: number,
): boolean {
  const isV4 = bytes[lead]! >> 4 === 4
  const transport = isV4 ? 20 : 40
  const isTcp = headers > transport + 8
  for (let i = 0; i < headers; i++) {
    const differs = bytes[lead + i]! ^ bytes[next + i]!
    if (differs !== 0 && !mayDiffer(i, isV4, i - transport, isTcp, differs)) return false
  }
  if (isV4 && (bytes[lead + 6]! & 0x40) === 0) {
    if (read16(bytes, next + 4) !== ((read16(bytes, lead + 4) + nth) & 0xffff)) return false
  }
  return !isTcp || read32(bytes, next + transport + 4) === (read32(bytes, lead + transport + 4) + payload) >>> 0
}

/** At offset `i`, which is `t` of the TCP or UDP header: lengths, checksums, id, sequence number, PSH. */
function mayDiffer(i: number, isV4: boolean, t: number, isTcp: boolean, bits: number): boolean {
  if (t < 0) return isV4 ? (i >= 2 && i < 6) || i === 10 || i === 11 : i === 4 || i === 5
  if (!isTcp) return t >= 4
  return (t >= 4 && t < 8) || t === 16 || t === 17 || (t === 13 && bits === PSH)
}

function hashFlow(bytes: Uint8Array, packet: number, transport: number, protocol: number): number {
  let hash = Math.imul(protocol ^ read32le(bytes, packet + transport), 0x9e3779b1)
  for (let i = transport === 20 ? 12 : 8; i < transport; i += 4) {
    hash = Math.imul(hash ^ read32le(bytes, packet + i), 0x9e3779b1)
  }
  return hash >>> 24
}

function transportSum(bytes: Uint8Array, packet: number, transport: number, length: number, protocol: number): number {
  const addresses = bytes[packet]! >> 4 === 6 ? 8 : 12
  const pseudo = words(bytes, packet + addresses, addresses === 8 ? 32 : 8) + protocol + length - transport
  return pseudo + words(bytes, packet + transport, length - transport)
}

/** Big-endian words, unfolded; an odd last byte is the upper half of a word. */
function words(bytes: Uint8Array, at: number, length: number): number {
  let sum = 0
  const end = at + (length & ~1)
  for (let i = at; i < end; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  return (length & 1) === 0 ? sum : sum + (bytes[end]! << 8)
}

function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return sum
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0
}

function read32le(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16)
  write16(bytes, at + 2, value)
}
