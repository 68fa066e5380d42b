/** What went wrong when a socket was to be bound, and what to do. */
import { WireGuardError } from '@wireweave/tunnel/errors'

export function bindError(errno: string, port: number): WireGuardError {
  switch (errno) {
    case 'EADDRINUSE': {
      const message = `UDP port ${port} is in use; choose another listen port or stop the program that has it`
      return new WireGuardError('ADDRESS_IN_USE', message, { errno, recoverable: true })
    }
    case 'EACCES': {
      const message = `UDP port ${port} may not be used; choose a port from 1024 on or add CAP_NET_BIND_SERVICE`
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
