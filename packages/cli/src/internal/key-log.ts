/** The file of `WIREWEAVE_KEYLOG`, in the form that Wireshark's `wg.keylog_file` reads. */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { encodeSecretKey, isZeroKey } from '@wireweave/tunnel/keys'
import type { AnyKey, PresharedKey, PrivateKey } from '@wireweave/tunnel/keys'

export interface HandshakeKeys {
  readonly localStaticPrivateKey: Uint8Array
  readonly remoteStaticPublicKey: Uint8Array
  readonly localEphemeralPrivateKey: Uint8Array
  readonly presharedKey: Uint8Array
}

export interface KeyLog {
  write(keys: HandshakeKeys): void
  close(): void
}

/**
 * Appends. Refuses a link of either kind, what is not a file, and a file that others can read: in a folder that all can
 * write to, somebody may have laid it out.
 */
export function openKeyLog(file: string): KeyLog {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants
  let fd: number
  try {
    fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'an error'
    throw refused(file, code === 'ELOOP' ? 'it is a symbolic link' : `opening it gave ${code}`)
  }
  const stats = fstatSync(fd)
  const problem = problemOf(stats)
  if (problem !== null) {
    closeSync(fd)
    throw refused(file, problem)
  }
  let isCutShort = false
  return {
    write(keys) {
      const lines = keyLogLines(keys)
      // A line that a full disk cut short must not swallow the next one.
      isCutShort = !writeLines(fd, isCutShort ? `\n${lines}` : lines)
    },
    close: () => closeSync(fd),
  }
}

function problemOf(stats: Stats): string | null {
  if (!stats.isFile()) return 'it is not a file'
  if (stats.uid !== process.geteuid?.()) return 'it belongs to another user: remove it'
  if (stats.nlink > 1) return 'the file has another name as well: remove this one'
  return (stats.mode & 0o077) === 0 ? null : 'others may read it: chmod 600 it'
}

/** False when not all of it was written: a full disk costs the dissector its keys, not the tunnel its handshake. */
function writeLines(fd: number, lines: string): boolean {
  try {
    return writeSync(fd, lines) === lines.length
  } catch {
    return false
  }
}

export function keyLogWarning(file: string): string {
  return (
    `WIREWEAVE_KEYLOG is set: the keys of every session go to ${file}. ` +
    'Whoever gets that file can decrypt the traffic. Use it for debugging only, and delete the file.'
  )
}

/** Each ephemeral key stands behind the static keys it belongs to. */
export function keyLogLines(keys: HandshakeKeys): string {
  const lines = [
    `LOCAL_STATIC_PRIVATE_KEY = ${base64(keys.localStaticPrivateKey as PrivateKey)}`,
    `REMOTE_STATIC_PUBLIC_KEY = ${base64(keys.remoteStaticPublicKey as AnyKey)}`,
    `LOCAL_EPHEMERAL_PRIVATE_KEY = ${base64(keys.localEphemeralPrivateKey as PrivateKey)}`,
  ]
  if (!isZeroKey(keys.presharedKey)) lines.push(`PRESHARED_KEY = ${base64(keys.presharedKey as PresharedKey)}`)
  return `${lines.join('\n')}\n`
}

function base64(key: AnyKey): string {
  return encodeSecretKey(key as PrivateKey, 'base64')
}

function refused(file: string, problem: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `WIREWEAVE_KEYLOG: will not write keys to ${file}: ${problem}.`)
}
