/** Single values of the registry, from the 64-bit view whatever node.exe is. */
import { systemDll } from './system.js'
import { fromWide } from './wide.js'

const advapi32 = systemDll('advapi32.dll', {
  getValue: [
    'RegGetValueW',
    'int32_t',
    ['uintptr_t', 'str16', 'str16', 'uint32_t', 'uintptr_t', 'void *', 'void *'],
  ],
})

const HKEY_LOCAL_MACHINE = 0x8000_0002

const RRF_RT_REG_SZ = 2
const RRF_RT_REG_DWORD = 0x10
const RRF_SUBKEY_WOW6464KEY = 0x1_0000
const MAX_STRING_BYTES = 2048

/** `null` when there is no such value below HKEY_LOCAL_MACHINE, or one of another type, or it may not be read. */
export function registryString(key: string, name: string): string | null {
  const bytes = read(key, name, RRF_RT_REG_SZ, MAX_STRING_BYTES)
  return bytes === null ? null : fromWide(bytes)
}

/** A REG_DWORD; `null` as above. */
export function registryNumber(key: string, name: string): number | null {
  const bytes = read(key, name, RRF_RT_REG_DWORD, 4)
  return bytes === null ? null : new DataView(bytes.buffer).getUint32(0, true)
}

function read(key: string, name: string, type: number, room: number): Uint8Array | null {
  const bytes = new Uint8Array(room)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, room, true)
  const flags = type | RRF_SUBKEY_WOW6464KEY
  return advapi32.call.getValue(HKEY_LOCAL_MACHINE, key, name, flags, 0, bytes, length) === 0 ? bytes : null
}
