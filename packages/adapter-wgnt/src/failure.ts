/** Windows' error codes as errors that say what to do. */
import type { DllLogLine } from '@wireweave/ffi/win32/dll-logger'
import * as codes from '@wireweave/ffi/win32/codes'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { WireGuardErrorCode } from '@wireweave/tunnel/errors'

const ERROR_TOO_MANY_NAMES = 68
const ERROR_DEVICE_NOT_CONNECTED = 1167
const ERROR_NO_SUCH_DEVICE = 433

/** What a call on an adapter that was removed fails with: its device is not found, not connected, or on its way out. */
const GONE: ReadonlySet<number> = new Set([
  codes.ERROR_FILE_NOT_FOUND,
  codes.ERROR_PATH_NOT_FOUND,
  codes.ERROR_BAD_LENGTH,
  ERROR_NO_SUCH_DEVICE,
  ERROR_DEVICE_NOT_CONNECTED,
  codes.ERROR_NOT_FOUND,
  codes.ERROR_DEVICE_NOT_AVAILABLE,
])

/** What a second attempt is known to cure: the first one makes Windows clear leftovers away. */
const TRANSIENT: ReadonlySet<number> = new Set([
  codes.ERROR_FILE_NOT_FOUND,
  codes.ERROR_PATH_NOT_FOUND,
  codes.ERROR_BAD_LENGTH,
  codes.ERROR_ALREADY_EXISTS,
  codes.ERROR_NO_MATCH,
  codes.ERROR_SET_NOT_FOUND,
  codes.ERROR_DEVICE_NOT_AVAILABLE,
])

function isGone(code: number): boolean {
  return GONE.has(code)
}

export function isTransient(code: number): boolean {
  return TRANSIENT.has(code)
}

/** `lines` are what the DLL logged meanwhile: its numeric codes alone say little. */
export function creationFailure(name: string, code: number, lines: readonly DllLogLine[]): WireGuardError {
  const told = lines.filter(({ level }) => level !== 'info').map(({ message }) => `\n  wireguard.dll: ${message}`)
  return failure(`creating ${name}`, code, CREATION[code] ?? ['SYSTEM', STUBBORN], told.join(''))
}

/** Of a call on an open adapter. */
export function callFailure(what: string, code: number): WireGuardError {
  if (isGone(code)) return failure(what, code, ['CLOSED', 'the adapter is gone; has something removed it?'])
  return failure(what, code, CALL[code] ?? ['SYSTEM', 'see the code'])
}

type Answer = readonly [code: WireGuardErrorCode, advice: string]

const STUBBORN =
  'Windows could not set the adapter up. Try again; then restart Windows, or remove what another VPN left (pnputil /enum-drivers)'

const DENIED: Answer = ['PERMISSION_DENIED', 'needs an elevated administrator or LocalSystem']
const MEMORY: Answer = ['SYSTEM', 'Windows is short of memory']

const CREATION: Readonly<Record<number, Answer>> = {
  [codes.ERROR_ACCESS_DENIED]: DENIED,
  [codes.ERROR_BUFFER_OVERFLOW]: ['NAME_INVALID', 'the name is too long'],
  [codes.ERROR_NOT_ENOUGH_MEMORY]: MEMORY,
  [codes.ERROR_OUTOFMEMORY]: MEMORY,
  [codes.ERROR_NO_SYSTEM_RESOURCES]: MEMORY,
}

const CALL: Readonly<Record<number, Answer>> = {
  [codes.ERROR_ACCESS_DENIED]: DENIED,
  [codes.ERROR_DUP_NAME]: ['ADDRESS_IN_USE', 'the listen port is taken; choose another or 0'],
  [ERROR_TOO_MANY_NAMES]: ['LIMIT', 'the driver takes no more peers'],
  [codes.ERROR_INVALID_PARAMETER]: ['SYSTEM', 'the driver refused the values; is wireguard.dll 0.10 or later?'],
  [codes.ERROR_NOT_ENOUGH_MEMORY]: MEMORY,
  [codes.ERROR_OUTOFMEMORY]: MEMORY,
  [codes.ERROR_NO_SYSTEM_RESOURCES]: MEMORY,
}

function failure(what: string, code: number, [kind, advice]: Answer, more = ''): WireGuardError {
  const name = codes.win32Name(code)
  const recoverable = isTransient(code) || kind === 'ADDRESS_IN_USE' || advice === MEMORY[1]
  return new WireGuardError(kind, `${what}: ${advice} (${name}, ${code})${more}`, { errno: name, recoverable })
}
