/** Windows' error codes: numbers, names, and the system's text. `errno` has those of POSIX. */
import { systemDll } from './system.js'

export const ERROR_SUCCESS = 0
export const ERROR_FILE_NOT_FOUND = 2
export const ERROR_PATH_NOT_FOUND = 3
export const ERROR_ACCESS_DENIED = 5
export const ERROR_NOT_ENOUGH_MEMORY = 8
export const ERROR_INVALID_DATA = 13
export const ERROR_OUTOFMEMORY = 14
export const ERROR_NOT_SAME_DEVICE = 17
export const ERROR_NO_MORE_FILES = 18
export const ERROR_BAD_COMMAND = 22
export const ERROR_BAD_LENGTH = 24
export const ERROR_SHARING_VIOLATION = 32
export const ERROR_HANDLE_EOF = 38
export const ERROR_NOT_SUPPORTED = 50
export const ERROR_DUP_NAME = 52
export const ERROR_INVALID_PARAMETER = 87
export const ERROR_BUFFER_OVERFLOW = 111
export const ERROR_MOD_NOT_FOUND = 126
export const ERROR_PROC_NOT_FOUND = 127
export const ERROR_ALREADY_EXISTS = 183
export const ERROR_BAD_EXE_FORMAT = 193
export const ERROR_MORE_DATA = 234
export const WAIT_TIMEOUT = 258
export const ERROR_NO_MORE_ITEMS = 259
export const ERROR_IO_PENDING = 997
export const ERROR_DLL_INIT_FAILED = 1114
export const ERROR_NOT_FOUND = 1168
export const ERROR_NO_MATCH = 1169
export const ERROR_SET_NOT_FOUND = 1170
export const ERROR_ALREADY_INITIALIZED = 1247
export const ERROR_INVALID_OWNER = 1307
export const ERROR_NO_SYSTEM_RESOURCES = 1450
export const ERROR_DEVICE_NOT_AVAILABLE = 4319
export const ERROR_OBJECT_ALREADY_EXISTS = 5010

const NAMES: Readonly<Record<number, string>> = {
  [ERROR_SUCCESS]: 'ERROR_SUCCESS',
  [ERROR_FILE_NOT_FOUND]: 'ERROR_FILE_NOT_FOUND',
  [ERROR_PATH_NOT_FOUND]: 'ERROR_PATH_NOT_FOUND',
  [ERROR_ACCESS_DENIED]: 'ERROR_ACCESS_DENIED',
  [ERROR_NOT_ENOUGH_MEMORY]: 'ERROR_NOT_ENOUGH_MEMORY',
  [ERROR_INVALID_DATA]: 'ERROR_INVALID_DATA',
  [ERROR_OUTOFMEMORY]: 'ERROR_OUTOFMEMORY',
  [ERROR_NOT_SAME_DEVICE]: 'ERROR_NOT_SAME_DEVICE',
  [ERROR_NO_MORE_FILES]: 'ERROR_NO_MORE_FILES',
  [ERROR_BAD_COMMAND]: 'ERROR_BAD_COMMAND',
  [ERROR_BAD_LENGTH]: 'ERROR_BAD_LENGTH',
  [ERROR_SHARING_VIOLATION]: 'ERROR_SHARING_VIOLATION',
  [ERROR_HANDLE_EOF]: 'ERROR_HANDLE_EOF',
  [ERROR_NOT_SUPPORTED]: 'ERROR_NOT_SUPPORTED',
  [ERROR_DUP_NAME]: 'ERROR_DUP_NAME',
  [ERROR_INVALID_PARAMETER]: 'ERROR_INVALID_PARAMETER',
  [ERROR_BUFFER_OVERFLOW]: 'ERROR_BUFFER_OVERFLOW',
  [ERROR_MOD_NOT_FOUND]: 'ERROR_MOD_NOT_FOUND',
  [ERROR_PROC_NOT_FOUND]: 'ERROR_PROC_NOT_FOUND',
  [ERROR_ALREADY_EXISTS]: 'ERROR_ALREADY_EXISTS',
  [ERROR_BAD_EXE_FORMAT]: 'ERROR_BAD_EXE_FORMAT',
  [ERROR_MORE_DATA]: 'ERROR_MORE_DATA',
  [WAIT_TIMEOUT]: 'WAIT_TIMEOUT',
  [ERROR_NO_MORE_ITEMS]: 'ERROR_NO_MORE_ITEMS',
  [ERROR_IO_PENDING]: 'ERROR_IO_PENDING',
  [ERROR_DLL_INIT_FAILED]: 'ERROR_DLL_INIT_FAILED',
  [ERROR_NOT_FOUND]: 'ERROR_NOT_FOUND',
  [ERROR_NO_MATCH]: 'ERROR_NO_MATCH',
  [ERROR_SET_NOT_FOUND]: 'ERROR_SET_NOT_FOUND',
  [ERROR_ALREADY_INITIALIZED]: 'ERROR_ALREADY_INITIALIZED',
  [ERROR_INVALID_OWNER]: 'ERROR_INVALID_OWNER',
  [ERROR_NO_SYSTEM_RESOURCES]: 'ERROR_NO_SYSTEM_RESOURCES',
  [ERROR_DEVICE_NOT_AVAILABLE]: 'ERROR_DEVICE_NOT_AVAILABLE',
  [ERROR_OBJECT_ALREADY_EXISTS]: 'ERROR_OBJECT_ALREADY_EXISTS',
}

/** `ERROR_ACCESS_DENIED` for 5; `Windows error 4711` for a code without a name here. */
export function win32Name(code: number): string {
  return NAMES[code] ?? `Windows error ${code}`
}

const FORMAT_MESSAGE_FROM_SYSTEM_IGNORE_INSERTS = 0x1200
const TEXT_UNITS = 512

const text = systemDll('kernel32.dll', {
  formatMessage: [
    'FormatMessageW',
    'uint32_t',
    ['uint32_t', 'uintptr_t', 'uint32_t', 'uint32_t', 'void *', 'uint32_t', 'uintptr_t'],
  ],
})

/** The name and what the system says about it, as `ERROR_ACCESS_DENIED (5): Access is denied`. Windows only. */
export function win32Text(code: number): string {
  const bytes = new Uint8Array(TEXT_UNITS * 2)
  const units = text.call.formatMessage(FORMAT_MESSAGE_FROM_SYSTEM_IGNORE_INSERTS, 0, code, 0, bytes, TEXT_UNITS, 0)
  const name = NAMES[code]
  const title = name === undefined ? `Windows error ${code}` : `${name} (${code})`
  const sentence = new TextDecoder('utf-16le').decode(bytes.subarray(0, units * 2)).trim()
  return sentence === '' ? title : `${title}: ${sentence.replace(/\.$/, '')}`
}
