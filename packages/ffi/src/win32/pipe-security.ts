/** Who may open a named pipe that this process listens on. Node.js gives it a descriptor that everybody may read by. */
import { lastError } from '../errno.js'
import { ERROR_ACCESS_DENIED, ERROR_INVALID_OWNER } from './codes.js'
import { systemDll } from './system.js'

const kernel32 = systemDll('kernel32.dll', {
  createFile: [
    'CreateFileW',
    'int64_t',
    ['str16', 'uint32_t', 'uint32_t', 'uintptr_t', 'uint32_t', 'uint32_t', 'uintptr_t'],
  ],
  closeHandle: ['CloseHandle', 'int32_t', ['uintptr_t']],
  localFree: ['LocalFree', 'uintptr_t', ['uintptr_t']],
})
const advapi32 = systemDll('advapi32.dll', {
  toDescriptor: [
    'ConvertStringSecurityDescriptorToSecurityDescriptorW',
    'int32_t',
    ['str16', 'uint32_t', 'void *', 'void *'],
  ],
  setSecurity: ['SetKernelObjectSecurity', 'int32_t', ['uintptr_t', 'uint32_t', 'uintptr_t']],
})

const READ_CONTROL = 0x2_0000
const WRITE_DAC = 0x4_0000
const WRITE_OWNER = 0x8_0000
const FILE_SHARE_READ_WRITE = 3
const OPEN_EXISTING = 3
const SDDL_REVISION_1 = 1
const OWNER = 1
const DACL = 4
const LABEL = 0x10

/** As wireguard-go has it: owned by SYSTEM, for SYSTEM and Administrators, closed to everything below high integrity. */
const DESCRIPTOR = 'O:SYD:P(A;;GA;;;SY)(A;;GA;;;BA)S:(ML;;NWNRNX;;;HI)'

export type Protection =
  /** As Windows' wg.exe wants it. */
  | 'complete'
  /** Nobody else may open it, but it is not SYSTEM's: only SYSTEM can make it so, and wg.exe asks for that. */
  | 'notOwnedBySystem'

/** A number is the Windows error code of the failure: then the pipe is as Node.js made it. */
export function protectPipe(path: string): Protection | number {
  const access = READ_CONTROL | WRITE_DAC | WRITE_OWNER
  // Our own listener accepts this as a connection, which is closed at once.
  const handle = Number(kernel32.call.createFile(path, access, FILE_SHARE_READ_WRITE, 0, OPEN_EXISTING, 0, 0))
  if (handle === -1) return lastError()
  const pointer = new Uint8Array(8)
  try {
    if (advapi32.call.toDescriptor(DESCRIPTOR, SDDL_REVISION_1, pointer, null) === 0) return lastError()
    const descriptor = Number(new DataView(pointer.buffer).getBigUint64(0, true))
    try {
      if (advapi32.call.setSecurity(handle, OWNER | DACL | LABEL, descriptor) !== 0) return 'complete'
      const code = lastError()
      if (code !== ERROR_INVALID_OWNER && code !== ERROR_ACCESS_DENIED) return code
      return advapi32.call.setSecurity(handle, DACL | LABEL, descriptor) !== 0 ? 'notOwnedBySystem' : lastError()
    } finally {
      kernel32.call.localFree(descriptor)
    }
  } finally {
    kernel32.call.closeHandle(handle)
  }
}
