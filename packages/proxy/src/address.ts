/** Hosts and ports as text. */
import { isIP } from 'node:net'
import { parseDecimal, parseIp } from '@wireweave/tunnel/ip'
import type { Target } from './dialer.js'

/** `[fd00::1]:80`, `10.0.0.1:80`, `name:80`. */
export function formatTarget({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The strict inverse; `null` for what is none. An IPv6 address needs its brackets. Ports are 1 to 65535. */
export function parseTarget(text: string): Target | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  if (match === null) return null
  const port = parseDecimal(match[3]!, 65535)
  if (port === null || port === 0) return null
  const [, literal, name] = match
  if (literal !== undefined) return isIP(literal) === 6 ? { host: literal, port } : null
  return isHost(name!) ? { host: name!, port } : null
}

/** A name of labels (RFC 1123 §2.1; underscores occur), or an address. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true
  return (
    text.length <= 254 && /^(?=.*[^.])(?:[a-z0-9_](?:[a-z0-9_-]{0,62}))(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/i.test(text)
  )
}

/** Can only this machine reach it? */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  const address = parseIp(withoutMapping(host))
  if (address === null) return false
  return address.length === 4 ? address[0] === 127 : address.every((byte, i) => byte === (i === 15 ? 1 : 0))
}

/** `::ffff:10.0.0.1`, as a socket of both families shows it, is 10.0.0.1. */
export function withoutMapping(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
