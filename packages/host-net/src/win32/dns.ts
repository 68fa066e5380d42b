/** DNS servers of an interface: by a function that Windows has since 1809, or by its registry and a word to the resolver. */
import { addressOf, NativeMemory, writePointer } from '@wireweave/ffi/memory'
import { ERROR_SUCCESS } from '@wireweave/ffi/win32/codes'
import { formatGuid } from '@wireweave/ffi/win32/guid'
import { writeRegistryString } from '@wireweave/ffi/win32/registry'
import { systemDll } from '@wireweave/ffi/win32/system'
import type { SystemDll } from '@wireweave/ffi/win32/system'
import { wide } from '@wireweave/ffi/win32/wide'
import { formatIp } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'
import * as abi from './abi.js'
import { DNS_INTERFACE_SETTINGS } from './abi.js'

/** A GUID by value is a pointer to a copy on x64 and two registers on arm64. */
const onX64 = { set: ['SetInterfaceDnsSettings', 'uint32_t', ['void *', 'void *']] } as const
const onArm64 = { set: ['SetInterfaceDnsSettings', 'uint32_t', ['uint64_t', 'uint64_t', 'void *']] } as const

export type DnsCalls = typeof onX64 | typeof onArm64

export function setDnsTable(arch: 'x64' | 'arm64'): DnsCalls {
  return arch === 'x64' ? onX64 : onArm64
}

/** Returns a Windows error code. */
export function setDnsByCall(
  dll: SystemDll<DnsCalls, {}>,
  guid: Uint8Array,
  family: 4 | 6,
  servers: readonly IpAddress[],
  search: readonly string[],
): number {
  const [nameServer, searchList] = [servers.map(formatIp).join(','), search.join(',')]
  if (!dll.has('set')) return setDnsByRegistry(guid, family, nameServer, searchList)
  const strings = [wide(nameServer), wide(searchList)] as const
  const settings = encodeDnsSettings(family, addressOf(strings[0]), addressOf(strings[1]))
  // The views are named once more behind the call: their memory must outlive it.
  const code = setByValue(dll, guid, settings.bytes)
  void strings.length
  return code
}

/** `nameServer` and `searchList` are addresses of UTF-16 strings. */
function encodeDnsSettings(family: 4 | 6, nameServer: number, searchList: number): NativeMemory {
  const settings = new NativeMemory(DNS_INTERFACE_SETTINGS.size)
  const flags = abi.DNS_SETTING_NAMESERVER | abi.DNS_SETTING_SEARCHLIST | (family === 6 ? abi.DNS_SETTING_IPV6 : 0)
  settings.view.setUint32(DNS_INTERFACE_SETTINGS.version, 1, true)
  settings.view.setUint32(DNS_INTERFACE_SETTINGS.flags, flags, true)
  writePointer(settings.view, DNS_INTERFACE_SETTINGS.nameServer, nameServer)
  writePointer(settings.view, DNS_INTERFACE_SETTINGS.searchList, searchList)
  return settings
}

function setByValue(dll: SystemDll<DnsCalls, {}>, guid: Uint8Array, settings: Uint8Array): number {
  if (process.arch === 'x64') return (dll as SystemDll<typeof onX64, {}>).call.set(guid.slice(), settings)
  const view = new DataView(guid.buffer, guid.byteOffset, guid.byteLength)
  const [low, high] = [view.getBigUint64(0, true), view.getBigUint64(8, true)]
  return (dll as SystemDll<typeof onArm64, {}>).call.set(low, high, settings)
}

const SERVICES = 'SYSTEM\\CurrentControlSet\\Services'

/** Where the servers of an interface are kept. */
export function dnsRegistryKey(guid: Uint8Array, family: 4 | 6): string {
  return `${SERVICES}\\${family === 4 ? 'Tcpip' : 'Tcpip6'}\\Parameters\\Interfaces\\${formatGuid(guid)}`
}

function setDnsByRegistry(guid: Uint8Array, family: 4 | 6, nameServer: string, searchList: string): number {
  const key = dnsRegistryKey(guid, family)
  const code = writeRegistryString(key, 'NameServer', nameServer) || writeRegistryString(key, 'SearchList', searchList)
  if (code === ERROR_SUCCESS) tellResolver()
  return code
}

const advapi32 = systemDll('advapi32.dll', {
  openManager: ['OpenSCManagerW', 'uintptr_t', ['str16', 'str16', 'uint32_t']],
  openService: ['OpenServiceW', 'uintptr_t', ['uintptr_t', 'str16', 'uint32_t']],
  control: ['ControlService', 'int32_t', ['uintptr_t', 'uint32_t', 'void *']],
  close: ['CloseServiceHandle', 'int32_t', ['uintptr_t']],
})
const SC_MANAGER_CONNECT = 1
const SERVICE_PAUSE_CONTINUE = 0x40
const SERVICE_CONTROL_PARAMCHANGE = 6
const SERVICE_STATUS_BYTES = 28

/** Without it the resolver learns of the change a little later. */
function tellResolver(): void {
  const manager = advapi32.call.openManager(null, null, SC_MANAGER_CONNECT)
  if (manager === 0) return
  const service = advapi32.call.openService(manager, 'dnscache', SERVICE_PAUSE_CONTINUE)
  if (service !== 0) {
    advapi32.call.control(service, SERVICE_CONTROL_PARAMCHANGE, new Uint8Array(SERVICE_STATUS_BYTES))
    advapi32.call.close(service)
  }
  advapi32.call.close(manager)
}
