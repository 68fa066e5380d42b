/** Failures of operation. Misuse by the programmer is a TypeError or RangeError; a bad datagram is a counter, never thrown. */

export type WireGuardErrorCode =
  /** Text or values that cannot be a configuration. */
  | 'CONFIG_INVALID'
  /** The listen port, or the interface name, is taken. */
  | 'ADDRESS_IN_USE'
  | 'NAME_IN_USE'
  | 'NAME_INVALID'
  /** Needs root, CAP_NET_ADMIN or an elevated process. */
  | 'PERMISSION_DENIED'
  /** A kernel module, driver or library is not there. */
  | 'NOT_SUPPORTED'
  | 'NO_SUCH_INTERFACE'
  /** The tunnel, port or socket was closed, or its interface deleted. */
  | 'CLOSED'
  /** A limit of the device was reached. */
  | 'LIMIT'
  /** The operating system refused for a reason without a code of its own. */
  | 'SYSTEM'
  | 'ABORTED'

export interface WireGuardErrorOptions {
  readonly cause?: unknown
  /** True when trying again later can succeed. */
  readonly recoverable?: boolean
  /** The operating system's name for it, such as `EPERM`. */
  readonly errno?: string
}

/** The message says what failed and what to do; it never holds a key or packet bytes. */
export class WireGuardError extends Error {
  readonly code: WireGuardErrorCode
  readonly recoverable: boolean
  readonly errno: string | null

  constructor(code: WireGuardErrorCode, message: string, options: WireGuardErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WireGuardError'
    this.code = code
    this.recoverable = options.recoverable ?? false
    this.errno = options.errno ?? null
  }
}

export function isWireGuardError(value: unknown): value is WireGuardError {
  return value instanceof Error && value.name === 'WireGuardError' && 'code' in value
}
