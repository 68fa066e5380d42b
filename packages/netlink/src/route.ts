/** Routes (rtnetlink, linux/rtnetlink.h): add, delete, list, ask. */
import { AF_INET, AF_INET6 } from '@wireweave/ffi/linux'
import { MessageWriter, NLM_F_CREATE, NLM_F_EXCL, readAttributes, readU32 } from './message.js'
import type { NetlinkSocket } from './socket.js'

export const RT_TABLE_MAIN = 254

const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_GETROUTE = 26
const RTA_DST = 1
const RTA_OIF = 4
const RTA_METRICS = 8
const RTA_TABLE = 15
const RTAX_MTU = 2
/** family, destination length, source length, tos, table, protocol, scope, type u8; flags u32. */
const RTMSG_BYTES = 12
const RTPROT_BOOT = 3
const RT_SCOPE_LINK = 253
const RTN_UNICAST = 1
const RTM_F_CLONED = 0x200

/** A route over an interface without a gateway. */
export interface Route {
  /** 4 or 16 bytes; zero after `length` bits. */
  readonly address: Uint8Array
  readonly length: number
  /** Interface that packets leave by; 0 when the route has none, or several. */
  readonly index: number
  readonly table: number
}

/** Where packets to an address would go. */
export interface RouteAnswer {
  readonly index: number
  /** Of the route or of what was learned about the path; `null` when only the interface limits it. */
  readonly mtu: number | null
}

/** Throws a `NetlinkError` with EEXIST when there is such a route. */
export function addRoute(socket: NetlinkSocket, route: Route): void {
  const message = routeMessage(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route)
  socket.request(message.finish(), `adding a route over interface ${route.index} to table ${route.table}`)
}

/** Throws a `NetlinkError` with ESRCH when there is no such route. */
export function deleteRoute(socket: NetlinkSocket, route: Route): void {
  const message = routeMessage(RTM_DELROUTE, 0, route)
  socket.request(message.finish(), `deleting a route over interface ${route.index} from table ${route.table}`)
}

/** Unicast routes of a family; of one table or one interface when given. */
export function listRoutes(
  socket: NetlinkSocket,
  family: 4 | 6,
  filter: { readonly table?: number; readonly index?: number } = {},
): Route[] {
  const header = new Uint8Array(RTMSG_BYTES)
  header[0] = family === 4 ? AF_INET : AF_INET6
  const message = new MessageWriter(RTM_GETROUTE, 0).raw(header)
  if (filter.table !== undefined) message.u32(RTA_TABLE, filter.table)
  if (filter.index !== undefined) message.u32(RTA_OIF, filter.index)
  const routes: Route[] = []
  for (const payload of socket.dump(message.finish(), 'listing routes')) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    if (payload[7] !== RTN_UNICAST || (view.getUint32(8, true) & RTM_F_CLONED) !== 0) continue
    const route = readRoute(payload)
    if (filter.table !== undefined && route.table !== filter.table) continue
    if (filter.index === undefined || route.index === filter.index) routes.push(route)
  }
  return routes
}

/** Asks the routing tables as a socket without a mark would. Throws a `NetlinkError` with ENETUNREACH when no route leads there. */
export function findRoute(socket: NetlinkSocket, address: Uint8Array): RouteAnswer {
  const header = new Uint8Array(RTMSG_BYTES)
  header[0] = address.length === 4 ? AF_INET : AF_INET6
  header[1] = address.length * 8
  const message = new MessageWriter(RTM_GETROUTE, 0).raw(header).attribute(RTA_DST, address)
  const payload = socket.get(message.finish(), 'looking for a route')
  const attributes = readAttributes(payload.subarray(RTMSG_BYTES))
  const metrics = attributes.get(RTA_METRICS)
  const mtu = metrics && readAttributes(metrics).get(RTAX_MTU)
  const index = attributes.get(RTA_OIF)
  return { index: index === undefined ? 0 : readU32(index), mtu: mtu === undefined ? null : readU32(mtu) }
}

function readRoute(payload: Uint8Array): Route {
  const attributes = readAttributes(payload.subarray(RTMSG_BYTES))
  const index = attributes.get(RTA_OIF)
  const table = attributes.get(RTA_TABLE)
  return {
    address: attributes.get(RTA_DST)?.slice() ?? new Uint8Array(payload[0] === AF_INET ? 4 : 16),
    length: payload[1]!,
    index: index === undefined ? 0 : readU32(index),
    table: table === undefined ? payload[4]! : readU32(table),
  }
}

function routeMessage(type: number, flags: number, { address, length, index, table }: Route): MessageWriter {
  const header = new Uint8Array(RTMSG_BYTES)
  header[0] = address.length === 4 ? AF_INET : AF_INET6
  header[1] = length
  if (table < 256) header[4] = table
  if (type === RTM_NEWROUTE) header[5] = RTPROT_BOOT
  if (address.length === 4) header[6] = RT_SCOPE_LINK
  header[7] = RTN_UNICAST
  const message = new MessageWriter(type, flags).raw(header)
  if (length > 0) message.attribute(RTA_DST, address)
  return message.u32(RTA_OIF, index).u32(RTA_TABLE, table)
}
