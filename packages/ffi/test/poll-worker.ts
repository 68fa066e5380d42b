/** Runs in a worker thread: waits for its descriptor, reports each wake-up. */
import { readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { Readiness } from '../src/poll.js'

const fd = workerData as number
const readiness = new Readiness(fd)
parentPort!.postMessage('waiting', [])
for (let i = 1; ; i++) {
  await readiness.readable()
  readSync(fd, new Uint8Array(1))
  parentPort!.postMessage(i, [])
}
