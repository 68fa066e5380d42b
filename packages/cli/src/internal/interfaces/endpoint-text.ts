/** Endpoints as `wg` prints them: the zone of a link-local address by the name of its interface. */
import { readdirSync, readFileSync } from 'node:fs'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import type { Endpoint, IpAddress } from '@wireweave/tunnel/ip'

export function endpointText(endpoint: Endpoint): string {
  const { address, scopeId = 0 } = endpoint
  const text = formatEndpoint(endpoint)
  if (scopeId === 0 || address.length === 4 || !isLinkLocal(address)) return text
  const name = interfaceNames().get(scopeId)
  return name === undefined ? text : text.replace(`%${scopeId}]`, `%${name}]`)
}

function isLinkLocal(address: IpAddress): boolean {
  const isUnicast = address[0] === 0xfe && (address[1]! & 0xc0) === 0x80
  return isUnicast || (address[0] === 0xff && (address[1]! & 0x0f) === 2)
}

let names: Map<number, string> | null = null

function interfaceNames(): ReadonlyMap<number, string> {
  names ??= new Map(readNames())
  return names
}

function readNames(): [number, string][] {
  const folder = '/sys/class/net'
  try {
    return readdirSync(folder).map((name) => [Number(readFileSync(`${folder}/${name}/ifindex`, 'latin1')), name])
  } catch {
    return []
  }
}
