/**
 * Endpoint records: where a datagram goes and from which local address, or where one came from and at which local
 * address it arrived, as 48 bytes in a table. Copying and comparing them allocates nothing, so a flood of datagrams
 * from invented addresses costs no memory.
 *
 *   0  family: 0 none, 4, 6          24  local address, as above; zero for none
 *   1  zero                          40  local interface index, u32 little-endian; 0 for none
 *   2  port, big-endian              44  zero
 *   4  address: 16 bytes, IPv4 in the first 4, rest zero
 *   20 scope id, u32 little-endian
 */
import type { Endpoint } from '@wireweave/tunnel/ip'

export const ENDPOINT_BYTES = 48
export const ENDPOINT_FAMILY = 0
export const ENDPOINT_PORT = 2
export const ENDPOINT_ADDRESS = 4
export const ENDPOINT_SCOPE = 20
export const ENDPOINT_LOCAL = 24
export const ENDPOINT_LOCAL_INDEX = 40

/** Writes `endpoint` at `at`, without a local address. */
export function writeEndpoint(table: Uint8Array, at: number, endpoint: Endpoint): void {
  table.fill(0, at, at + ENDPOINT_BYTES)
  table[at + ENDPOINT_FAMILY] = endpoint.address.length === 4 ? 4 : 6
  table[at + ENDPOINT_PORT] = endpoint.port >>> 8
  table[at + ENDPOINT_PORT + 1] = endpoint.port & 0xff
  table.set(endpoint.address, at + ENDPOINT_ADDRESS)
  const scope = endpoint.scopeId ?? 0
  for (let i = 0; i < 4; i++) table[at + ENDPOINT_SCOPE + i] = (scope >>> (8 * i)) & 0xff
}

/** `null` for a record without a family. */
export function readEndpoint(table: Uint8Array, at: number): Endpoint | null {
  const family = table[at + ENDPOINT_FAMILY]!
  if (family === 0) return null
  const address = table.slice(at + ENDPOINT_ADDRESS, at + ENDPOINT_ADDRESS + (family === 4 ? 4 : 16))
  const port = (table[at + ENDPOINT_PORT]! << 8) | table[at + ENDPOINT_PORT + 1]!
  let scopeId = 0
  for (let i = 3; i >= 0; i--) scopeId = scopeId * 256 + table[at + ENDPOINT_SCOPE + i]!
  return scopeId === 0 ? { address, port } : { address, port, scopeId }
}

export function endpointsEqual(
  a: Uint8Array,
  atA: number,
  b: Uint8Array,
  atB: number,
  length: number = ENDPOINT_BYTES,
): boolean {
  for (let i = 0; i < length; i++) if (a[atA + i] !== b[atB + i]) return false
  return true
}

/** Forgets the cached local address: the next datagram leaves from where routing says (sticky source, §1.7 of protocol notes). */
export function clearLocal(table: Uint8Array, at: number): void {
  table.fill(0, at + ENDPOINT_LOCAL, at + ENDPOINT_BYTES)
}
