/** Network interfaces (rtnetlink, linux/rtnetlink.h and linux/if_link.h): create, find, change, delete. */
import { ENODEV } from '@wireweave/ffi/errno'
import { MessageWriter, NLM_F_CREATE, NLM_F_EXCL, readAttributes, readString, readU32 } from './message.js'
import { NetlinkError } from './socket.js'
import type { NetlinkSocket } from './socket.js'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
const RTM_GETLINK = 18
/** Multicast group of link changes. */
export const RTMGRP_LINK = 1

const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_LINKINFO = 18
const IFLA_EXT_MASK = 29
const IFLA_INFO_KIND = 1
const RTEXT_FILTER_SKIP_STATS = 8
const IFF_UP = 1
/** family, pad, type u16, index i32, flags u32, change u32. */
const IFINFO_BYTES = 16

export interface Link {
  readonly index: number
  readonly name: string
  readonly mtu: number
  readonly isUp: boolean
  /** Such as `wireguard` or `veth`; empty for hardware. A TUN says `tun`. */
  readonly kind: string
}

/** Throws a `NetlinkError`: EEXIST when the name is taken, EOPNOTSUPP when no module knows the kind, EPERM without rights. */
export function createLink(socket: NetlinkSocket, name: string, kind: string, mtu?: number): Link {
  const message = linkMessage(RTM_NEWLINK, 0, NLM_F_CREATE | NLM_F_EXCL).string(IFLA_IFNAME, name)
  if (mtu !== undefined) message.u32(IFLA_MTU, mtu)
  const info = message.beginNest(IFLA_LINKINFO)
  message.string(IFLA_INFO_KIND, kind).endNest(info)
  socket.request(message.finish(), `creating the ${kind} interface ${name}`)
  return findLink(socket, name)!
}

/** By name or index; `null` when there is none. */
export function findLink(socket: NetlinkSocket, which: string | number): Link | null {
  const message = linkMessage(RTM_GETLINK, typeof which === 'number' ? which : 0)
  if (typeof which === 'string') message.string(IFLA_IFNAME, which)
  message.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
  try {
    return readLink(socket.get(message.finish(), `looking for the interface ${which}`))
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENODEV) return null
    throw error
  }
}

/** All of this network namespace, in the order of their indices. */
export function listLinks(socket: NetlinkSocket): Link[] {
  const message = linkMessage(RTM_GETLINK, 0).u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
  return socket.dump(message.finish(), 'listing the interfaces').map(readLink)
}

/** The interface in the payload of an RTM_NEWLINK or RTM_DELLINK message. */
export function readLink(payload: Uint8Array): Link {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const attributes = readAttributes(payload.subarray(IFINFO_BYTES))
  const info = attributes.get(IFLA_LINKINFO)
  const kind = info && readAttributes(info).get(IFLA_INFO_KIND)
  const mtu = attributes.get(IFLA_MTU)
  return {
    index: view.getInt32(4, true),
    name: readString(attributes.get(IFLA_IFNAME) ?? new Uint8Array(0)),
    mtu: mtu === undefined ? 0 : readU32(mtu),
    isUp: (view.getUint32(8, true) & IFF_UP) !== 0,
    kind: kind === undefined ? '' : readString(kind),
  }
}

export function setLinkUp(socket: NetlinkSocket, index: number, up: boolean): void {
  const message = linkMessage(RTM_NEWLINK, index, 0, up)
  socket.request(message.finish(), `bringing interface ${index} ${up ? 'up' : 'down'}`)
}

export function setLinkMtu(socket: NetlinkSocket, index: number, mtu: number): void {
  const message = linkMessage(RTM_NEWLINK, index).u32(IFLA_MTU, mtu)
  socket.request(message.finish(), `setting the MTU of interface ${index} to ${mtu}`)
}

/** Deleting what is gone already is no error. */
export function deleteLink(socket: NetlinkSocket, index: number): void {
  try {
    socket.request(linkMessage(RTM_DELLINK, index).finish(), `deleting interface ${index}`)
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ENODEV)) throw error
  }
}

function linkMessage(type: number, index: number, flags: number = 0, up?: boolean): MessageWriter {
  const header = new Uint8Array(IFINFO_BYTES)
  const view = new DataView(header.buffer)
  view.setInt32(4, index, true)
  if (up !== undefined) {
    view.setUint32(8, up ? IFF_UP : 0, true)
    view.setUint32(12, IFF_UP, true)
  }
  return new MessageWriter(type, flags).raw(header)
}
