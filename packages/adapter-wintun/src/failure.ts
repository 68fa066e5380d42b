/** What Windows and wintun.dll refuse, as a WireGuardError with a remedy. */
import {
  ERROR_ACCESS_DENIED,
  ERROR_ALREADY_EXISTS,
  ERROR_ALREADY_INITIALIZED,
  ERROR_BUFFER_OVERFLOW,
  ERROR_DEVICE_NOT_AVAILABLE,
  ERROR_FILE_NOT_FOUND,
  ERROR_HANDLE_EOF,
  ERROR_INVALID_DATA,
  ERROR_INVALID_PARAMETER,
  ERROR_NO_MATCH,
  ERROR_NO_SYSTEM_RESOURCES,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_NOT_FOUND,
  ERROR_NOT_SAME_DEVICE,
  ERROR_OUTOFMEMORY,
  ERROR_PATH_NOT_FOUND,
  ERROR_PROC_NOT_FOUND,
  ERROR_SET_NOT_FOUND,
  win32Name,
} from '@wireweave/ffi/win32/codes'
import type { DllLogLine } from '@wireweave/ffi/win32/dll-logger'
import { archiveFolder, DllError } from '@wireweave/ffi/win32/library'
import { WireGuardError, type WireGuardErrorCode } from '@wireweave/tunnel/errors'

interface Explanation {
  readonly code: WireGuardErrorCode
  readonly why: string
  /** Trying again can succeed: the failure makes the DLL remove what an earlier crash left. */
  readonly passes?: true
}

const NO_MEMORY: Explanation = {
  code: 'LIMIT',
  why: 'Windows is short of memory: close programs, or make `ringBytes` less',
}
const NO_DRIVER: Explanation = {
  code: 'SYSTEM',
  why: 'the driver did not install: restart Windows, and if it stays, remove old Wintun drivers with "pnputil /delete-driver"',
  passes: true,
}
const NOT_READY: Explanation = {
  code: 'SYSTEM',
  why: 'the new device did not start: restart Windows, or remove other VPN drivers that stand in its way',
  passes: true,
}

const CREATE: Readonly<Record<number, Explanation>> = {
  [ERROR_ACCESS_DENIED]: { code: 'PERMISSION_DENIED', why: 'run as administrator or as SYSTEM' },
  [ERROR_ALREADY_EXISTS]: {
    code: 'NAME_IN_USE',
    why: 'its device is there already: close the program that has it, or restart Windows',
    passes: true,
  },
  [ERROR_BUFFER_OVERFLOW]: { code: 'NAME_INVALID', why: 'the name is too long' },
  [ERROR_INVALID_PARAMETER]: { code: 'NAME_INVALID', why: 'Windows does not take the name' },
  [ERROR_FILE_NOT_FOUND]: NO_DRIVER,
  [ERROR_PATH_NOT_FOUND]: NO_DRIVER,
  [ERROR_NOT_FOUND]: NO_DRIVER,
  [ERROR_NO_MATCH]: NOT_READY,
  [ERROR_SET_NOT_FOUND]: NOT_READY,
  [ERROR_DEVICE_NOT_AVAILABLE]: NOT_READY,
  [ERROR_NOT_ENOUGH_MEMORY]: NO_MEMORY,
  [ERROR_OUTOFMEMORY]: NO_MEMORY,
  [ERROR_NO_SYSTEM_RESOURCES]: NO_MEMORY,
}

/** ERROR_ALREADY_INITIALIZED's status has another code where Windows does not know the one above. */
const ALREADY_INITIALIZED_ELSEWHERE = 317
const IN_USE: Explanation = {
  code: 'NAME_IN_USE',
  why: 'another program is using this adapter: close it, or choose another name',
}

const START: Readonly<Record<number, Explanation>> = {
  [ERROR_ACCESS_DENIED]: { code: 'PERMISSION_DENIED', why: 'run as administrator or as SYSTEM' },
  [ERROR_INVALID_PARAMETER]: { code: 'CONFIG_INVALID', why: 'the driver does not take this `ringBytes`' },
  [ERROR_ALREADY_INITIALIZED]: IN_USE,
  [ALREADY_INITIALIZED_ELSEWHERE]: IN_USE,
  [ERROR_NOT_SAME_DEVICE]: {
    code: 'SYSTEM',
    why: 'the adapter is not ready, or was disabled: try again, or enable it in "Network Connections"',
    passes: true,
  },
  [ERROR_NOT_ENOUGH_MEMORY]: NO_MEMORY,
  [ERROR_OUTOFMEMORY]: NO_MEMORY,
  [ERROR_NO_SYSTEM_RESOURCES]: NO_MEMORY,
}

/** `lines` is what the DLL logged meanwhile: its codes alone tell little. */
export function createFailure(name: string, code: number, lines: readonly DllLogLine[]): WireGuardError {
  return failure(`cannot create the adapter ${name}`, CREATE[code], code, lines)
}

export function startFailure(name: string, code: number, lines: readonly DllLogLine[]): WireGuardError {
  return failure(`cannot start the adapter ${name}`, START[code], code, lines)
}

function failure(
  what: string,
  explanation: Explanation | undefined,
  code: number,
  lines: readonly DllLogLine[],
): WireGuardError {
  const errno = win32Name(code)
  const complaints = lines.filter((line) => line.level !== 'info').map((line) => line.message)
  const log = complaints.length === 0 ? '' : `; wintun.dll says: ${complaints.join('; ')}`
  const why = explanation?.why ?? 'see the Windows event log for the cause'
  return new WireGuardError(explanation?.code ?? 'SYSTEM', `${what} (${errno}): ${why}${log}`, {
    errno,
    recoverable: explanation?.passes ?? false,
  })
}

/** Why a ring no longer works. */
export function ringFailure(code: number): WireGuardError {
  const errno = win32Name(code)
  if (code === ERROR_HANDLE_EOF) {
    return new WireGuardError('CLOSED', 'the adapter was removed or disabled: open it again to go on', { errno })
  }
  const why = code === ERROR_INVALID_DATA ? 'the ring is damaged' : 'the driver stopped'
  return new WireGuardError('CLOSED', `${why} (${errno}): open the adapter again`, { errno })
}

/** Where to get the DLL. */
export function downloadRemedy(): string {
  return `take wintun.dll 0.14.1 from https://www.wintun.net, folder bin\\${archiveFolder()}, and put it beside ${process.execPath}`
}

export function loadFailure(error: unknown): WireGuardError {
  if (!(error instanceof DllError)) throw error
  const isOld = error.code === ERROR_PROC_NOT_FOUND
  if (error.code === null) {
    return new WireGuardError('NOT_SUPPORTED', `${error.message}, https://www.wintun.net`, { cause: error })
  }
  const why = isOld ? `${error.library} is older than 0.14, or no Wintun` : error.message
  const errno = win32Name(error.code)
  return new WireGuardError('NOT_SUPPORTED', `${why}: ${downloadRemedy()}`, { cause: error, errno })
}
