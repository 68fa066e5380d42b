/** What wakes a thread that is parked: an eventfd, written to by another thread of the process. */
import { writeSync } from 'node:fs'
import { check } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { O_CLOEXEC, O_NONBLOCK } from '@wireweave/ffi/linux'

export interface Wake {
  readonly fd: number
  wake(): void
  /** When the other thread is gone. Afterwards `wake` does nothing. Idempotent. */
  close(): void
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer)

/** Throws when libc cannot be reached, or the process has no descriptor left. */
export function openWake(): Wake {
  const libc = bind(null, {
    eventfd: ['eventfd', 'int', ['uint', 'int']],
    close: ['close', 'int', ['int']],
  })
  // EFD_NONBLOCK and EFD_CLOEXEC are the same bits.
  const fd = check(libc.eventfd(0, O_NONBLOCK | O_CLOEXEC), 'eventfd')
  let isOpen = true
  return {
    fd,
    wake: () => {
      if (isOpen) writeSync(fd, ONE)
    },
    close: () => {
      if (isOpen) libc.close(fd)
      isOpen = false
    },
  }
}
