/** Values of a configuration file, one function for each kind. What cannot be read is a {@link Fault}, never a key. */
import type { AllowedIpUpdate } from '@wireweave/tunnel/config'
import { parseDecimal, parseIp, parsePrefix } from '@wireweave/tunnel/ip'
import { decodeKey, isZeroKey, KEY_BYTES } from '@wireweave/tunnel/keys'
import type { AnyKey } from '@wireweave/tunnel/keys'
import { quote } from '../problem.js'
import type { HostEndpoint, InterfaceAddress } from '../types.js'

/** Why a value cannot be read, and what to do. */
export class Fault {
  readonly message: string
  readonly remedy: string

  constructor(message: string, remedy: string) {
    this.message = message
    this.remedy = remedy
  }
}

const KEY_TEXT_LENGTH = 44

/** Never shows the value: a public key in the wrong place may be a private one. */
export function readKey<K extends AnyKey>(value: string, remedy: string): K | Fault {
  if (value === '') return new Fault('there is no key', remedy)
  const key = decodeKey<K>(value)
  if (key === null) return new Fault(whyNoKey(value), remedy)
  if (isZeroKey(key)) return new Fault('the key is all zeros, which stands for no key', `${remedy} Or remove the line.`)
  return key
}

function whyNoKey(value: string): string {
  if (/^[0-9a-f]{64}$/i.test(value)) return 'the key is in hexadecimal'
  if (value.includes('-') || value.includes('_')) return 'the key is in the URL form of base64 (with - and _)'
  if (/[^A-Za-z0-9+/=]/.test(value)) return 'the key has a character that is not base64'
  if (value.length !== KEY_TEXT_LENGTH) return `the key has ${value.length} characters instead of ${KEY_TEXT_LENGTH}`
  return `the key is not ${KEY_BYTES} bytes in base64`
}

export function readPort(value: string): number | Fault {
  const port = parseDecimal(value, 65535)
  if (port !== null) return port
  return new Fault(`${quote(value)} is not a port`, 'Use a number from 0 (any free port) to 65535.')
}

/** Decimal, hexadecimal with 0x, or `off`, which is 0. */
export function readFwmark(value: string): number | Fault {
  if (value.toLowerCase() === 'off') return 0
  const mark = /^0x[0-9a-f]{1,8}$/i.test(value) ? Number.parseInt(value.slice(2), 16) : parseDecimal(value, 0xffffffff)
  if (mark !== null) return mark
  return new Fault(`${quote(value)} is not a mark`, 'Use a number up to 0xffffffff, or off.')
}

export function readKeepalive(value: string): number | Fault {
  if (value.toLowerCase() === 'off') return 0
  const seconds = parseDecimal(value, 65535)
  if (seconds !== null) return seconds
  return new Fault(`${quote(value)} is not a number of seconds`, 'Use 1 to 65535, such as 25, or off.')
}

export function readMtu(value: string): number | Fault {
  const mtu = parseDecimal(value, 65535)
  if (mtu !== null && mtu >= 68) return mtu
  return new Fault(`${quote(value)} is not an MTU`, 'Use a number of bytes such as 1420, or remove the line.')
}

export function readTable(value: string): string | Fault {
  const lower = value.toLowerCase()
  if (lower === 'off' || lower === 'auto') return lower
  if (/^0x[0-9a-f]{1,8}$/.test(lower)) return String(Number.parseInt(lower.slice(2), 16))
  if (/^[0-9]/.test(value) && parseDecimal(value, 0xffffffff) === null) {
    return new Fault(`${quote(value)} is not the number of a routing table`, 'Use 1 to 4294967295, off or auto.')
  }
  if (/^[A-Za-z0-9_.-]{1,32}$/.test(value) && value !== '0') return value
  return new Fault(`${quote(value)} is not a routing table`, 'Use off, auto, a number or a name of rt_tables.')
}

export function readBoolean(value: string): boolean | Fault {
  const lower = value.toLowerCase()
  if (lower === 'true' || lower === 'false') return lower === 'true'
  return new Fault(`${quote(value)} is neither true nor false`, 'Write true or false.')
}

/** `10.0.0.2/24`, host bits kept; a missing length is that of a single address. */
export function readAddress(value: string): InterfaceAddress | Fault {
  const slash = value.indexOf('/')
  const address = parseIp(slash < 0 ? value : value.slice(0, slash))
  if (address === null) return new Fault(`${quote(value)} is not an IP address`, addressRemedy(value))
  const bits = address.length * 8
  const length = slash < 0 ? bits : parseDecimal(value.slice(slash + 1), bits)
  if (length !== null) return { address, length }
  if (value.includes(';')) return new Fault(`${quote(value)} is not an IP address`, addressRemedy(value))
  return new Fault(`${quote(value)} has no valid prefix length`, `Use 0 to ${bits} after the slash.`)
}

/** With `+` or `-` in front where the list is a change. */
export function readAllowedIp(value: string): (AllowedIpUpdate & { readonly change: boolean }) | Fault {
  const change = value.startsWith('+') || value.startsWith('-')
  const text = change ? value.slice(1) : value
  const prefix = parsePrefix(text)
  if (prefix !== null) return { ...prefix, change, ...(value.startsWith('-') && { remove: true }) }
  const parsed = readAddress(text)
  if (parsed instanceof Fault) return parsed
  return new Fault(`${quote(value)} is not a network`, addressRemedy(value))
}

function addressRemedy(value: string): string {
  if (value.includes(';')) return 'Separate addresses by commas.'
  if (/^0[0-9]|\.0[0-9]/.test(value)) return 'Write the numbers without leading zeros.'
  if (value.includes('[')) return 'Write it without brackets.'
  return value.includes(':') ? 'Write it as in fd00::1/64.' : 'Write it as in 10.0.0.1/24.'
}

/** `host:port`, `1.2.3.4:port` or `[v6]:port`. Like `wg`, takes what precedes the last colon for the host. */
export function readEndpoint(value: string): HostEndpoint | Fault {
  if (value.includes('://')) return new Fault(`${quote(value)} is a URL`, 'Write only host:port.')
  if (parseIp(value)?.length === 16) {
    return new Fault(`${quote(value)} has no port, or no brackets`, `Write [${value}]:51820 with the peer's port.`)
  }
  const colon = value.lastIndexOf(':')
  if (colon < 0 || value.endsWith(']')) {
    return new Fault(
      `${quote(value)} has no port`,
      `Write ${colon < 0 ? 'host' : '[address]'}:51820 with the peer's port.`,
    )
  }
  if (colon === value.length - 1)
    return new Fault(`${quote(value)} has no port`, "Write the peer's port after the colon.")
  const port = parseDecimal(value.slice(colon + 1), 65535)
  if (port === null || port === 0) {
    return new Fault(
      `${quote(value.slice(colon + 1))} is not a port`,
      'Use a number from 1 to 65535 after the last colon.',
    )
  }
  const host = value.slice(0, colon)
  if (host.startsWith('[') || host.endsWith(']')) return readBracketed(host, port)
  const [literal] = host.split('%', 1)
  if (host.includes(':') && parseIp(literal!) === null) {
    return new Fault(`${quote(host)} is not an IPv6 address`, 'Write [address]:port, as in [2001:db8::1]:51820.')
  }
  return host.includes(':') || isHostName(host) ? { host, port } : noHost(host)
}

function readBracketed(host: string, port: number): HostEndpoint | Fault {
  const inner = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : ''
  const [literal, zone, ...rest] = inner.split('%')
  const isZone = zone === undefined || (/^[A-Za-z0-9_.=+-]{1,15}$/.test(zone) && rest.length === 0)
  if (isZone && parseIp(literal!)?.length === 16) return { host: inner, port }
  return new Fault(`${quote(host)} is not an IPv6 address in brackets`, 'Write it as in [2001:db8::1]:51820.')
}

function noHost(host: string): Fault {
  if (host === '')
    return new Fault('there is no host before the colon', 'Write host:port, as in vpn.example.com:51820.')
  if (/^[0-9.]+$/.test(host))
    return new Fault(`${quote(host)} is not an IPv4 address`, 'Write it as in 192.0.2.1:51820.')
  return new Fault(
    `${quote(host)} is not a host name`,
    'Use letters, digits, dots and hyphens; an international name as xn--….',
  )
}

/** A name that may be looked up: what consists of digits and dots only is a mistyped address. */
function isHostName(host: string): boolean {
  if (host.length > 253 || /^[0-9.]+$/.test(host)) return parseIp(host) !== null
  return /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/.test(host)
}

/** A server when it looks like an address, else a domain to search in, as `wg-quick` tells them apart. */
export function readDns(value: string): { readonly server: Uint8Array } | { readonly search: string } | Fault {
  if (/^[0-9.]+$/.test(value) || value.includes(':')) {
    const server = parseIp(value)
    return server === null ? new Fault(`${quote(value)} is not an IP address`, addressRemedy(value)) : { server }
  }
  // Not with a hyphen in front: to resolvectl that is an option.
  if (value.length <= 253 && /^[A-Za-z0-9_~.][A-Za-z0-9_~.-]*$/.test(value)) return { search: value }
  return new Fault(
    `${quote(value)} is neither an IP address nor a domain`,
    'Write it as in 10.0.0.1 or corp.example.com.',
  )
}
