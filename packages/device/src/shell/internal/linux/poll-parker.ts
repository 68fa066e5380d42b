/** poll(2) over the descriptors of packets, everything else that this thread watches, and what other threads wake it by. */
import { bind } from '@wireweave/ffi/library'
import { NativeMemory } from '@wireweave/ffi/memory'
import { watchedDescriptors } from '@wireweave/ffi/poll'
import { OTHERS } from '../../parker.js'
import type { Parker } from '../../parker.js'

const POLLIN = 1
/** `pollfd`: the descriptor, what is waited for, what was found. */
const POLLFD = { size: 8, fd: 0, events: 4, revents: 6 } as const
/** A device watches seven. */
const MAX_DESCRIPTORS = 64
const EVENTFD_BYTES = 8

/**
 * Over `wakeFd`, an eventfd that others write to when they have a message for this thread. `isFree` is asked before each
 * wait. Throws when libc cannot be reached.
 */
export function pollParker(wakeFd: number, isFree: () => boolean): Parker {
  const libc = bind(null, {
    poll: ['poll', 'int', ['uintptr_t', 'ulong', 'int']],
    read: ['read', 'long', ['int', 'uintptr_t', 'size_t']],
  })
  const { view, address } = new NativeMemory(MAX_DESCRIPTORS * POLLFD.size)
  const scratch = new NativeMemory(EVENTFD_BYTES)
  let count = 0
  let packets = 0

  const put = (fd: number): void => {
    const at = count++ * POLLFD.size
    view.setInt32(at + POLLFD.fd, fd, true)
    view.setInt16(at + POLLFD.events, POLLIN, true)
  }
  const isReady = (i: number): boolean => view.getInt16(i * POLLFD.size + POLLFD.revents, true) !== 0

  return {
    get isFree() {
      return isFree()
    },
    begin(descriptors) {
      count = 0
      packets = descriptors.length
      for (const fd of descriptors) put(fd)
      put(wakeFd)
      for (const fd of watchedDescriptors()) if (count < MAX_DESCRIPTORS && !descriptors.includes(fd)) put(fd)
    },
    park(ms) {
      const found = libc.poll(address, count, ms)
      if (found === 0) return 0
      // A signal: Node's handlers run in its event loop.
      if (found < 0) return OTHERS
      let ready = 0
      let left = found
      for (let i = 0; i < packets; i++) {
        if (!isReady(i)) continue
        ready |= 1 << i
        left--
      }
      if (left === 0) return ready
      if (isReady(packets)) libc.read(wakeFd, scratch.address, EVENTFD_BYTES)
      return ready | OTHERS
    },
  }
}
