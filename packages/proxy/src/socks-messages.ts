/** Messages of SOCKS 5 (RFC 1928) and of its passwords (RFC 1929). */
import { isIP } from 'node:net'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import { isHost, withoutMapping } from './address.js'
import type { Target } from './dialer.js'

export const VERSION = 5
export const NO_AUTHENTICATION = 0
export const USERNAME_PASSWORD = 2
export const NO_ACCEPTABLE_METHOD = 0xff
export const PASSWORD_VERSION = 1

export const CONNECT = 1
export const UDP_ASSOCIATE = 3

/** RFC 1928 §6. */
export const REPLY = {
  succeeded: 0,
  failure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const

const IPV4 = 1
const NAME = 3
const IPV6 = 4

/** How many bytes the address takes after its type, and its length if it is a name: `null` for an unknown type. */
export function addressBytes(type: number, nameBytes: number): number | null {
  if (type === IPV4) return 4
  if (type === IPV6) return 16
  return type === NAME ? nameBytes : null
}

export function isName(type: number): boolean {
  return type === NAME
}

/** `null` for a name that is none. */
export function readHost(type: number, bytes: Uint8Array): string | null {
  // A client whose sockets are of both families writes 10.0.0.1 as ::ffff:10.0.0.1.
  if (type !== NAME) return withoutMapping(formatIp(bytes))
  const name = Buffer.from(bytes).toString('latin1')
  return isHost(name) ? name : null
}

/** Version, reply, and the address where the other side sees us. */
export function writeReply(reply: number, address: string | undefined, port: number | undefined): Buffer {
  return Buffer.concat([Buffer.of(VERSION, reply, 0), writeAddress(address ?? '0.0.0.0', port ?? 0)])
}

function writeAddress(address: string, port: number): Buffer {
  const ip = parseIp(withoutMapping(address)) ?? new Uint8Array(4)
  const bytes = Buffer.alloc(1 + ip.length + 2)
  bytes[0] = ip.length === 4 ? IPV4 : IPV6
  bytes.set(ip, 1)
  bytes.writeUInt16BE(port, 1 + ip.length)
  return bytes
}

/** RFC 1928 §7: header and data of a datagram; `null` when it is none, or a fragment, which we leave out as we may. */
export function readDatagram(bytes: Buffer): (Target & { readonly data: Buffer }) | null {
  if (bytes.length < 5 || bytes.readUInt16BE(0) !== 0 || bytes[2] !== 0) return null
  const type = bytes[3]!
  const start = isName(type) ? 5 : 4
  const length = addressBytes(type, bytes[4]!)
  if (length === null || length === 0 || bytes.length < start + length + 2) return null
  const host = readHost(type, bytes.subarray(start, start + length))
  const port = bytes.readUInt16BE(start + length)
  return host === null || port === 0 ? null : { host, port, data: bytes.subarray(start + length + 2) }
}

export function writeDatagram(data: Uint8Array, from: { readonly address: string; readonly port: number }): Buffer {
  return Buffer.concat([Buffer.alloc(3), writeAddress(from.address, from.port), data])
}

/** What the client is told about an error of the network. */
export function replyFor(code: string | undefined): number {
  switch (code) {
    case 'ECONNREFUSED':
      return REPLY.refused
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return REPLY.networkUnreachable
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return REPLY.hostUnreachable
    case undefined:
    default:
      return REPLY.failure
  }
}

/** Is it an address rather than a name? */
export function isAddress(host: string): boolean {
  return isIP(host) !== 0
}
