/** Who may open a named pipe that this process listens on. Node.js gives it a descriptor that everybody may read by. */
import { lastError } from '../errno.js'
import { ERROR_ACCESS_DENIED, ERROR_INVALID_OWNER } from './codes.js'
import {
  DACL_SECURITY_INFORMATION,
  LABEL_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  parseSddl,
} from './security-descriptor.js'
import { systemDll } from './system.js'

const kernel32 = systemDll('kernel32.dll', {
  createFile: [
    'CreateFileW',
    'int64_t',
    ['str16', 'uint32_t', 'uint32_t', 'uintptr_t', 'uint32_t', 'uint32_t', 'uintptr_t'],
  ],
  closeHandle: ['CloseHandle', 'int32_t', ['uintptr_t']],
})
const advapi32 = systemDll('advapi32.dll', {
  setSecurity: ['SetKernelObjectSecurity', 'int32_t', ['uintptr_t', 'uint32_t', 'uintptr_t']],
})

const READ_CONTROL = 0x2_0000
const WRITE_DAC = 0x4_0000
const WRITE_OWNER = 0x8_0000
const FILE_SHARE_READ_WRITE = 3
const OPEN_EXISTING = 3

/** As wireguard-go has it: owned by SYSTEM, for SYSTEM and Administrators, closed to everything below high integrity. */
const DESCRIPTOR = 'O:SYD:P(A;;GA;;;SY)(A;;GA;;;BA)S:(ML;;NWNRNX;;;HI)'

/** How far a pipe could be closed to others. */
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
  try {
    const descriptor = parseSddl(DESCRIPTOR)
    if (typeof descriptor === 'number') return descriptor
    try {
      return protect(handle, descriptor.address)
    } finally {
      descriptor.free()
    }
  } finally {
    kernel32.call.closeHandle(handle)
  }
}

function protect(handle: number, descriptor: number): Protection | number {
  const access = DACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION
  if (advapi32.call.setSecurity(handle, OWNER_SECURITY_INFORMATION | access, descriptor) !== 0) return 'complete'
  const code = lastError()
  if (code !== ERROR_INVALID_OWNER && code !== ERROR_ACCESS_DENIED) return code
  return advapi32.call.setSecurity(handle, access, descriptor) !== 0 ? 'notOwnedBySystem' : lastError()
}
