/** Index and MTU of an interface, from iphlpapi. A fresh adapter gets its TCP/IP interfaces a moment later. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ERROR_ACCESS_DENIED, ERROR_NOT_FOUND, ERROR_SUCCESS, win32Name } from '@wireweave/ffi/win32/codes'
import {
  changeIpInterface,
  ipInterfaceTable,
  MIB_IPINTERFACE_ROW,
  readIpInterface,
} from '@wireweave/ffi/win32/ip-interface'
import { AF_INET, AF_INET6 } from '@wireweave/ffi/win32/sockaddr'
import { systemDll } from '@wireweave/ffi/win32/system'
import { WireGuardError } from '@wireweave/tunnel/errors'

const TABLE = {
  ...ipInterfaceTable,
  luidToIndex: ['ConvertInterfaceLuidToIndex', 'uint32_t', ['void *', 'void *']],
  aliasToLuid: ['ConvertInterfaceAliasToLuid', 'uint32_t', ['str16', 'void *']],
} as const

/** How long the IPv4 interface may take to appear. */
const APPEARANCE_MS = 5000
const RETRY_MS = 50

export interface IpInterface {
  readonly index: number
  /** `null` while there is none. */
  mtu(): number | null
  /** For both families; IPv6 may be switched off on the machine. */
  setMtu(mtu: number): Promise<void>
}

export interface IpHelper {
  interfaceOf(luid: bigint): IpInterface
  /** Whether any interface of the machine has this name. */
  isNameTaken(name: string): boolean
}

/** `path` is for tests; otherwise the system's. */
export function ipHelper(path = 'iphlpapi.dll'): IpHelper {
  const { call } = systemDll(path, TABLE)

  function setFamilyMtu(luid: bigint, family: number, mtu: number): number {
    return changeIpInterface(call, luid, family, (row) => row.setUint32(MIB_IPINTERFACE_ROW.nlMtu, mtu, true))
  }

  async function setMtu(luid: bigint, mtu: number): Promise<void> {
    const end = performance.now() + APPEARANCE_MS
    let code = setFamilyMtu(luid, AF_INET, mtu)
    while (code === ERROR_NOT_FOUND && performance.now() < end) {
      await sleep(RETRY_MS)
      code = setFamilyMtu(luid, AF_INET, mtu)
    }
    if (code !== ERROR_SUCCESS) throw mtuFailure(mtu, code)
    const code6 = setFamilyMtu(luid, AF_INET6, mtu)
    if (code6 !== ERROR_SUCCESS && code6 !== ERROR_NOT_FOUND) throw mtuFailure(mtu, code6)
  }

  return {
    interfaceOf(luid) {
      const memory = new Uint8Array(8)
      new DataView(memory.buffer).setBigUint64(0, luid, true)
      const index = new Uint8Array(4)
      call.luidToIndex(memory, index)
      return {
        index: new DataView(index.buffer).getUint32(0, true),
        mtu() {
          for (const family of [AF_INET, AF_INET6]) {
            const row = readIpInterface(call, luid, family)
            if (typeof row !== 'number') return row.getUint32(MIB_IPINTERFACE_ROW.nlMtu, true)
          }
          return null
        },
        setMtu: (mtu) => setMtu(luid, mtu),
      }
    },
    isNameTaken(name) {
      return call.aliasToLuid(name, new Uint8Array(8)) === ERROR_SUCCESS
    },
  }
}

function mtuFailure(mtu: number, code: number): WireGuardError {
  const errno = win32Name(code)
  if (code === ERROR_ACCESS_DENIED) {
    const message = `not allowed to set the MTU (${errno}): run as administrator or as SYSTEM`
    return new WireGuardError('PERMISSION_DENIED', message, { errno })
  }
  const remedy = 'set it with "netsh interface ipv4 set subinterface"'
  return new WireGuardError('SYSTEM', `cannot set the MTU to ${mtu} (${errno}): ${remedy}`, { errno })
}
