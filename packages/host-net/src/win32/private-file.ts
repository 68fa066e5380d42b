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

/** What a file is asked for: its bytes, or being another one from now on. */
export type FileRight = 'read' | 'change'

/** Whether every user of the machine has a right to a file. False when Windows does not tell. */
export function haveAll(right: FileRight, file: string): boolean {
  const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES)
  const { length } = descriptor
  if (advapi32.call.getSecurity(file, DACL_SECURITY_INFORMATION, descriptor, length, new Uint8Array(4)) === 0)
    return false
  const sddl = formatSddl(descriptor, DACL_SECURITY_INFORMATION)
  return typeof sddl === 'string' && givesAll(right, sddl)
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
/** Words that include a right, and its bits where there is a number. */
const RIGHTS: Readonly<Record<FileRight, { readonly words: ReadonlySet<string>; readonly bits: number }>> = {
  // FILE_READ_DATA, GENERIC_ALL, GENERIC_READ.
  read: { words: new Set(['FR', 'FA', 'GR', 'GA', 'CC']), bits: 0x1 | 0x1000_0000 | 0x8000_0000 },
  // FILE_WRITE_DATA, DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL, GENERIC_WRITE.
  change: {
    words: new Set(['FW', 'FA', 'GW', 'GA', 'DC', 'SD', 'WD', 'WO']),
    bits: 0x2 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x1000_0000 | 0x4000_0000,
  },
}

/** Of the text of an access list. Denials are not looked at: whoever denies has thought of it. */
export function givesAll(right: FileRight, sddl: string): boolean {
  // Without any list, or with one that says so, everybody may do everything.
  if (!sddl.includes('D:') || sddl.includes('NO_ACCESS_CONTROL')) return true
  const { words, bits } = RIGHTS[right]
  return [...sddl.matchAll(/\((\w+);(\w*);(\w*);[^;]*;[^;]*;([^;)]*)/g)].some(([, type, flags, rights, who]) => {
    if ((type !== 'A' && type !== 'XA') || pairs(flags!).includes('IO') || !ALL.has(who!)) return false
    return rights!.startsWith('0x') ? (Number(rights) & bits) !== 0 : pairs(rights!).some((word) => words.has(word))
  })
}

/** Flags and rights are words of two letters, one behind the other. */
function pairs(text: string): readonly string[] {
  return text.match(/../g) ?? []
}
