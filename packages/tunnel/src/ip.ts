/** IP addresses, prefixes and endpoints: bytes inside, text at the edges. No regular expression can be made to backtrack here. */

/** 4 or 16 bytes in network order. */
export type IpAddress = Uint8Array

/** A network prefix in canonical form: the host bits of `address` are zero. */
export interface IpPrefix {
  readonly address: IpAddress
  /** 0..32 for IPv4, 0..128 for IPv6. */
  readonly length: number
}

/** Where a peer receives UDP. Names are resolved before they get here. */
export interface Endpoint {
  readonly address: IpAddress
  readonly port: number
  /** Interface index of a link-local IPv6 address; 0 or absent otherwise. */
  readonly scopeId?: number
}

/** Reads a dotted quad or an RFC 4291 text, without brackets, zone or prefix length. `null` when it is neither. */
export function parseIp(text: string): IpAddress | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** Dotted quad, or the canonical text of RFC 5952, with a quad where `inet_ntop` and so `wg` have one. */
export function formatIp(address: IpAddress): string {
  return address.length === 4 ? address.join('.') : formatIpv6(address)
}

/**
 * Reads `address/length`; a missing length means the whole address. Host bits are cleared, as `wg` does.
 * `null` when malformed.
 */
export function parsePrefix(text: string): IpPrefix | null {
  const slash = text.indexOf('/')
  const address = parseIp(slash < 0 ? text : text.slice(0, slash))
  if (address === null) return null
  const bits = address.length * 8
  const length = slash < 0 ? bits : parseDecimal(text.slice(slash + 1), bits)
  return length === null ? null : maskPrefix(address, length)
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${formatIp(prefix.address)}/${prefix.length}`
}

/** A canonical prefix: a copy of `address` whose bits after `length` are zero. */
export function maskPrefix(address: IpAddress, length: number): IpPrefix {
  const masked = new Uint8Array(address)
  for (let i = 0; i < masked.length; i++) {
    const keep = Math.min(8, Math.max(0, length - i * 8))
    masked[i]! &= (0xff00 >>> keep) & 0xff
  }
  return { address: masked, length }
}

/** Reads `1.2.3.4:51820` or `[2001:db8::1%3]:51820`; the zone must be numeric. `null` when malformed. */
export function parseEndpoint(text: string): Endpoint | null {
  const colon = text.lastIndexOf(':')
  if (colon < 0) return null
  const port = parseDecimal(text.slice(colon + 1), 65535)
  const host = text.slice(0, colon)
  if (port === null) return null
  if (!host.startsWith('[')) {
    const address = parseIpv4(host)
    return address && { address, port }
  }
  if (!host.endsWith(']')) return null
  const [literal, zone, ...rest] = host.slice(1, -1).split('%')
  const address = parseIpv6(literal!)
  if (address === null || rest.length > 0) return null
  if (zone === undefined) return { address, port }
  const scopeId = parseDecimal(zone, 0xffffffff)
  return scopeId === null ? null : { address, port, scopeId }
}

export function formatEndpoint(endpoint: Endpoint): string {
  const host = formatIp(endpoint.address)
  if (endpoint.address.length === 4) return `${host}:${endpoint.port}`
  return endpoint.scopeId ? `[${host}%${endpoint.scopeId}]:${endpoint.port}` : `[${host}]:${endpoint.port}`
}

/** Plain decimal digits up to `max`: no sign, no space, no leading zeros beyond "0" itself. `null` otherwise. */
export function parseDecimal(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 10 || !/^(0|[1-9][0-9]*)$/.test(text)) return null
  const value = Number(text)
  return value <= max ? value : null
}

function parseIpv4(text: string): IpAddress | null {
  const parts = text.split('.', 5)
  if (parts.length !== 4) return null
  const address = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    const byte = parseDecimal(parts[i]!, 255)
    if (byte === null) return null
    address[i] = byte
  }
  return address
}

function parseIpv6(text: string): IpAddress | null {
  if (text.length < 2 || text.length > 45) return null
  const halves = text.split('::')
  if (halves.length > 2) return null
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : []
  if (head === null || tail === null) return null
  const gap = 16 - head.length - tail.length
  if (halves.length === 1 ? gap !== 0 : gap < 2) return null
  const address = new Uint8Array(16)
  address.set(head)
  address.set(tail, 16 - tail.length)
  return address
}

/** Colon-separated groups to bytes; the last may be a dotted quad when `quadAllowed`. */
function parseGroups(text: string, quadAllowed: boolean): number[] | null {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (quadAllowed && i === groups.length - 1 && group.includes('.')) {
      const quad = parseIpv4(group)
      if (quad === null) return null
      bytes.push(...quad)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return null
      const value = Number.parseInt(group, 16)
      bytes.push(value >>> 8, value & 0xff)
    }
  }
  return bytes
}

function formatIpv6(address: IpAddress): string {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((address[i]! << 8) | address[i + 1]!)
  // RFC 5952 §4.2: the longest run of at least two zero groups becomes "::", the first when two are as long.
  let start = -1
  let longest = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > longest) {
      start = i
      longest = end - i
    }
    if (end > i) i = end - 1
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  // RFC 5952 §5: addresses that hold one of IPv4, mapped or compatible (RFC 4291 §2.5.5), keep their dotted quad.
  if (start === 0 && longest === 5 && groups[5] === 0xffff) return `::ffff:${address.slice(12).join('.')}`
  if (start === 0 && longest === 6) return `::${address.slice(12).join('.')}`
  if (start < 0) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + longest))}`
}
