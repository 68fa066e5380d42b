/** Runs as a process: ends by itself while a watched descriptor is ready. */
import { writeSync } from 'node:fs'
import { bind } from '../src/library.js'
import { Readiness } from '../src/poll.js'

const libc = bind(null, { eventfd: ['eventfd', 'int', ['uint', 'int']] })
const fd = libc.eventfd(0, 0x800)
const readiness = new Readiness(fd).unref()
readiness.readable().catch(() => {})
// Ready from here on; the loop ends before it looks at the descriptor again.
setImmediate(() => writeSync(fd, new Uint8Array(new BigUint64Array([1n]).buffer)))
