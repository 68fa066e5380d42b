/** Keys are in the memory of this process: it must not end up in a file when the process crashes. */
import { bind } from '@wireweave/ffi/library'

const PR_SET_DUMPABLE = 4

/** No core dumps, and no other process of the same user may look into this one. Linux; elsewhere nothing happens. */
export function forbidMemoryDumps(): void {
  if (process.platform !== 'linux') return
  const { prctl } = bind(null, { prctl: ['prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']] })
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
}
