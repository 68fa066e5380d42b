/** A sealing worker that behaves as `globalThis.behaviour` says. */
import { workerData } from 'node:worker_threads'
import { help } from '../../src/internal/sealing-help.js'
import type { SealingOrder } from '../../src/internal/sealing-help.js'

const nobody = new Int32Array(new SharedArrayBuffer(4))
let pauses = 0

const behaviours: { readonly [name: string]: (() => void) | undefined } = {
  prompt: undefined,
  /** Often stops in the middle, sometimes for longer than anybody waits. */
  slow: () => {
    if (Math.random() < 0.3) Atomics.wait(nobody, 0, 0, Math.random() * 0.4)
  },
  dies: () => {
    if (++pauses === 10) process.exit()
  },
  throws: () => {
    if (++pauses === 11) throw new Error('on purpose')
  },
  sticks: () => {
    if (++pauses === 4) Atomics.wait(nobody, 0, 0)
  },
}

help(workerData as SealingOrder, behaviours[(globalThis as { behaviour?: string }).behaviour ?? 'prompt'])
