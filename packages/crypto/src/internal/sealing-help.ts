/** What a sealing worker does, for as long as its thread lives. */
import { sealingCode, sealingRelaxedCode } from './sealing-bytes.js'
import * as layout from './sealing-layout.js'
import { instantiateOver, isCompilable } from './wasm-module.js'
import type { TransportCode } from './wasm-transport.js'

/** `workerData` of a sealing worker. */
export interface SealingOrder {
  /** Shared. */
  readonly memory: WebAssembly.Memory
  /** Where the part of sealing-layout.ts begins. */
  readonly offset: number
  readonly worker: number
}

interface SealingCode extends TransportCode {
  deliver: (state: number, from: number, to: number, length: number, done: number, value: number) => number
}

/** How long a worker looks for the next job before it sleeps: longer than a device under load takes between batches. */
const LOOK_MS = 0.3
const LOOKS_PER_TIME = 64
const KEY_WORDS = 8
const TAG_BYTES = 16

/** `pause` is for tests: called with a job in hand, before it is sealed and before it is delivered. */
export function help({ memory, offset, worker }: SealingOrder, pause?: () => void): never {
  const part = offset + layout.workerPart(worker)
  const sealed = part + layout.WORKING_BYTES
  const module = [sealingRelaxedCode, sealingCode].find(isCompilable)
  if (module === undefined) throw new Error('this runtime has no WebAssembly SIMD')
  const code = instantiateOver(module, memory, part) as unknown as SealingCode
  const bytes = new Uint8Array(memory.buffer)
  const words = layout.wordsFrom(memory, offset)
  const state = layout.stateOf(worker) >> 2

  Atomics.store(words, state, layout.IDLE)
  for (;;) {
    awaitJob(words, state)
    Atomics.store(words, state, layout.BUSY)
    const job = layout.takeJob(words)
    if (job >= 0) seal(job)
    if (Atomics.compareExchange(words, state, layout.BUSY, layout.IDLE) === layout.OVERTAKEN) {
      bytes.fill(0, part, sealed)
      Atomics.store(words, state, layout.IDLE)
    }
  }

  /** Writes to its own part only, and lets `deliver` decide whether that still counts. */
  function seal(job: number): void {
    const source = words[(job + layout.SOURCE) >> 2]!
    const length = words[(job + layout.LENGTH) >> 2]!
    const destination = words[(job + layout.DESTINATION) >> 2]!
    const counterLow = words[(job + layout.COUNTER_LOW) >> 2]!
    const counterHigh = words[(job + layout.COUNTER_HIGH) >> 2]!
    const key = (words[(job + layout.KEY) >> 2]! - offset) >> 2
    const ownKey = (part - offset) >> 2
    for (let i = 0; i < KEY_WORDS; i++) words[ownKey + i] = words[key + i]!
    pause?.()
    // When overtaken by now, the fields may be those of two jobs.
    if (Atomics.load(words, state) !== layout.BUSY) return
    code.seal(counterLow, counterHigh, source, length, sealed, 0, 0)
    pause?.()
    code.deliver(offset + (state << 2), sealed, destination, length + TAG_BYTES, offset + job + layout.DONE, 1)
  }
}

function awaitJob(words: Int32Array, state: number): void {
  let end = 0
  for (let looks = 1; !isJobLeft(words); looks++) {
    if (looks % LOOKS_PER_TIME !== 0) continue
    const now = performance.now()
    if (end === 0) end = now + LOOK_MS
    if (now < end) continue
    sleep(words, state)
    end = 0
  }
}

/** Until there may be a job. */
function sleep(words: Int32Array, state: number): void {
  Atomics.store(words, state, layout.ASLEEP)
  // Who publishes a job looks for sleepers afterwards: one of both sees the other.
  if (!isJobLeft(words)) Atomics.wait(words, state, layout.ASLEEP)
  Atomics.store(words, state, layout.IDLE)
}

function isJobLeft(words: Int32Array): boolean {
  return Atomics.load(words, layout.TAKEN >> 2) !== Atomics.load(words, layout.PUBLISHED >> 2)
}
