/** What iphlpapi.dll knows and does: addresses, routes, interfaces. Every call returns at once. */
import { ERROR_SUCCESS } from '@wireweave/ffi/win32/codes'
import {
  changeIpInterface,
  ipInterfaceTable,
  MIB_IPINTERFACE_ROW,
  readIpInterface,
} from '@wireweave/ffi/win32/ip-interface'
import { encodeSockaddr, SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import { systemDll } from '@wireweave/ffi/win32/system'
import type { SystemDll } from '@wireweave/ffi/win32/system'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { Cidr } from '../action.js'
import { AF_OF, MIB_IF_ROW2, MIB_IPFORWARD_ROW2, MIB_TABLE_HEADER_BYTES, MIB_UNICASTIPADDRESS_ROW } from './abi.js'
import { setDnsByCall, setDnsTable } from './dns.js'
import type { DnsCalls } from './dns.js'
import { fillAddress, fillInterface, fillRoute, readAddress, readLink, readRoute } from './rows.js'
import type { AddressRow, LinkRow, RouteRow } from './rows.js'

const functions = {
  initializeAddress: ['InitializeUnicastIpAddressEntry', 'void', ['void *']],
  createAddress: ['CreateUnicastIpAddressEntry', 'uint32_t', ['void *']],
  deleteAddress: ['DeleteUnicastIpAddressEntry', 'uint32_t', ['void *']],
  addressTable: ['GetUnicastIpAddressTable', 'uint32_t', ['uint16_t', 'void *']],
  initializeRoute: ['InitializeIpForwardEntry', 'void', ['void *']],
  createRoute: ['CreateIpForwardEntry2', 'uint32_t', ['void *']],
  deleteRoute: ['DeleteIpForwardEntry2', 'uint32_t', ['void *']],
  routeTable: ['GetIpForwardTable2', 'uint32_t', ['uint16_t', 'void *']],
  bestRoute: ['GetBestRoute2', 'uint32_t', ['void *', 'uint32_t', 'void *', 'void *', 'uint32_t', 'void *', 'void *']],
  freeTable: ['FreeMibTable', 'void', ['uintptr_t']],
  linkEntry: ['GetIfEntry2', 'uint32_t', ['void *']],
  aliasToLuid: ['ConvertInterfaceAliasToLuid', 'uint32_t', ['str16', 'void *']],
} as const

const kernel32 = systemDll('kernel32.dll', { copy: ['RtlMoveMemory', 'void', ['void *', 'uintptr_t', 'size_t']] })

/** Of one interface and family. */
export interface IpInterface {
  readonly mtu: number
  readonly metric: number
}

/** This machine by iphlpapi: a LUID names an interface as long as that exists, also when its index changes. */
export class Machine {
  readonly #dll: SystemDll<typeof functions, {}>
  readonly #ipInterfaces: SystemDll<typeof ipInterfaceTable, {}>
  readonly #dns: SystemDll<DnsCalls, {}>

  /** `iphlpapi` is the absolute path of a stand-in, for tests. Throws where addresses have not 64 bits. */
  constructor(iphlpapi = 'iphlpapi.dll') {
    if (process.arch !== 'x64' && process.arch !== 'arm64') {
      throw new Error(`setting up an interface needs Node.js for x64 or arm64; this one is for ${process.arch}`)
    }
    this.#dll = systemDll(iphlpapi, functions)
    this.#ipInterfaces = systemDll(iphlpapi, ipInterfaceTable)
    this.#dns = systemDll(iphlpapi, setDnsTable(process.arch))
  }

  /** The LUID of an interface by its name; `null` when there is none. */
  luidOf(name: string): bigint | null {
    const luid = new Uint8Array(8)
    const code = this.#dll.call.aliasToLuid(name, luid)
    return code === ERROR_SUCCESS ? new DataView(luid.buffer).getBigUint64(0, true) : null
  }

  link(luid: bigint): LinkRow | null {
    const row = new Uint8Array(MIB_IF_ROW2.size)
    new DataView(row.buffer).setBigUint64(MIB_IF_ROW2.interfaceLuid, luid, true)
    return this.#dll.call.linkEntry(row) === ERROR_SUCCESS ? readLink(row) : null
  }

  /** `null` when TCP/IP of this family is not bound to the interface. */
  ipInterface(luid: bigint, family: 4 | 6): IpInterface | null {
    const row = readIpInterface(this.#ipInterfaces.call, luid, AF_OF[family])
    if (typeof row === 'number') return null
    return {
      mtu: row.getUint32(MIB_IPINTERFACE_ROW.nlMtu, true),
      metric: row.getUint32(MIB_IPINTERFACE_ROW.metric, true),
    }
  }

  // Those below return a Windows error code.

  setInterface(luid: bigint, family: 4 | 6, mtu: number, hasDefaultRoute: boolean): number {
    return changeIpInterface(this.#ipInterfaces.call, luid, AF_OF[family], (row) =>
      fillInterface(row, mtu, hasDefaultRoute),
    )
  }

  setMtu(luid: bigint, family: 4 | 6, mtu: number): number {
    return changeIpInterface(this.#ipInterfaces.call, luid, AF_OF[family], (row) =>
      row.setUint32(MIB_IPINTERFACE_ROW.nlMtu, mtu, true),
    )
  }

  addAddress(luid: bigint, address: Cidr): number {
    return this.#dll.call.createAddress(this.#addressRow(luid, address))
  }

  deleteAddress(luid: bigint, address: Cidr): number {
    return this.#dll.call.deleteAddress(this.#addressRow(luid, address))
  }

  addRoute(luid: bigint, prefix: Cidr, nextHop: IpAddress | null, metric = 0): number {
    return this.#dll.call.createRoute(this.#routeRow(luid, prefix, nextHop, metric))
  }

  deleteRoute(luid: bigint, prefix: Cidr, nextHop: IpAddress | null): number {
    return this.#dll.call.deleteRoute(this.#routeRow(luid, prefix, nextHop, 0))
  }

  /** Servers of one family and domains to search; none of either clears. */
  setDns(guid: Uint8Array, family: 4 | 6, servers: readonly IpAddress[], search: readonly string[]): number {
    return setDnsByCall(this.#dns, guid, family, servers, search)
  }

  addresses(): AddressRow[] {
    const { addressTable } = this.#dll.call
    return this.#rows(addressTable, MIB_UNICASTIPADDRESS_ROW.size).flatMap((row) => readAddress(row) ?? [])
  }

  routes(family: 4 | 6): RouteRow[] {
    const { routeTable } = this.#dll.call
    return this.#rows(routeTable, MIB_IPFORWARD_ROW2.size, AF_OF[family]).flatMap((row) => readRoute(row) ?? [])
  }

  /** The way to an address as it is now; `null` when there is none. */
  bestRoute(destination: IpAddress): RouteRow | null {
    const to = new Uint8Array(SOCKADDR_INET.size)
    encodeSockaddr(new DataView(to.buffer), 0, { address: destination, port: 0 })
    const row = new Uint8Array(MIB_IPFORWARD_ROW2.size)
    const code = this.#dll.call.bestRoute(null, 0, null, to, 0, row, new Uint8Array(SOCKADDR_INET.size))
    return code === ERROR_SUCCESS ? readRoute(row) : null
  }

  #addressRow(luid: bigint, address: Cidr): Uint8Array {
    const row = new Uint8Array(MIB_UNICASTIPADDRESS_ROW.size)
    this.#dll.call.initializeAddress(row)
    fillAddress(row, luid, address)
    return row
  }

  #routeRow(luid: bigint, prefix: Cidr, nextHop: IpAddress | null, metric: number): Uint8Array {
    const row = new Uint8Array(MIB_IPFORWARD_ROW2.size)
    this.#dll.call.initializeRoute(row)
    fillRoute(row, luid, prefix, nextHop, metric)
    return row
  }

  /** Copies a table out of Windows' memory and frees it. */
  #rows(read: (family: number, table: Uint8Array) => number, size: number, family = 0): Uint8Array[] {
    const pointer = new Uint8Array(8)
    if (read(family, pointer) !== ERROR_SUCCESS) return []
    const address = Number(new DataView(pointer.buffer).getBigUint64(0, true))
    try {
      const header = new Uint8Array(MIB_TABLE_HEADER_BYTES)
      kernel32.call.copy(header, address, header.length)
      const count = new DataView(header.buffer).getUint32(0, true)
      const bytes = new Uint8Array(Math.max(1, count * size))
      kernel32.call.copy(bytes, address + MIB_TABLE_HEADER_BYTES, count * size)
      return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    } finally {
      this.#dll.call.freeTable(address)
    }
  }
}
