/** Errors after which a socket is of no more use. Everything else is the misfortune of one datagram. */
import { EBADF, errnoName } from '@wireweave/ffi/errno'
import { WireGuardError } from '@wireweave/tunnel/errors'

const EFAULT = 14
const EPIPE = 32
const ENOTSOCK = 88
const ECONNABORTED = 103
const ESHUTDOWN = 108

/** `ss -K` aborts a socket with ECONNABORTED. */
export function isFatal(errno: number): boolean {
  return (
    errno === EBADF ||
    errno === EFAULT ||
    errno === EPIPE ||
    errno === ENOTSOCK ||
    errno === ECONNABORTED ||
    errno === ESHUTDOWN
  )
}

export function socketDied(errno: number): WireGuardError {
  const name = errnoName(errno)
  return new WireGuardError('CLOSED', `the UDP socket failed: ${name}`, { errno: name, recoverable: true })
}
