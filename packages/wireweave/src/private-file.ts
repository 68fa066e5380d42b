/** Files with keys in them: who may read them, on every system. */
import { statSync } from 'node:fs'
import { haveAll, hideFile } from '@wireweave/host-net/win32/private-file'

const IS_WINDOWS = process.platform === 'win32'

/** Whether every user of this machine may read a file. False when that cannot be told. */
export function isReadableByAll(file: string): boolean {
  try {
    return IS_WINDOWS ? haveAll('read', file) : (statSync(file).mode & 0o007) !== 0
  } catch {
    return false
  }
}

/** Whether every user of this machine may change a file. False when that cannot be told. */
export function isWritableByAll(file: string): boolean {
  try {
    return IS_WINDOWS ? haveAll('change', file) : (statSync(file).mode & 0o002) !== 0
  } catch {
    return false
  }
}

/**
 * Makes a new, empty file one that only its owner, administrators and SYSTEM can read. Windows alone needs it: there a file
 * gets the rights that its folder hands down, whatever its mode. Where the disk knows no rights, or Node.js is without the
 * native part of koffi, it stays as it is.
 */
export function makePrivate(file: string): void {
  if (!IS_WINDOWS) return
  try {
    hideFile(file)
  } catch {
    // What is said above.
  }
}
