/** Files named on the command line; `-` and `/dev/stdin` are standard input, whatever that is. */
import { closeSync, openSync, readSync } from 'node:fs'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { decodeKey, isZeroKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey } from '@wireweave/tunnel/keys'

const MOST_CONF_BYTES = 64 * 1024 * 1024
/** A key, and white space around it. */
const MOST_KEY_BYTES = 1024

/** A configuration file as text. Throws a `WireGuardError` that names it. */
export function readText(file: string): string {
  const bytes = readBytes(file, MOST_CONF_BYTES)
  const text = bytes.toString('utf8')
  bytes.fill(0)
  return text
}

/** The key in a file; `null`, which removes the key, when the file is empty. `word` is the one that names the file. */
export function readKeyFile<K extends PrivateKey | PresharedKey>(file: string, word: string): K | null {
  const bytes = readBytes(file, MOST_KEY_BYTES)
  const text = bytes.toString('latin1').trim()
  bytes.fill(0)
  if (text === '') return null
  const key = decodeKey<K>(text)
  if (key !== null) return isZeroKey(key) ? null : key
  const remedy = `It has to hold 44 characters of base64, as "wireweave ${word === 'private-key' ? 'genkey' : 'genpsk'}" prints.`
  throw new WireGuardError('CONFIG_INVALID', `${word}: ${fileName(file)} holds no key. ${remedy}`)
}

function readBytes(file: string, most: number): Buffer {
  const isInput = file === '-' || file === '/dev/stdin'
  let fd = -1
  const chunks: Buffer[] = []
  try {
    fd = isInput ? 0 : openSync(file, 'r')
    let length = 0
    for (;;) {
      const chunk = Buffer.alloc(Math.min(65_536, most + 1 - length))
      const got = readSync(fd, chunk, 0, chunk.length, null)
      if (got === 0) return Buffer.concat(chunks)
      chunks.push(chunk.subarray(0, got))
      length += got
      if (length > most)
        throw new WireGuardError(
          'CONFIG_INVALID',
          `${fileName(file)} has more than ${most} bytes. Is it the right file?`,
        )
    }
  } catch (error) {
    throw error instanceof WireGuardError ? error : unreadable(file, error)
  } finally {
    if (fd > 0) closeSync(fd)
    // With one chunk the result is a copy, too.
    for (const chunk of chunks) chunk.fill(0)
  }
}

function unreadable(file: string, cause: unknown): WireGuardError {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException
  const why = REASONS.get(code) ?? `cannot be read (${code})`
  return new WireGuardError('CONFIG_INVALID', `${fileName(file)} ${why}`, { cause, errno: code })
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'does not exist. Check the path.'],
  ['EACCES', 'may not be read. Run it as root, as with sudo.'],
  ['EISDIR', 'is a folder. Name a file in it.'],
])

/** How messages call a file. Who gives a key where its file is meant does not want to read it again in a log. */
export function fileName(file: string): string {
  if (/^(?:[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64})$/.test(file)) return 'what looks like a key, not a file,'
  return file === '-' ? 'standard input' : file.replaceAll(/\p{Cc}/gu, '?')
}
