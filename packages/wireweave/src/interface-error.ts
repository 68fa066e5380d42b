/** What went wrong with an interface that runs already: in the words of `wg`, with what to do about it. */
import { WireGuardError, isWireGuardError } from '@wireweave/tunnel/errors'
import type { WireGuardErrorCode } from '@wireweave/tunnel/errors'

export type InterfaceVerb = 'list' | 'access' | 'modify'

/** `cause` is the name of a system error, or an error that has one. `detail` says more than the name does. */
export function interfaceError(
  verb: InterfaceVerb,
  name: string | null,
  cause: unknown,
  detail: string | null = null,
): WireGuardError {
  const errno = typeof cause === 'string' ? cause : errnoOf(cause)
  const what = name === null ? `Unable to ${verb} interfaces` : `Unable to ${verb} interface ${printable(name)}`
  const known = KNOWN.get(errno)
  const why = known?.text ?? (cause instanceof Error ? cause.message : errno)
  const remedy = detail ?? known?.remedy ?? null
  return new WireGuardError(known?.code ?? 'SYSTEM', `${what}: ${why}${remedy === null ? '' : `. ${remedy}`}`, {
    errno,
    ...(typeof cause === 'string' ? {} : { cause }),
  })
}

/** The name of an error number that came over UAPI, which are those of Linux everywhere. */
export function errnoName(errno: number): string {
  for (const [name, { number }] of KNOWN) if (number === errno) return name
  return `error ${errno}`
}

interface Known {
  readonly number: number
  readonly text: string
  readonly code: WireGuardErrorCode
  readonly remedy: string | null
}

const ELEVATE =
  process.platform === 'win32' ? 'Run it in a terminal of the administrator.' : 'Run it as root, as with sudo.'

const KNOWN: ReadonlyMap<string, Known> = new Map<string, Known>([
  known('EPERM', 1, 'Operation not permitted', 'PERMISSION_DENIED', ELEVATE),
  known('EACCES', 13, 'Permission denied', 'PERMISSION_DENIED', ELEVATE),
  known('ENODEV', 19, 'No such device', 'NO_SUCH_INTERFACE', '"wireweave show interfaces" lists those that run.'),
  known('EINVAL', 22, 'Invalid argument', 'CONFIG_INVALID', null),
  known('EPROTO', 71, 'Protocol error', 'SYSTEM', null),
  known('EADDRINUSE', 98, 'Address already in use', 'ADDRESS_IN_USE', 'Choose another listen port, or 0 for any.'),
  known('EAFNOSUPPORT', 97, 'Address family not supported by protocol', 'NOT_SUPPORTED', 'Is IPv6 switched off?'),
  known('EADDRNOTAVAIL', 99, 'Cannot assign requested address', 'SYSTEM', null),
  known('EOPNOTSUPP', 95, 'Operation not supported', 'NOT_SUPPORTED', null),
  known('ENOMEM', 12, 'Cannot allocate memory', 'LIMIT', null),
  known('EIO', 5, 'Input/output error', 'SYSTEM', null),
  known('ETIMEDOUT', 110, 'Connection timed out', 'SYSTEM', null),
  known('EAGAIN', 11, 'Resource temporarily unavailable', 'SYSTEM', 'Whoever serves it is busy: try again.'),
])

function known(
  name: string,
  number: number,
  text: string,
  code: WireGuardErrorCode,
  remedy: string | null,
): readonly [string, Known] {
  return [name, { number, text, code, remedy }]
}

function errnoOf(error: unknown): string {
  if (isWireGuardError(error)) return error.errno ?? 'unknown'
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : 'unknown'
}

/** A name comes from the command line: it must not write to the terminal. */
function printable(name: string): string {
  return /^[\u0021-\u007e]{1,40}$/.test(name) ? name : JSON.stringify(name.slice(0, 40))
}
