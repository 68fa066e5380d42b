/** Prints whether this process can be dumped, before and after it forbids it. */
import { bind } from '@wireweave/ffi/library'
import { forbidMemoryDumps } from '../../src/internal/memory-dumps.js'

const PR_GET_DUMPABLE = 3
const { prctl } = bind(null, { prctl: ['prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']] })
const before = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
forbidMemoryDumps()
console.log(before, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
