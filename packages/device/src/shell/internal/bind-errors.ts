/** What went wrong when a socket was to be bound, and what to do. */
import { WireGuardError } from '@wireweave/tunnel/errors'

const PRIVILEGED = 'choose a port from 1024 on or add CAP_NET_BIND_SERVICE'
const RESERVED = 'choose one that `netsh interface ipv4 show excludedportrange protocol=udp` does not list'

export function bindError(errno: string, port: number): WireGuardError {
  switch (errno) {
    case 'EADDRINUSE': {
      const message = `UDP port ${port} is in use; choose another listen port or stop the program that has it`
      return new WireGuardError('ADDRESS_IN_USE', message, { errno, recoverable: true })
    }
    case 'EACCES': {
      const message = `UDP port ${port} may not be used; ${process.platform === 'win32' ? RESERVED : PRIVILEGED}`
      return new WireGuardError('PERMISSION_DENIED', message, { errno })
    }
    default:
      return new WireGuardError('SYSTEM', `UDP port ${port} could not be bound: ${errno}`, { errno, recoverable: true })
  }
}

export function markError(errno: string): WireGuardError {
  const message = `the firewall mark could not be set: ${errno}; it needs CAP_NET_ADMIN`
  return new WireGuardError(errno === 'EPERM' ? 'PERMISSION_DENIED' : 'SYSTEM', message, { errno })
}

export function noMark(): WireGuardError {
  return new WireGuardError(
    'NOT_SUPPORTED',
    'a firewall mark needs Linux sockets; remove FwMark or run on Linux with koffi',
  )
}
