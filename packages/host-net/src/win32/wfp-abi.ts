/** Structs and identities of the Windows Filtering Platform, where pointers have 8 bytes. */

export const FWPM_SESSION0 = { size: 72, flags: 32 } as const
export const FWPM_PROVIDER0 = { size: 64, providerKey: 0, displayDataName: 16 } as const
export const FWPM_SUBLAYER0 = { size: 72, subLayerKey: 0, displayDataName: 16, providerKey: 40, weight: 64 } as const
export const FWPM_FILTER0 = {
  size: 200,
  displayDataName: 16,
  flags: 32,
  providerKey: 40,
  layerKey: 64,
  subLayerKey: 80,
  weight: 96,
  numFilterConditions: 112,
  filterCondition: 120,
  actionType: 128,
} as const
export const FWPM_FILTER_CONDITION0 = { size: 40, fieldKey: 0, matchType: 16, conditionValue: 24 } as const
/** The value, or where it is. */
export const FWP_VALUE0 = { size: 16, type: 0, value: 8 } as const
export const FWP_BYTE_BLOB = { size: 16, length: 0, data: 8 } as const

/** Objects of the session vanish with it, also when its process is killed. */
export const FWPM_SESSION_FLAG_DYNAMIC = 1
export const FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT = 8
export const FWP_ACTION_BLOCK = 0x1001
export const FWP_ACTION_PERMIT = 0x1002
export const FWP_MATCH_EQUAL = 0
export const FWP_MATCH_FLAGS_ALL_SET = 6
export const FWP_CONDITION_FLAG_IS_LOOPBACK = 1

export const FWP_UINT8 = 1
export const FWP_UINT16 = 2
export const FWP_UINT32 = 3
export const FWP_UINT64 = 4
export const FWP_BYTE_BLOB_TYPE = 12
export const FWP_SECURITY_DESCRIPTOR_TYPE = 14
export const FWP_V4_ADDR_MASK = 256
export const FWP_V6_ADDR_MASK = 257

export const LAYERS = {
  connect4: 'c38d57d1-05a7-4c33-904f-7fbceee60e82',
  accept4: 'e1cd9fe7-f4b5-4273-96c0-592e487b8650',
  connect6: '4a72393b-319f-44bc-84c3-ba54dcb3b6b4',
  accept6: 'a3b42c97-9f04-4672-b87e-cee9c483257f',
} as const

export const FIELDS = {
  interface: '4cd62a49-59c3-4969-b7f3-bda5d32890a4',
  remoteAddress: 'b235ae9a-1d64-49b8-a44c-5ff3d9095045',
  localAddress: 'd9ee00de-c1ef-4617-bfe3-ffd8f5a08957',
  protocol: '3971ef2b-623e-4f9a-8cb1-6e79b806b9a7',
  localPort: '0c1ba1af-5765-453f-af22-a8f791ac775b',
  remotePort: 'c35a604d-d22b-4e1a-91b4-68f674ee674b',
  appId: 'd78e1e87-8644-4ea5-9437-d809ecefc971',
  userId: 'af043a0a-b34d-4f86-979c-c90371af6e66',
  flags: '632ce23b-5167-435c-86d7-e903684aa80c',
} as const
