/** Free addresses in the networks of a server. Linear in the number of prefixes that are taken. */
import type { InterfaceAddress } from '@wireweave/config/conf-types'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatIp, maskPrefix } from '@wireweave/tunnel/ip'
import type { IpAddress, IpPrefix } from '@wireweave/tunnel/ip'

/**
 * The first free address of each of the server's networks: not its own, not of a peer, not the first or last of an IPv4
 * network. Throws a `WireGuardError` when a network is full.
 */
export function freeAddresses(networks: readonly InterfaceAddress[], taken: readonly IpPrefix[]): IpAddress[] {
  return networks
    .filter(({ address, length }) => length < address.length * 8)
    .map((network) => freeAddress(network, taken))
}

function freeAddress(own: InterfaceAddress, taken: readonly IpPrefix[]): IpAddress {
  const size = own.address.length
  const network = maskPrefix(own.address, own.length)
  const base = toNumber(network.address)
  const last = base + (1n << BigInt(size * 8 - own.length)) - 1n
  // A network of two (RFC 3021) has no address to leave out, nor has IPv6, but for that of all routers.
  const isPlain = size === 4 && own.length < 31
  const used = taken
    .filter(({ address, length }) => address.length === size && length > own.length)
    .map((prefix) => rangeOf(prefix))
  const ownNumber = toNumber(own.address)
  used.push([ownNumber, ownNumber])
  if (isPlain || size === 16) used.push([base, base])
  if (isPlain) used.push([last, last])
  used.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
  let candidate = base
  for (const [from, to] of used) {
    if (from > candidate) break
    if (to >= candidate) candidate = to + 1n
  }
  if (candidate <= last) return toBytes(candidate, size)
  throw new WireGuardError(
    'LIMIT',
    `the network ${formatIp(network.address)}/${own.length} has no free address. Give the server a larger one, or say --address.`,
  )
}

function rangeOf({ address, length }: IpPrefix): [bigint, bigint] {
  const from = toNumber(maskPrefix(address, length).address)
  return [from, from + (1n << BigInt(address.length * 8 - length)) - 1n]
}

function toNumber(address: IpAddress): bigint {
  let value = 0n
  for (const byte of address) value = (value << 8n) | BigInt(byte)
  return value
}

function toBytes(value: bigint, size: number): IpAddress {
  const bytes = new Uint8Array(size)
  for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}
