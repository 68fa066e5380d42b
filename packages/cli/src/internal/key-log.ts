/** The file of `WIREWEAVE_KEYLOG`, in the form that Wireshark's `wg.keylog_file` reads. */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
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

/** Appends. Refuses a symbolic link, what is not a file, and a file that others can read. */
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
  const problem = !stats.isFile()
    ? 'it is not a file'
    : (stats.mode & 0o077) !== 0
      ? 'others may read it: chmod 600 it'
      : null
  if (problem !== null) {
    closeSync(fd)
    throw refused(file, problem)
  }
  return {
    write: (keys) => void writeSync(fd, keyLogLines(keys)),
    close: () => closeSync(fd),
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
