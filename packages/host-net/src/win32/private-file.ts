/** Who may read a file on Windows, where the mode that Node.js tells is made up. */
import { lastError } from '@wireweave/ffi/errno'
import { ERROR_SUCCESS } from '@wireweave/ffi/win32/codes'
import { DACL_SECURITY_INFORMATION, formatSddl, parseSddl } from '@wireweave/ffi/win32/security-descriptor'
import { systemDll } from '@wireweave/ffi/win32/system'

const advapi32 = systemDll('advapi32.dll', {
  getSecurity: ['GetFileSecurityW', 'int32_t', ['str16', 'uint32_t', 'void *', 'uint32_t', 'void *']],
  setSecurity: ['SetFileSecurityW', 'int32_t', ['str16', 'uint32_t', 'uintptr_t']],
})

/** An access list has at most 64 KiB. */
const MAX_DESCRIPTOR_BYTES = 0x1_1000
/** SYSTEM, administrators and whoever owns it; what the folder would hand down is left out. */
const PRIVATE = 'D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)'

/** Whether every user of the machine may read a file. False when Windows does not tell. */
export function mayAllRead(file: string): boolean {
  const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES)
  const { length } = descriptor
  if (advapi32.call.getSecurity(file, DACL_SECURITY_INFORMATION, descriptor, length, new Uint8Array(4)) === 0)
    return false
  const sddl = formatSddl(descriptor, DACL_SECURITY_INFORMATION)
  return typeof sddl === 'string' && letsAllRead(sddl)
}

/** Lets nobody read a file but its owner, administrators and SYSTEM. Returns a Windows error code. */
export function hideFile(file: string): number {
  const descriptor = parseSddl(PRIVATE)
  if (typeof descriptor === 'number') return descriptor
  try {
    return advapi32.call.setSecurity(file, DACL_SECURITY_INFORMATION, descriptor.address) === 0
      ? lastError()
      : ERROR_SUCCESS
  } finally {
    descriptor.free()
  }
}

/** Everybody, users, guests, those who have logged on, by whichever way. */
const ALL: ReadonlySet<string> = new Set(['WD', 'BU', 'BG', 'AU', 'AN', 'IU', 'NU'])
/** Read and full access to a file, of the file's own kind and of any. */
const READING: ReadonlySet<string> = new Set(['FR', 'FA', 'GR', 'GA', 'CC'])
/** FILE_READ_DATA, GENERIC_ALL, GENERIC_READ. */
const READING_BITS = 0x1 | 0x1000_0000 | 0x8000_0000

/** Of the text of an access list. Denials are not looked at: whoever denies has thought of it. */
export function letsAllRead(sddl: string): boolean {
  // Without any list, or with one that says so, everybody may do everything.
  if (!sddl.includes('D:') || sddl.includes('NO_ACCESS_CONTROL')) return true
  return [...sddl.matchAll(/\((\w+);(\w*);(\w*);[^;]*;[^;]*;([^;)]*)/g)].some(
    ([, type, flags, rights, who]) =>
      (type === 'A' || type === 'XA') && !has(flags!, 'IO') && ALL.has(who!) && readsBy(rights!),
  )
}

function readsBy(rights: string): boolean {
  if (rights.startsWith('0x')) return (Number(rights) & READING_BITS) !== 0
  return [...READING].some((right) => has(rights, right))
}

/** Flags and rights are words of two letters, one behind the other. */
function has(words: string, wanted: string): boolean {
  const pairs: readonly string[] = words.match(/../g) ?? []
  return pairs.includes(wanted)
}
