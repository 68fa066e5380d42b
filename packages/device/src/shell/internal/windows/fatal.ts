/** Which errors of Winsock mean what for a UDP socket. Everything else is the misfortune of one datagram. */
import {
  WSAEACCES,
  WSAEADDRNOTAVAIL,
  WSAEBADF,
  WSAECONNRESET,
  WSAEFAULT,
  WSAEHOSTUNREACH,
  WSAEMSGSIZE,
  WSAENETDOWN,
  WSAENETRESET,
  WSAENETUNREACH,
  WSAENOTSOCK,
  WSAESHUTDOWN,
  WSANOTINITIALISED,
  winsockName,
} from '@wireweave/ffi/win32/winsock'
import { WireGuardError } from '@wireweave/tunnel/errors'

/** The socket is of no more use. */
export function isFatal(code: number): boolean {
  return (
    code === WSAENOTSOCK ||
    code === WSAEBADF ||
    code === WSAEFAULT ||
    code === WSAESHUTDOWN ||
    code === WSANOTINITIALISED
  )
}

/** Word of a datagram sent earlier, or one that came: no sign of a bad socket, however often. */
export function isAboutADatagram(code: number): boolean {
  return (
    code === WSAECONNRESET ||
    code === WSAENETRESET ||
    code === WSAEMSGSIZE ||
    code === WSAEHOSTUNREACH ||
    code === WSAENETUNREACH
  )
}

/** There is no way to an endpoint, or a firewall stands in it: no matter how what was sent is put together. */
export function isAboutTheWay(code: number): boolean {
  return (
    code === WSAEHOSTUNREACH ||
    code === WSAENETUNREACH ||
    code === WSAENETDOWN ||
    code === WSAEACCES ||
    code === WSAEADDRNOTAVAIL
  )
}

export function socketDied(code: number): WireGuardError {
  const name = winsockName(code)
  return new WireGuardError('CLOSED', `the UDP socket failed: ${name}`, { errno: name, recoverable: true })
}
