/**
 * The part of a shared memory in which an engine and its sealing workers meet: jobs, their keys, and for each worker a
 * working part of its own. All offsets are bytes from its start, all fields are words of 32 bits.
 */
import { TAG_BYTES } from '../suite.js'

/** What one thread writes and another reads often stands apart, so that they do not wait for each other's cache line. */
const LINE_BYTES = 64

export const MAX_SEALING_WORKERS = 8
/** Longer packets are not shared. Enough for jumbo frames. */
export const MAX_SHARED_BYTES: number = 16_384 - TAG_BYTES
/** The most jobs at once; a power of two, as jobs are counted modulo 2^32. */
export const JOB_CAPACITY = 512

/** How many jobs were published, and how many taken. */
export const PUBLISHED = 0
export const TAKEN: number = LINE_BYTES
const STATES: number = 2 * LINE_BYTES
const JOBS: number = STATES + MAX_SEALING_WORKERS * LINE_BYTES
const KEYS: number = JOBS + JOB_CAPACITY * LINE_BYTES
const KEY_BYTES = 32
const WORKERS: number = KEYS + JOB_CAPACITY * KEY_BYTES

/** Of a worker's part: what assembly/transport.mjs needs, then room for what it has sealed. */
export const WORKING_BYTES = 1024
const WORKER_BYTES: number = WORKING_BYTES + MAX_SHARED_BYTES + TAG_BYTES

/** Fields of a job. */
export const SOURCE = 0
export const LENGTH = 4
export const DESTINATION = 8
export const COUNTER_LOW = 12
export const COUNTER_HIGH = 16
/** Where its key lies, from the start of the memory. */
export const KEY = 20
/** 1 when the packet lies sealed at its destination. */
export const DONE = 24

/** Not there yet, or ended. */
export const ABSENT = 0
/** BUSY from before it takes a job until DELIVERING, in which it alone may write to the job's destination. */
export const IDLE = 1
export const BUSY = 2
export const DELIVERING = 3
export const ASLEEP = 4
/** It was BUSY for too long: somebody else does the job, and what comes of it is thrown away. */
export const OVERTAKEN = 5

export function sealingBytes(workers: number): number {
  return WORKERS + workers * WORKER_BYTES
}

export function stateOf(worker: number): number {
  return STATES + worker * LINE_BYTES
}

export function jobOf(number: number): number {
  return JOBS + (number & (JOB_CAPACITY - 1)) * LINE_BYTES
}

export function keyOf(slot: number): number {
  return KEYS + slot * KEY_BYTES
}

export function workerPart(worker: number): number {
  return WORKERS + worker * WORKER_BYTES
}

/** The words from `offset` of the memory on, which is a multiple of 64. */
export function wordsFrom(memory: { readonly buffer: ArrayBufferLike }, offset: number): Int32Array {
  return new Int32Array(memory.buffer, offset)
}

/** Where the next job is, or -1 when none is left. */
export function takeJob(words: Int32Array): number {
  for (;;) {
    const number = Atomics.load(words, TAKEN >> 2)
    if (number === Atomics.load(words, PUBLISHED >> 2)) return -1
    const next = (number + 1) | 0
    if (Atomics.compareExchange(words, TAKEN >> 2, number, next) === number) return jobOf(number)
  }
}
