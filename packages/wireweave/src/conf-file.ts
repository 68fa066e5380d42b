/** Configuration files: which one a name means, reading it, writing it without ever leaving half of it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { programFilesFolder } from '@wireweave/host-net/win32/folders'
import { WireGuardError } from '@wireweave/tunnel/errors'
import {
  INTERFACE_NAME_RULE,
  isInterfaceName,
  isWindowsName,
  WINDOWS_NAME_RULE,
} from '@wireweave/tunnel/interface-name'
import { makePrivate } from './private-file.js'

/**
 * A path that ends in `.conf`, or the name of an interface, which means `/etc/wireguard/<name>.conf`, on Windows
 * `%ProgramFiles%\Wireweave\<name>.conf`; or the text itself with the name that its interface shall have.
 */
export type ConfSource = string | { readonly text: string; readonly name: string }

export interface ConfFile {
  /** Of the interface. */
  readonly name: string
  readonly text: string
  /** `null` when the text was given. */
  readonly path: string | null
  /** Permission bits; 0 when the text was given. */
  readonly mode: number
}

/** Throws a `WireGuardError` with code `NAME_INVALID` or `CONFIG_INVALID`. */
export function readConfFile(source: ConfSource): ConfFile {
  if (typeof source !== 'string') {
    return { name: checkName(source.name), text: source.text, path: null, mode: 0 }
  }
  const { name, file } = locateConf(source)
  return { name, path: file, ...readTextFile(file) }
}

const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'does not exist. Check the name, or make a file with "wireweave init".'],
  ['EACCES', 'may not be read. Run it as root, as with sudo.'],
  ['EISDIR', 'is a folder, not a file'],
])

/** Throws a `WireGuardError` with code `CONFIG_INVALID`. */
export function readTextFile(file: string): { readonly text: string; readonly mode: number } {
  try {
    const text = readFileSync(file, 'utf8')
    return { text, mode: statSync(file).mode & 0o777 }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    const reason = UNREADABLE.get(code) ?? `cannot be read (${code})`
    throw new WireGuardError('CONFIG_INVALID', `${file} ${reason}`, { cause, errno: code })
  }
}

const IS_WINDOWS = process.platform === 'win32'

/**
 * Where configurations are looked for by name, and only administrators may write: a configuration can name commands, which
 * run with all rights.
 */
export function confFolder(): string {
  return IS_WINDOWS ? path.join(programFilesFolder(), 'Wireweave') : '/etc/wireguard'
}

/** The interface and the file that a name or path means, whether the file exists or not. */
export function locateConf(source: string): { readonly name: string; readonly file: string } {
  const isPath = source.includes('/') || source.endsWith('.conf') || (IS_WINDOWS && source.includes('\\'))
  if (!isPath) return { name: checkName(source), file: path.join(confFolder(), `${source}.conf`) }
  const base = path.basename(source)
  if (!base.endsWith('.conf')) {
    throw new WireGuardError('NAME_INVALID', `${source} must be named after its interface, with .conf at the end`)
  }
  return { name: checkName(base.slice(0, -5)), file: path.resolve(source) }
}

function checkName(name: string): string {
  if (isInterfaceName(name) && (!IS_WINDOWS || isWindowsName(name))) return name
  const rule = IS_WINDOWS ? `${INTERFACE_NAME_RULE}, ${WINDOWS_NAME_RULE}` : INTERFACE_NAME_RULE
  throw new WireGuardError('NAME_INVALID', `an interface name has ${rule}`)
}

/**
 * Replaces a file as a whole, readable by its owner only: after a crash or on a full disk
 * there is the old one or the new one. A symbolic link stays; what it points to is replaced.
 */
export function writeConfFile(target: string, text: string): void {
  const file = existsSync(target) ? realpathSync(target) : target
  const temporary = `${file}.${process.pid}.tmp`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    try {
      makePrivate(temporary)
      // Not writeSync: on a disk that is nearly full it writes less than all, and does not throw.
      writeFileSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, file)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  }
}
