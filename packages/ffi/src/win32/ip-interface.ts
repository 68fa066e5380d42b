/** The TCP/IP settings of an interface, one row for each family: what adapters and host-net both change. */
import type { Bound } from '../library.js'

/** `MIB_IPINTERFACE_ROW`: the same on x86, x64 and arm64. */
export const MIB_IPINTERFACE_ROW = {
  size: 168,
  family: 0,
  interfaceLuid: 8,
  interfaceIndex: 16,
  forwardingEnabled: 41,
  weakHostSend: 42,
  useAutomaticMetric: 44,
  managedAddressConfigurationSupported: 46,
  otherStatefulConfigurationSupported: 47,
  routerDiscoveryBehavior: 52,
  dadTransmits: 56,
  sitePrefixLength: 144,
  metric: 148,
  nlMtu: 152,
  connected: 156,
} as const

/** They return a Windows error code; `GetLastError` has nothing to do with it. */
export const ipInterfaceTable = {
  initializeIpInterfaceEntry: ['InitializeIpInterfaceEntry', 'void', ['void *']],
  getIpInterfaceEntry: ['GetIpInterfaceEntry', 'uint32_t', ['void *']],
  setIpInterfaceEntry: ['SetIpInterfaceEntry', 'uint32_t', ['void *']],
} as const

/** {@link ipInterfaceTable}, bound to a library. */
export type IpInterfaceCalls = Bound<typeof ipInterfaceTable>

/** The row of one family, or the code: 1168 when TCP/IP has not bound to the interface yet, or never will. */
export function readIpInterface(call: IpInterfaceCalls, luid: bigint, family: number): DataView | number {
  const row = new Uint8Array(MIB_IPINTERFACE_ROW.size)
  const view = new DataView(row.buffer)
  call.initializeIpInterfaceEntry(row)
  view.setUint16(MIB_IPINTERFACE_ROW.family, family, true)
  view.setBigUint64(MIB_IPINTERFACE_ROW.interfaceLuid, luid, true)
  const code = call.getIpInterfaceEntry(row)
  return code === 0 ? view : code
}

/** Reads a row, lets `change` write to it, and sets it. Returns the code, 0 for success. */
export function changeIpInterface(
  call: IpInterfaceCalls,
  luid: bigint,
  family: number,
  change: (row: DataView) => void,
): number {
  const view = readIpInterface(call, luid, family)
  if (typeof view === 'number') return view
  // Windows tells a length that it refuses to be told.
  view.setUint32(MIB_IPINTERFACE_ROW.sitePrefixLength, 0, true)
  change(view)
  return call.setIpInterfaceEntry(new Uint8Array(view.buffer))
}
