/** Addresses of endpoint records as the text that node:dgram speaks. */
import { networkInterfaces } from 'node:os'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import { ENDPOINT_ADDRESS, ENDPOINT_FAMILY, ENDPOINT_SCOPE } from '../../core/endpoint.js'

/** The address of the record at `at`, with its zone when it has one; empty when it has no family. */
export function addressText(table: Uint8Array, at: number): string {
  const family = table[at + ENDPOINT_FAMILY]
  if (family === 0) return ''
  const start = at + ENDPOINT_ADDRESS
  const text = formatIp(table.subarray(start, start + (family === 4 ? 4 : 16)))
  const scopeId = new DataView(table.buffer, table.byteOffset).getUint32(at + ENDPOINT_SCOPE, true)
  return scopeId === 0 ? text : `${text}%${zoneOf(scopeId)}`
}

/** Writes family, address and scope; a text that is no address leaves the family zero. */
export function writeAddressText(table: Uint8Array, at: number, text: string): void {
  const [literal, zone] = text.split('%')
  const address = parseIp(literal!)
  if (address === null) return
  table[at + ENDPOINT_FAMILY] = address.length === 4 ? 4 : 6
  table.set(address, at + ENDPOINT_ADDRESS)
  if (zone === undefined) return
  new DataView(table.buffer, table.byteOffset).setUint32(at + ENDPOINT_SCOPE, scopeOf(zone), true)
}

/** libuv names zones by interface name, on Windows by number. */
function zoneOf(scopeId: number): string {
  if (process.platform === 'win32') return String(scopeId)
  for (const [name, scope] of scopes()) if (scope === scopeId) return name
  return String(scopeId)
}

function scopeOf(zone: string): number {
  return /^[0-9]+$/.test(zone) ? Number(zone) : (scopes().get(zone) ?? 0)
}

/** To look at all interfaces takes a tenth of a millisecond and more: not for every datagram that a stranger sends. */
const LOOK_INTERVAL_MS = 1000
const looked = { at: Number.NEGATIVE_INFINITY, scopes: new Map<string, number>() }

/** Of interfaces with a link-local address, by name. */
function scopes(): ReadonlyMap<string, number> {
  const now = performance.now()
  if (now - looked.at < LOOK_INTERVAL_MS) return looked.scopes
  looked.at = now
  looked.scopes.clear()
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const entry of addresses ?? []) {
      if (entry.family === 'IPv6' && entry.scopeid !== 0) looked.scopes.set(name, entry.scopeid)
    }
  }
  return looked.scopes
}
