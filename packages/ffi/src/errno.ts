/** Error numbers of the last C call, their names, and errors made of them. */
import { constants } from 'node:os'
import { koffi } from './internal/koffi.js'
import { bind } from './library.js'

// Linux numbers, the same on x64 and arm64.
export const EPERM = 1
export const ENOENT = 2
export const ESRCH = 3
export const EINTR = 4
export const EIO = 5
export const EBADF = 9
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
export const EBUSY = 16
export const EEXIST = 17
export const ENODEV = 19
export const EINVAL = 22
export const ENOTTY = 25
export const EMSGSIZE = 90
export const ENOPROTOOPT = 92
export const EPROTONOSUPPORT = 93
export const EOPNOTSUPP = 95
export const EAFNOSUPPORT = 97
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ENETDOWN = 100
export const ENETUNREACH = 101
export const ENOBUFS = 105
export const ECONNREFUSED = 111
export const EHOSTUNREACH = 113
export const EDESTADDRREQ = 89
export const EBADFD = 77
export const ENOKEY = 126

/** Those that `os.constants.errno` does not have. */
const LINUX_ONLY: readonly (readonly [string, number])[] = [
  ['EBADFD', EBADFD],
  ['ENOKEY', ENOKEY],
  ['EUSERS', 87],
  ['ESHUTDOWN', 108],
  ['EHOSTDOWN', 112],
]

let names: Map<number, string> | null = null

/** `errno` of the last call of a bound function on this thread. Read it at once: the next call overwrites it. */
export function errno(): number {
  return koffi().errno()
}

let kernel32: { getLastError(): number } | null = null

/** Windows: the calling thread's last-error code. Read it directly after the call that failed. */
export function lastError(): number {
  kernel32 ??= bind('kernel32.dll', { getLastError: ['GetLastError', 'uint32_t', []] })
  return kernel32.getLastError()
}

/** `EPERM` for 1, and so on; `errno 4711` for a number without a name. Windows' numbers of these names differ. */
export function errnoName(code: number): string {
  names ??= nameTable()
  return names.get(code) ?? `errno ${code}`
}

function nameTable(): Map<number, string> {
  const table = new Map<number, string>()
  // EWOULDBLOCK and ENOTSUP share their numbers with EAGAIN and EOPNOTSUPP: the first name wins.
  const aliases = new Set(['EWOULDBLOCK', 'ENOTSUP'])
  for (const [name, code] of Object.entries(constants.errno)) if (!aliases.has(name)) table.set(code, name)
  if (process.platform === 'linux') for (const [name, code] of LINUX_ONLY) table.set(code, name)
  return table
}

/** A call that failed, in the shape of Node's own system errors. */
export class SystemError extends Error {
  readonly errno: number
  /** The name of `errno`, such as `EPERM`. */
  readonly code: string
  readonly syscall: string

  constructor(syscall: string, code: number) {
    const name = errnoName(code)
    super(`${syscall}: ${name}`)
    this.name = 'SystemError'
    this.errno = code
    this.code = name
    this.syscall = syscall
  }
}

/** Passes a result of 0 or more on; throws a {@link SystemError} with the current `errno` for any other. */
export function check(result: number, syscall: string): number {
  if (result < 0) throw new SystemError(syscall, errno())
  return result
}
