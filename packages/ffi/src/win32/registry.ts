/** Values under HKEY_LOCAL_MACHINE, always those that 64-bit programs see. */
import { ERROR_FILE_NOT_FOUND, ERROR_SUCCESS } from './codes.js'
import { systemDll } from './system.js'
import { fromWide, wide } from './wide.js'

const HKEY_LOCAL_MACHINE = 0x8000_0002
const RRF_RT_REG_SZ = 2
const RRF_RT_REG_DWORD = 0x10
const MAX_STRING_BYTES = 2048
const RRF_SUBKEY_WOW6464KEY = 0x0001_0000
const KEY_SET_VALUE = 2
const KEY_WOW64_64KEY = 0x100
const REG_SZ = 1

const advapi32 = systemDll('advapi32.dll', {
  getValue: ['RegGetValueW', 'uint32_t', ['uintptr_t', 'str16', 'str16', 'uint32_t', 'void *', 'void *', 'void *']],
  createKey: [
    'RegCreateKeyExW',
    'uint32_t',
    ['uintptr_t', 'str16', 'uint32_t', 'void *', 'uint32_t', 'uint32_t', 'void *', 'void *', 'void *'],
  ],
  setValue: ['RegSetValueExW', 'uint32_t', ['uintptr_t', 'str16', 'uint32_t', 'uint32_t', 'void *', 'uint32_t']],
  closeKey: ['RegCloseKey', 'uint32_t', ['uintptr_t']],
})

/** `null` when there is no such value, or it is of another type or may not be read. */
export function readRegistryDword(key: string, name: string): number | null {
  const value = new Uint8Array(4)
  const size = Uint8Array.of(4, 0, 0, 0)
  const flags = RRF_RT_REG_DWORD | RRF_SUBKEY_WOW6464KEY
  const code = advapi32.call.getValue(HKEY_LOCAL_MACHINE, key, name, flags, null, value, size)
  return code === ERROR_SUCCESS ? new DataView(value.buffer).getUint32(0, true) : null
}

/** As {@link readRegistryDword}. */
export function readRegistryString(key: string, name: string): string | null {
  const value = new Uint8Array(MAX_STRING_BYTES)
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, MAX_STRING_BYTES, true)
  const flags = RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY
  const code = advapi32.call.getValue(HKEY_LOCAL_MACHINE, key, name, flags, null, value, size)
  return code === ERROR_SUCCESS ? fromWide(value) : null
}

/** Writes a string, making the key if needed. Returns a Windows error code. */
export function writeRegistryString(key: string, name: string, text: string): number {
  const handle = new Uint8Array(8)
  const access = KEY_SET_VALUE | KEY_WOW64_64KEY
  const code = advapi32.call.createKey(HKEY_LOCAL_MACHINE, key, 0, null, 0, access, null, handle, null)
  if (code !== ERROR_SUCCESS) return code
  const address = Number(new DataView(handle.buffer).getBigUint64(0, true))
  if (address === 0) return ERROR_FILE_NOT_FOUND
  const bytes = wide(text)
  try {
    return advapi32.call.setValue(address, name, 0, REG_SZ, bytes, bytes.length)
  } finally {
    advapi32.call.closeKey(address)
  }
}
