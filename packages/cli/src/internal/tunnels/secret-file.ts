/** Files with keys in them. */
import { closeSync, fsyncSync, openSync, unlinkSync, writeFileSync } from 'node:fs'
import { makePrivate } from 'wireweave'
import { WireGuardError } from '@wireweave/tunnel/errors'

/** A new file that only its owner can read. Throws a `WireGuardError` when there is one of that name; removes half of one. */
export function writeSecretFile(file: string, text: string): void {
  const fd = open(file)
  try {
    makePrivate(file)
    writeFileSync(fd, text)
    fsyncSync(fd)
  } catch (error) {
    unlinkSync(file)
    throw error
  } finally {
    closeSync(fd)
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    if (code === 'EEXIST')
      throw new WireGuardError('NAME_IN_USE', `${file} exists already. Choose another, or remove it.`)
    const remedy =
      code === 'EACCES' || code === 'EPERM' ? 'Run as root, or choose another folder.' : 'Choose another place.'
    throw new WireGuardError('PERMISSION_DENIED', `${file} cannot be written (${code}). ${remedy}`, {
      cause,
      errno: code,
    })
  }
}

/** What goes into a file as one line must be one: another could be a hook, which root runs. */
export function refuseLines(values: Readonly<Record<string, string | null | undefined>>): void {
  for (const [option, value] of Object.entries(values)) {
    if (value && /\p{Cc}/u.test(value)) {
      throw new WireGuardError('CONFIG_INVALID', `${option} must be one line, without control characters`)
    }
  }
}
