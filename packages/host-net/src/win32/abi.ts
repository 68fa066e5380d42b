/** Structs of iphlpapi.dll as tables of offsets. All but the last are the same on x86, x64 and arm64; that one is for 64 bits. */

export const MIB_UNICASTIPADDRESS_ROW = {
  size: 80,
  address: 0,
  interfaceLuid: 32,
  interfaceIndex: 40,
  validLifetime: 52,
  preferredLifetime: 56,
  onLinkPrefixLength: 60,
  dadState: 64,
} as const

export const MIB_IPFORWARD_ROW2 = {
  size: 104,
  interfaceLuid: 0,
  interfaceIndex: 8,
  destinationPrefix: 12,
  destinationPrefixLength: 40,
  nextHop: 44,
  validLifetime: 76,
  preferredLifetime: 80,
  metric: 84,
  protocol: 88,
} as const

export const MIB_IF_ROW2 = {
  size: 1352,
  interfaceLuid: 0,
  interfaceIndex: 8,
  interfaceGuid: 12,
  alias: 28,
  mtu: 1124,
  type: 1128,
  operStatus: 1156,
} as const

/** Before the rows of a table: their count, and padding. */
export const MIB_TABLE_HEADER_BYTES = 8

/** Version 1, where pointers have 8 bytes. */
export const DNS_INTERFACE_SETTINGS = { size: 64, version: 0, flags: 8, nameServer: 24, searchList: 32 } as const

export const DNS_SETTING_IPV6 = 0x1
export const DNS_SETTING_NAMESERVER = 0x2
export const DNS_SETTING_SEARCHLIST = 0x4

/** Usable at once: nobody on a tunnel answers the detection of duplicates. */
export const DAD_STATE_PREFERRED = 4
export const OPER_STATUS_UP = 1
export const ROUTE_PROTOCOL_NETMGMT = 3
export const ROUTER_DISCOVERY_DISABLED = 0

export const AF_OF = { 4: 2, 6: 23 } as const
