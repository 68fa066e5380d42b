/** Which named pipes there are. */
import { lastError } from '@wireweave/ffi/errno'
import { ERROR_FILE_NOT_FOUND, ERROR_NO_MORE_FILES, win32Text } from '@wireweave/ffi/win32/codes'
import { systemDll } from '@wireweave/ffi/win32/system'
import { fromWide } from '@wireweave/ffi/win32/wide'

const kernel32 = systemDll('kernel32.dll', {
  findFirst: ['FindFirstFileW', 'int64_t', ['str16', 'void *']],
  findNext: ['FindNextFileW', 'int32_t', ['uintptr_t', 'void *']],
  findClose: ['FindClose', 'int32_t', ['uintptr_t']],
})

export const WIN32_FIND_DATA = { size: 592, cFileName: 44, cAlternateFileName: 564 } as const

/** Names behind `\\.\pipe\`. */
export function pipeNames(): string[] {
  const names: string[] = []
  const found = new Uint8Array(WIN32_FIND_DATA.size)
  const handle = Number(kernel32.call.findFirst('\\\\.\\pipe\\*', found))
  if (handle === -1) {
    const code = lastError()
    if (code === ERROR_FILE_NOT_FOUND) return names
    throw new Error(`the pipes cannot be listed: ${win32Text(code)}`)
  }
  try {
    do names.push(fromWide(found.subarray(WIN32_FIND_DATA.cFileName, WIN32_FIND_DATA.cAlternateFileName)))
    while (kernel32.call.findNext(handle, found) !== 0)
    const code = lastError()
    if (code !== ERROR_NO_MORE_FILES) throw new Error(`the pipes cannot be listed: ${win32Text(code)}`)
    return names
  } finally {
    kernel32.call.findClose(handle)
  }
}
