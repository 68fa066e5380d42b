/**
 * Seals a batch of packets on several threads (Node, Bun, Deno). Whoever gives the packets takes part in the work, so a
 * worker that is late, stuck or dead costs time only: what it has not delivered is sealed without it.
 */
import { Worker } from 'node:worker_threads'
import type { SealingOrder } from './internal/sealing-help.js'
import * as layout from './internal/sealing-layout.js'
import { SharingTrial } from './internal/sharing-trial.js'
import type { BatchSealer, TransportEngine } from './suite.js'
import { wasmTransportEngine } from './wasm.js'

export interface ParallelOptions {
  /** A shared WebAssembly.Memory. */
  readonly memory: { readonly buffer: ArrayBufferLike }
  /** Where {@link sealingBytes} of it are free, which nobody else touches; a multiple of 64. */
  readonly offset: number
  /** Threads beside the caller's: 1 to {@link MAX_SEALING_WORKERS}. They start with the first batch. */
  readonly workers: number
  /** Over the same memory; opens, and seals what is not shared. */
  readonly engine: TransportEngine
  /** Shares every batch. Absent or `false`: while batches follow each other closely and that was found to be faster. */
  readonly always?: boolean
}

export interface ParallelEngine extends TransportEngine {
  readonly batch: BatchSealer
  /** How many workers run. */
  readonly workers: number
  /** Ends them. The engine goes on alone. */
  close(): Promise<void>
}

export const MAX_SEALING_WORKERS: number = layout.MAX_SEALING_WORKERS

/** What that many workers need of the memory. */
export function sealingBytes(workers: number): number {
  return layout.sealingBytes(workers)
}

/** `program` is what the workers run. Throws where memory or runtime cannot do it. */
export function parallelEngine(
  options: ParallelOptions,
  program: URL = new URL('./internal/sealing-worker.js', import.meta.url),
): ParallelEngine {
  const { memory, offset, workers } = options
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_SEALING_WORKERS)
    throw new RangeError(`sealing takes 1 to ${MAX_SEALING_WORKERS} workers, not ${workers}`)
  if (memory.buffer[Symbol.toStringTag] !== 'SharedArrayBuffer')
    throw new TypeError('several threads need a shared memory')
  if (offset % 64 !== 0 || offset + sealingBytes(workers) > memory.buffer.byteLength)
    throw new RangeError('the memory has no room for sealing workers there')
  if (!wasmTransportEngine.isSupported()) throw new Error('sealing workers need WebAssembly SIMD')
  return new SharingEngine(options, program)
}

class SharingEngine implements ParallelEngine {
  readonly name: string
  readonly bytes: Uint8Array
  readonly batch: SharedBatch
  readonly #engine: TransportEngine

  constructor(options: ParallelOptions, program: URL) {
    this.name = `${options.engine.name} on ${options.workers + 1} threads`
    this.bytes = options.engine.bytes
    this.#engine = options.engine
    this.batch = new SharedBatch(options, program)
  }

  get workers(): number {
    return this.batch.workers
  }

  seal(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): void {
    this.#engine.seal(key, counterLow, counterHigh, source, length, to)
  }

  open(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): boolean {
    return this.#engine.open(key, counterLow, counterHigh, source, length, to)
  }

  forgetKey(): void {
    this.batch.settle()
    this.batch.forgetKeys()
    this.#engine.forgetKey()
  }

  async close(): Promise<void> {
    this.batch.settle()
    await this.batch.close()
    this.forgetKey()
  }
}

/** Shorter ones are sealed in the time it takes to hand them over. */
const FEWEST_SHARED_BYTES = 256
/** Jobs are published so many at a time, since every time costs both sides a cache miss. */
const PUBLISHED_AT_ONCE = 4
/** How long to wait for workers when nothing else is left to do. The longest packet takes a quarter of it. */
const OVERTAKE_MS = 0.05
/** For the copying of a packet, which only a thread without a processor does not finish in a microsecond. */
const DELIVERY_TRIES = 1000
const LOOKS_PER_TIME = 16
const KEY_BYTES = 32
const COMPARED_KEY_BYTES = 8

class SharedBatch implements BatchSealer {
  readonly bytes: Uint8Array
  readonly #options: ParallelOptions
  readonly #program: URL
  readonly #engine: TransportEngine
  readonly #words: Int32Array
  /** `null` until the first batch. */
  #threads: Worker[] | null = null
  #alive: number
  /** The number of the next job, and of the first that may not be done yet. */
  #next = 0
  #first = 0
  /** Views of the keys in the memory, made at their first use. */
  readonly #keys: Uint8Array[] = []
  #keyCount = 0
  #lastKey: Uint8Array | null = null
  readonly #trial = new SharingTrial()
  /** Of the batch that is being given; `null` before its first packet. */
  #isShared: boolean | null = null
  #givenBytes = 0

  constructor(options: ParallelOptions, program: URL) {
    this.bytes = options.engine.bytes
    this.#options = options
    this.#program = program
    this.#engine = options.engine
    this.#alive = options.workers
    this.#words = layout.wordsFrom(options.memory, options.offset)
    this.#words.fill(0, 0, layout.sealingBytes(options.workers) >> 2)
  }

  get workers(): number {
    return this.#threads === null ? 0 : this.#alive
  }

  seal(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): void {
    this.#isShared ??= this.#begin()
    this.#givenBytes += length
    const pending = (this.#next - this.#first) | 0
    const isLong = length >= FEWEST_SHARED_BYTES && length <= layout.MAX_SHARED_BYTES
    if (!this.#isShared || !isLong || pending === layout.JOB_CAPACITY) {
      this.#engine.seal(key, counterLow, counterHigh, source, length, to)
      return
    }
    const words = this.#words
    const job = layout.jobOf(this.#next)
    words[(job + layout.SOURCE) >> 2] = source
    words[(job + layout.LENGTH) >> 2] = length
    words[(job + layout.DESTINATION) >> 2] = to
    words[(job + layout.COUNTER_LOW) >> 2] = counterLow
    words[(job + layout.COUNTER_HIGH) >> 2] = counterHigh
    words[(job + layout.KEY) >> 2] = this.#placeKey(key)
    words[(job + layout.DONE) >> 2] = 0
    this.#next = (this.#next + 1) | 0
    if (pending % PUBLISHED_AT_ONCE === PUBLISHED_AT_ONCE - 1) this.#publish()
  }

  settle(): void {
    if (this.#isShared === null) return
    if (this.#first !== this.#next) this.#finish()
    this.#trial.end(performance.now(), this.#givenBytes)
    this.#isShared = null
    this.#givenBytes = 0
  }

  /** Those in the workers' parts. They hold no job now, or one that no longer counts. */
  forgetKeys(): void {
    const { offset, workers } = this.#options
    for (let worker = 0; worker < workers; worker++) this.#wipePart(offset + layout.workerPart(worker))
  }

  async close(): Promise<void> {
    this.#alive = 0
    await Promise.all((this.#threads ?? []).map((thread) => thread.terminate()))
  }

  #begin(): boolean {
    const isWorthIt = this.#trial.begin(performance.now())
    return this.#alive > 0 && (isWorthIt || this.#options.always === true)
  }

  #publish(): void {
    Atomics.store(this.#words, layout.PUBLISHED >> 2, this.#next)
    this.#wakeOne()
  }

  #finish(): void {
    const words = this.#words
    Atomics.store(words, layout.PUBLISHED >> 2, this.#next)
    for (let job = layout.takeJob(words); job >= 0; job = layout.takeJob(words)) this.#do(job)
    if (!this.#awaitWorkers()) this.#overtakeWorkers()
    this.#first = this.#next
    words.fill(0, layout.keyOf(0) >> 2, layout.keyOf(this.#keyCount) >> 2)
    this.#keyCount = 0
    this.#lastKey = null
  }

  /** Where a copy of the key lies; one for consecutive packets with the same. */
  #placeKey(key: Uint8Array): number {
    if (key === this.#lastKey) {
      const copy = this.#keys[this.#keyCount - 1]!
      let difference = 0
      for (let i = 0; i < COMPARED_KEY_BYTES; i++) difference |= key[i]! ^ copy[i]!
      if (difference === 0) return copy.byteOffset
    }
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`)
    const slot = this.#keyCount++
    const at = this.#options.offset + layout.keyOf(slot)
    const copy = (this.#keys[slot] ??= this.bytes.subarray(at, at + KEY_BYTES))
    copy.set(key)
    this.#lastKey = key
    return at
  }

  #do(job: number): void {
    const words = this.#words
    const slot = (words[(job + layout.KEY) >> 2]! - this.#options.offset - layout.keyOf(0)) / KEY_BYTES
    this.#engine.seal(
      this.#keys[slot]!,
      words[(job + layout.COUNTER_LOW) >> 2]! >>> 0,
      words[(job + layout.COUNTER_HIGH) >> 2]! >>> 0,
      words[(job + layout.SOURCE) >> 2]!,
      words[(job + layout.LENGTH) >> 2]!,
      words[(job + layout.DESTINATION) >> 2]!,
    )
    words[(job + layout.DONE) >> 2] = 1
  }

  /** All jobs are taken. `false` when not all are done in time. */
  #awaitWorkers(): boolean {
    let end = 0
    let looks = 0
    for (let number = this.#first; number !== this.#next;) {
      if (this.#isDone(number)) {
        number = (number + 1) | 0
        continue
      }
      if (++looks % LOOKS_PER_TIME !== 0) continue
      const now = performance.now()
      if (end === 0) end = now + OVERTAKE_MS
      if (now >= end) return false
    }
    return true
  }

  /** Does what is not done. From then on no worker writes to a destination of these jobs. */
  #overtakeWorkers(): void {
    const words = this.#words
    for (let worker = 0; worker < this.#options.workers; worker++) {
      const state = layout.stateOf(worker) >> 2
      Atomics.compareExchange(words, state, layout.BUSY, layout.OVERTAKEN)
      for (let i = 0; i < DELIVERY_TRIES && Atomics.load(words, state) === layout.DELIVERING; i++)
        Atomics.wait(words, state, layout.DELIVERING, 1)
    }
    for (let number = this.#first; number !== this.#next; number = (number + 1) | 0)
      if (!this.#isDone(number)) this.#do(layout.jobOf(number))
  }

  #isDone(number: number): boolean {
    return Atomics.load(this.#words, (layout.jobOf(number) + layout.DONE) >> 2) === 1
  }

  #wakeOne(): void {
    if (this.#threads === null) {
      this.#threads = Array.from({ length: this.#options.workers }, (_, worker) => this.#start(worker))
      return
    }
    const words = this.#words
    for (let worker = 0; worker < this.#options.workers; worker++) {
      const state = layout.stateOf(worker) >> 2
      if (Atomics.compareExchange(words, state, layout.ASLEEP, layout.IDLE) !== layout.ASLEEP) continue
      Atomics.notify(words, state, 1)
      return
    }
  }

  /** It keeps no process alive, and its end, for whatever reason, is no error: there is one less to help. */
  #start(worker: number): Worker {
    const { memory, offset } = this.#options
    const workerData: SealingOrder = { memory: memory as WebAssembly.Memory, offset, worker }
    const thread = new Worker(this.#program, { workerData, name: 'wireweave sealing', execArgv: [] })
    thread.unref()
    thread.on('error', () => undefined)
    thread.once('exit', () => {
      this.#alive = Math.max(0, this.#alive - 1)
      Atomics.store(this.#words, layout.stateOf(worker) >> 2, layout.ABSENT)
      this.#wipePart(offset + layout.workerPart(worker))
    })
    return thread
  }

  #wipePart(at: number): void {
    this.bytes.fill(0, at, at + layout.WORKING_BYTES)
  }
}
