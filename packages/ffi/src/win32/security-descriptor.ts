/** Who may do what with an object, between Windows' memory and its text form, SDDL. */
import { lastError } from '../errno.js'
import { systemDll } from './system.js'
import { fromWide } from './wide.js'

const kernel32 = systemDll('kernel32.dll', {
  copy: ['RtlMoveMemory', 'void', ['void *', 'uintptr_t', 'size_t']],
  localFree: ['LocalFree', 'uintptr_t', ['uintptr_t']],
})
const advapi32 = systemDll('advapi32.dll', {
  toDescriptor: [
    'ConvertStringSecurityDescriptorToSecurityDescriptorW',
    'int32_t',
    ['str16', 'uint32_t', 'void *', 'void *'],
  ],
  toText: [
    'ConvertSecurityDescriptorToStringSecurityDescriptorW',
    'int32_t',
    ['void *', 'uint32_t', 'uint32_t', 'void *', 'void *'],
  ],
})

const SDDL_REVISION_1 = 1

// Parts of a descriptor: `SECURITY_INFORMATION`.
export const OWNER_SECURITY_INFORMATION = 1
export const DACL_SECURITY_INFORMATION = 4
export const LABEL_SECURITY_INFORMATION = 0x10

/** In memory of Windows, until it is freed. */
export interface SecurityDescriptor {
  readonly address: number
  /** How long it is. */
  readonly bytes: number
  free(): void
}

/** Of a text such as `D:P(A;;GA;;;SY)`; a number is the Windows error code of the failure. */
export function parseSddl(text: string): SecurityDescriptor | number {
  const [pointer, size] = [new Uint8Array(8), new Uint8Array(4)]
  if (advapi32.call.toDescriptor(text, SDDL_REVISION_1, pointer, size) === 0) return lastError()
  const address = Number(new DataView(pointer.buffer).getBigUint64(0, true))
  const bytes = new DataView(size.buffer).getUint32(0, true)
  return { address, bytes, free: () => void kernel32.call.localFree(address) }
}

/** The text of the wanted parts of a descriptor; a number is the Windows error code of the failure. */
export function formatSddl(descriptor: Uint8Array, parts: number): string | number {
  const [pointer, units] = [new Uint8Array(8), new Uint8Array(4)]
  if (advapi32.call.toText(descriptor, SDDL_REVISION_1, parts, pointer, units) === 0) return lastError()
  const address = Number(new DataView(pointer.buffer).getBigUint64(0, true))
  const text = new Uint8Array(new DataView(units.buffer).getUint32(0, true) * 2)
  kernel32.call.copy(text, address, text.length)
  kernel32.call.localFree(address)
  return fromWide(text)
}
