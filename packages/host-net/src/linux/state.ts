/** What an interface has now, for whoever saves or shows it. Reads only. */
import { readFileSync } from 'node:fs'
import { listAddresses as listAll } from '@wireweave/netlink/address'
import { findLink } from '@wireweave/netlink/link'
import type { Link } from '@wireweave/netlink/link'
import { listRoutes } from '@wireweave/netlink/route'
import type { NetlinkSocket } from '@wireweave/netlink/socket'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { Cidr } from '../action.js'
import { runCommand } from './command.js'
import { findDnsTool } from './facts.js'

export interface InterfaceState {
  readonly addresses: readonly Cidr[]
  readonly mtu: number
}

/** Addresses, without the link-local ones that the kernel made, and MTU. Throws a `WireGuardError` when there is no such interface. */
export function readInterface(socket: NetlinkSocket, name: string): InterfaceState {
  const link: Link | null = findLink(socket, name)
  if (link === null) throw new WireGuardError('NO_SUCH_INTERFACE', `there is no interface ${name}`)
  const addresses = listAll(socket, link.index).filter(({ address }) => !isLinkLocal(address))
  return { addresses: addresses.map(({ address, length }) => ({ address, length })), mtu: link.mtu }
}

export interface LinkState {
  /** As `ip link` calls it: `wireguard`, `tun`, …; empty for hardware. */
  readonly kind: string
  readonly isUp: boolean
}

/** `null` when there is no such interface. */
export function readLink(socket: NetlinkSocket, name: string): LinkState | null {
  const link = findLink(socket, name)
  return link && { kind: link.kind, isUp: link.isUp }
}

export interface RouteState {
  readonly prefix: Cidr
  readonly table: number
}

/** Routes over the interface, in every table, but for those that the kernel keeps for itself. */
export function readRoutes(socket: NetlinkSocket, name: string): RouteState[] {
  const index = findLink(socket, name)?.index
  if (index === undefined) return []
  const routes = ([4, 6] as const).flatMap((family) => listRoutes(socket, family, { index }))
  return routes
    .filter(({ address, table }) => table !== RT_TABLE_LOCAL && !isLinkLocal(address))
    .map(({ address, length, table }) => ({ prefix: { address, length }, table }))
}

export interface DnsState {
  readonly servers: readonly string[]
  readonly search: readonly string[]
}

/** What the system's resolver was told about the interface; `null` when nothing, or it does not tell. */
export async function readDns(name: string): Promise<DnsState | null> {
  const tool = findDnsTool()
  if (tool === null) return null
  const state =
    tool.tool === 'resolvconf' ? readResolvconf(tool.prefix + name) : await askResolvectl(tool.program, name)
  return state.servers.length + state.search.length === 0 ? null : state
}

function readResolvconf(entry: string): DnsState {
  const servers: string[] = []
  const search: string[] = []
  // openresolv, older and newer, and Debian's own.
  for (const folder of ['interfaces', 'keys', 'interface']) {
    for (const line of readOr(`/run/resolvconf/${folder}/${entry}`).split('\n')) {
      const [key, ...words] = line.trim().split(/\s+/)
      if (key === 'nameserver') servers.push(...words)
      else if (key === 'search' || key === 'domain') search.push(...words)
    }
  }
  return { servers, search }
}

/** `Link 5 (wg0): 10.0.0.1 fd00::1` */
async function askResolvectl(program: string, name: string): Promise<DnsState> {
  const ask = async (what: string): Promise<string[]> => {
    const answer = await runCommand(program, [what, name]).catch(() => '')
    return answer
      .slice(answer.indexOf(': ') + 2)
      .trim()
      .split(/\s+/)
      .filter(Boolean)
  }
  return { servers: await ask('dns'), search: (await ask('domain')).filter((domain) => domain !== '~.') }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const RT_TABLE_LOCAL = 255

/** fe80::/64, which a TUN gets by itself. */
function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80
}
