/** Folders that only administrators may write to, as the system has them: an environment variable is anybody's. */
import { readRegistryString } from '@wireweave/ffi/win32/registry'

/** `C:\Program Files`, the one of 64-bit programs. */
export function programFilesFolder(): string {
  return readRegistryString('SOFTWARE\\Microsoft\\Windows\\CurrentVersion', 'ProgramFilesDir') ?? 'C:\\Program Files'
}
