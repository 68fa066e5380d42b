/** May this process change the machine? */
import { systemDll } from './system.js'

const kernel32 = systemDll('kernel32.dll', {
  currentProcess: ['GetCurrentProcess', 'int64_t', []],
  closeHandle: ['CloseHandle', 'int32_t', ['uintptr_t']],
})

const advapi32 = systemDll('advapi32.dll', {
  openToken: ['OpenProcessToken', 'int32_t', ['int64_t', 'uint32_t', 'void *']],
  tokenInformation: ['GetTokenInformation', 'int32_t', ['uintptr_t', 'uint32_t', 'void *', 'uint32_t', 'void *']],
})

const TOKEN_QUERY = 8
const TOKEN_ELEVATION = 20

/** Administrator with full rights, or SYSTEM. True where Windows does not tell, so that the call itself decides. */
export function isElevated(): boolean {
  const token = new Uint8Array(8)
  if (advapi32.call.openToken(kernel32.call.currentProcess(), TOKEN_QUERY, token) === 0) return true
  const handle = Number(new DataView(token.buffer).getBigUint64(0, true))
  const elevation = new Uint8Array(4)
  const isTold = advapi32.call.tokenInformation(handle, TOKEN_ELEVATION, elevation, 4, new Uint8Array(4)) !== 0
  kernel32.call.closeHandle(handle)
  return !isTold || elevation.some((byte) => byte !== 0)
}
