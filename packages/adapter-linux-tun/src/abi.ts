/** The C functions that a TUN needs, all of them libc's, and how its memory is laid out. Structs are in @wireweave/ffi/linux. */
import { errno } from '@wireweave/ffi/errno'
import { bind, type Bound } from '@wireweave/ffi/library'

const LIBC = {
  open: ['open', 'int', ['str', 'int']],
  close: ['close', 'int', ['int']],
  fcntl: ['fcntl', 'int', ['int', 'int', 'long']],
  /** For requests whose argument is an address. */
  ioctl: ['ioctl', 'int', ['int', 'ulong', 'uintptr_t']],
  read: ['read', 'long', ['int', 'uintptr_t', 'size_t']],
  write: ['write', 'long', ['int', 'uintptr_t', 'size_t']],
  writev: ['writev', 'long', ['int', 'uintptr_t', 'int']],
  poll: ['poll', 'int', ['uintptr_t', 'ulong', 'int']],
  setns: ['setns', 'int', ['int', 'int']],
} as const

/** The system as the adapter sees it. Tests put a kernel that refuses in its place. */
export interface System extends Bound<typeof LIBC> {
  /** Of the last call on this thread. */
  errno(): number
}

let system: System | null = null

/** Loads libc at its first call. */
export function linuxSystem(): System {
  system ??= { ...bind(null, LIBC), errno }
  return system
}
