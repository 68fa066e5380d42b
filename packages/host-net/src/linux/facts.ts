/** What a plan has to know about this machine; reads only. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SystemError } from '@wireweave/ffi/errno'
import { findLink } from '@wireweave/netlink/link'
import { findRoute, listRoutes, RT_TABLE_MAIN } from '@wireweave/netlink/route'
import type { RouteAnswer } from '@wireweave/netlink/route'
import type { NetlinkSocket } from '@wireweave/netlink/socket'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { HostFacts } from '../plan.js'
import { findProgram } from './command.js'
import type { DnsTool } from './dns.js'
import type { Firewall } from './firewall.js'
import { readSysctl } from './host.js'

const FIRST_TABLE = 51820
const LAST_TABLE = 65535
const ETHERNET_MTU = 1500

export function gatherFacts(socket: NetlinkSocket, endpoints: readonly IpAddress[]): HostFacts {
  return {
    freeTable: freeTable(socket),
    pathMtu: pathMtu(socket, endpoints),
    firewall: findFirewall(),
    dns: findDnsTool(),
    hasSrcValidMark: readSysctl('net.ipv4.conf.all.src_valid_mark') !== null,
  }
}

/**
 * What every endpoint can be reached with: the MTU of its route, or of the interface it leaves by. Without an endpoint
 * that can be reached, that of the default route. (`wg-quick` takes the largest instead, which is too much for the rest.)
 */
export function pathMtu(socket: NetlinkSocket, endpoints: readonly IpAddress[]): number {
  const mtus: number[] = []
  for (const key of new Set(endpoints.map((endpoint) => endpoint.join()))) {
    const mtu = routeMtu(socket, Uint8Array.from(key.split(','), Number))
    if (mtu !== null) mtus.push(mtu)
  }
  if (mtus.length > 0) return mtus.reduce((least, mtu) => Math.min(least, mtu))
  return defaultMtu(socket) ?? ETHERNET_MTU
}

function routeMtu(socket: NetlinkSocket, endpoint: IpAddress): number | null {
  let answer: RouteAnswer
  try {
    answer = findRoute(socket, endpoint)
  } catch (error) {
    // No way there now: another endpoint may tell.
    if (error instanceof SystemError) return null
    throw error
  }
  return answer.mtu ?? (answer.index === 0 ? null : (findLink(socket, answer.index)?.mtu ?? null))
}

function defaultMtu(socket: NetlinkSocket): number | null {
  for (const family of [4, 6] as const) {
    const route = listRoutes(socket, family, { table: RT_TABLE_MAIN }).find(
      ({ length, index }) => length === 0 && index !== 0,
    )
    const link = route === undefined ? null : findLink(socket, route.index)
    if (link !== null) return link.mtu
  }
  return null
}

function freeTable(socket: NetlinkSocket): number {
  for (let table = FIRST_TABLE; table <= LAST_TABLE; table++) {
    const used = ([4, 6] as const).some((family) => listRoutes(socket, family, { table }).length > 0)
    if (!used) return table
  }
  throw new WireGuardError('LIMIT', `every routing table from ${FIRST_TABLE} to ${LAST_TABLE} is in use`)
}

/** nft where there is one, as `wg-quick` does. */
export function findFirewall(): Firewall | null {
  const nft = findProgram('nft')
  if (nft !== null) return { tool: 'nft', program: nft }
  const iptables = findProgram('iptables-restore')
  return iptables === null ? null : { tool: 'iptables', directory: path.dirname(iptables) }
}

export function findDnsTool(): DnsTool | null {
  const resolvconf = findProgram('resolvconf')
  if (resolvconf !== null) return { tool: 'resolvconf', program: resolvconf, prefix: resolvconfPrefix() }
  const resolvectl = findProgram('resolvectl')
  if (resolvectl !== null && existsSync('/run/systemd/resolve')) return { tool: 'resolvectl', program: resolvectl }
  return null
}

/** Debian's resolvconf sorts interfaces by name: its first pattern is for interfaces that go before others. */
function resolvconfPrefix(): string {
  try {
    const order = readFileSync('/etc/resolvconf/interface-order', 'utf8')
    const [, prefix] = /^([A-Za-z0-9-]+)\*$/m.exec(order) ?? []
    return prefix === undefined ? '' : `${prefix}.`
  } catch {
    return ''
  }
}

/** The number of a routing table that a configuration names. Throws a `WireGuardError` when it is unknown. */
export function tableNumber(name: string): 'auto' | 'off' | number {
  if (name === 'auto' || name === 'off') return name
  if (/^[0-9]+$/.test(name)) return Number(name)
  const known: Record<string, number> = { __proto__: null as never, default: 253, main: 254, local: 255 }
  if (known[name] !== undefined) return known[name]
  for (const file of ['/etc/iproute2/rt_tables', '/usr/share/iproute2/rt_tables', '/usr/lib/iproute2/rt_tables']) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    for (const line of text.split('\n')) {
      const [number, alias] = line.trim().split(/\s+/)
      if (alias === name && /^[0-9]+$/.test(number!)) return Number(number)
    }
  }
  throw new WireGuardError(
    'CONFIG_INVALID',
    `Table: there is no routing table called ${name}. Use its number, or add it to rt_tables.`,
  )
}
