/** Rows of iphlpapi's tables, as bytes and as values. Any platform. */
import { MIB_IPINTERFACE_ROW } from '@wireweave/ffi/win32/ip-interface'
import { decodeSockaddr, encodeSockaddr } from '@wireweave/ffi/win32/sockaddr'
import { maskPrefix } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { Cidr } from '../action.js'
import * as abi from './abi.js'
import { MIB_IF_ROW2, MIB_IPFORWARD_ROW2, MIB_UNICASTIPADDRESS_ROW } from './abi.js'

const FOREVER = 0xffff_ffff

/** Fills a row that Windows initialised. */
export function fillAddress(row: Uint8Array, luid: bigint, { address, length }: Cidr): void {
  const view = viewOf(row)
  encodeSockaddr(view, MIB_UNICASTIPADDRESS_ROW.address, { address, port: 0 })
  view.setBigUint64(MIB_UNICASTIPADDRESS_ROW.interfaceLuid, luid, true)
  view.setUint32(MIB_UNICASTIPADDRESS_ROW.validLifetime, FOREVER, true)
  view.setUint32(MIB_UNICASTIPADDRESS_ROW.preferredLifetime, FOREVER, true)
  view.setUint8(MIB_UNICASTIPADDRESS_ROW.onLinkPrefixLength, length)
  view.setUint32(MIB_UNICASTIPADDRESS_ROW.dadState, abi.DAD_STATE_PREFERRED, true)
}

/** Fills a row that Windows initialised. Without `nextHop` the prefix is on the link. */
export function fillRoute(
  row: Uint8Array,
  luid: bigint,
  { address, length }: Cidr,
  nextHop: IpAddress | null,
  metric: number,
): void {
  const view = viewOf(row)
  const prefix = maskPrefix(address, length).address
  view.setBigUint64(MIB_IPFORWARD_ROW2.interfaceLuid, luid, true)
  encodeSockaddr(view, MIB_IPFORWARD_ROW2.destinationPrefix, { address: prefix, port: 0 })
  view.setUint8(MIB_IPFORWARD_ROW2.destinationPrefixLength, length)
  encodeSockaddr(view, MIB_IPFORWARD_ROW2.nextHop, { address: nextHop ?? new Uint8Array(address.length), port: 0 })
  view.setUint32(MIB_IPFORWARD_ROW2.metric, metric, true)
  view.setUint32(MIB_IPFORWARD_ROW2.protocol, abi.ROUTE_PROTOCOL_NETMGMT, true)
}

/** What `wireguard.exe` does to the interface of a tunnel. */
export function fillInterface(view: DataView, mtu: number, hasDefaultRoute: boolean): void {
  view.setUint32(MIB_IPINTERFACE_ROW.routerDiscoveryBehavior, abi.ROUTER_DISCOVERY_DISABLED, true)
  view.setUint32(MIB_IPINTERFACE_ROW.dadTransmits, 0, true)
  view.setUint8(MIB_IPINTERFACE_ROW.managedAddressConfigurationSupported, 0)
  view.setUint8(MIB_IPINTERFACE_ROW.otherStatefulConfigurationSupported, 0)
  view.setUint32(MIB_IPINTERFACE_ROW.nlMtu, mtu, true)
  if (!hasDefaultRoute) return
  // Before every other default route.
  view.setUint8(MIB_IPINTERFACE_ROW.useAutomaticMetric, 0)
  view.setUint32(MIB_IPINTERFACE_ROW.metric, 0, true)
}

export interface AddressRow extends Cidr {
  readonly luid: bigint
}

export function readAddress(row: Uint8Array): AddressRow | null {
  const view = viewOf(row)
  const address = decodeSockaddr(view, MIB_UNICASTIPADDRESS_ROW.address)?.address
  if (address === undefined) return null
  return {
    luid: view.getBigUint64(MIB_UNICASTIPADDRESS_ROW.interfaceLuid, true),
    address,
    length: view.getUint8(MIB_UNICASTIPADDRESS_ROW.onLinkPrefixLength),
  }
}

export interface RouteRow {
  readonly luid: bigint
  readonly index: number
  readonly prefix: Cidr
  /** All zero on the link. */
  readonly nextHop: IpAddress
  readonly metric: number
}

export function readRoute(row: Uint8Array): RouteRow | null {
  const view = viewOf(row)
  const address = decodeSockaddr(view, MIB_IPFORWARD_ROW2.destinationPrefix)?.address
  const nextHop = decodeSockaddr(view, MIB_IPFORWARD_ROW2.nextHop)?.address
  if (address === undefined || nextHop === undefined) return null
  return {
    luid: view.getBigUint64(MIB_IPFORWARD_ROW2.interfaceLuid, true),
    index: view.getUint32(MIB_IPFORWARD_ROW2.interfaceIndex, true),
    prefix: { address, length: view.getUint8(MIB_IPFORWARD_ROW2.destinationPrefixLength) },
    nextHop,
    metric: view.getUint32(MIB_IPFORWARD_ROW2.metric, true),
  }
}

export interface LinkRow {
  readonly luid: bigint
  readonly index: number
  /** 16 bytes in the order of memory. */
  readonly guid: Uint8Array
  readonly mtu: number
  readonly isUp: boolean
}

export function readLink(row: Uint8Array): LinkRow {
  const view = viewOf(row)
  return {
    luid: view.getBigUint64(MIB_IF_ROW2.interfaceLuid, true),
    index: view.getUint32(MIB_IF_ROW2.interfaceIndex, true),
    guid: row.slice(MIB_IF_ROW2.interfaceGuid, MIB_IF_ROW2.interfaceGuid + 16),
    mtu: view.getUint32(MIB_IF_ROW2.mtu, true),
    isUp: view.getUint32(MIB_IF_ROW2.operStatus, true) === abi.OPER_STATUS_UP,
  }
}

function viewOf(row: Uint8Array): DataView {
  return new DataView(row.buffer, row.byteOffset, row.byteLength)
}
