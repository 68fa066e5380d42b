/** The system calls of a bind. Addresses are plain numbers. */
import { errno } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'

/** A test puts its own in between, to be a kernel that refuses. */
export interface SocketCalls {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, name: number, length: number): number
  getsockname(fd: number, name: number, length: number): number
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number
  sendmmsg(fd: number, messages: number, count: number, flags: number): number
  close(fd: number): number
  /** Of the last call. */
  errno(): number
}

/** Throws when libc cannot be reached: koffi's native part is missing. */
export function socketCalls(): SocketCalls {
  const libc = bind(null, {
    socket: ['socket', 'int', ['int', 'int', 'int']],
    bind: ['bind', 'int', ['int', 'uintptr_t', 'uint']],
    getsockname: ['getsockname', 'int', ['int', 'uintptr_t', 'uintptr_t']],
    setsockopt: ['setsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uint']],
    recvmmsg: ['recvmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int', 'uintptr_t']],
    sendmmsg: ['sendmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int']],
    close: ['close', 'int', ['int']],
  })
  return { ...libc, errno }
}
