/** Work in the network namespace of a TUN, which may be another than ours. */
import { fstatSync } from 'node:fs'
import { SystemError } from '@wireweave/ffi/errno'
import { CLONE_NEWNET, O_CLOEXEC, TUNGETDEVNETNS } from '@wireweave/ffi/linux'
import type { System } from './abi.js'

/**
 * Calls `make` with this thread in the namespace where the TUN behind `fd` is now; sockets made there stay there. `make`
 * must be synchronous, so that nothing else runs on the thread meanwhile; other threads are not affected.
 *
 * Throws a `SystemError` when that namespace is closed to us: entering it takes CAP_SYS_ADMIN.
 */
export function inNamespaceOf<T>(system: System, fd: number, make: () => T): T {
  const there = system.ioctl(fd, TUNGETDEVNETNS, 0)
  // Kernels before 5.2 cannot tell, and the rest do not tell without CAP_NET_ADMIN: assume that it never moved.
  if (there < 0) return make()
  const here = system.open('/proc/thread-self/ns/net', O_CLOEXEC)
  try {
    if (here < 0) throw new SystemError('open /proc/thread-self/ns/net', system.errno())
    if (isSame(here, there)) return make()
    if (system.setns(there, CLONE_NEWNET) < 0) throw new SystemError('setns', system.errno())
    try {
      return make()
    } finally {
      comeBack(system, here)
    }
  } finally {
    if (here >= 0) system.close(here)
    system.close(there)
  }
}

/** Whether the TUN behind `fd` is in the network namespace of this thread. True where the kernel cannot tell. */
export function isInOurNamespace(system: System, fd: number): boolean {
  const there = system.ioctl(fd, TUNGETDEVNETNS, 0)
  if (there < 0) return true
  const here = system.open('/proc/thread-self/ns/net', O_CLOEXEC)
  try {
    return here < 0 || isSame(here, there)
  } finally {
    if (here >= 0) system.close(here)
    system.close(there)
  }
}

/** Every later socket of this thread would be in the wrong namespace: if this fails nothing safe is left to do. */
function comeBack(system: System, here: number): void {
  if (system.setns(here, CLONE_NEWNET) === 0) return
  process.stderr.write('wireweave: cannot return to the own network namespace\n')
  process.abort()
}

function isSame(a: number, b: number): boolean {
  const left = fstatSync(a, { bigint: true })
  const right = fstatSync(b, { bigint: true })
  return left.ino === right.ino && left.dev === right.dev
}
