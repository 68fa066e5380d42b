/** Waiting for Windows' objects, never for longer than a moment: a thread in a native wait can neither be told anything nor ended. */
import { lastError } from '../errno.js'
import { NativeMemory, writePointer } from '../memory.js'
import { win32Name } from './codes.js'
import { systemDll } from './system.js'

/** The longest wait in one call. `process.exit` waits for the threads that are in one. */
export const MAX_WAIT_MS = 1000
/** Most objects of one wait. */
const MAXIMUM_WAIT_OBJECTS = 64

const WAIT_TIMEOUT = 0x102
const WAIT_FAILED = 0xffff_ffff

const kernel32 = systemDll('kernel32.dll', {
  createEvent: ['CreateEventW', 'uintptr_t', ['uintptr_t', 'int32_t', 'int32_t', 'uintptr_t']],
  setEvent: ['SetEvent', 'int32_t', ['uintptr_t']],
  resetEvent: ['ResetEvent', 'int32_t', ['uintptr_t']],
  closeHandle: ['CloseHandle', 'int32_t', ['uintptr_t']],
  wait: ['WaitForMultipleObjects', 'uint32_t', ['uint32_t', 'void *', 'int32_t', 'uint32_t']],
})

/** An event without a name, not set. One that resets itself lets a single wait through each time it is set. */
export function createEvent(resets: 'by itself' | 'by hand'): number {
  const handle = kernel32.call.createEvent(0, resets === 'by hand' ? 1 : 0, 0, 0)
  if (handle === 0) throw new Error(`CreateEventW: ${win32Name(lastError())}`)
  return handle
}

/** Lets whoever waits for it through, now or at his next wait. */
export function setEvent(handle: number): void {
  kernel32.call.setEvent(handle)
}

/** Forgets that it was set. */
export function resetEvent(handle: number): void {
  kernel32.call.resetEvent(handle)
}

/** Of an event or anything else. Nobody may wait for it any more: Windows gives its number to the next one. */
export function closeHandle(handle: number): void {
  kernel32.call.closeHandle(handle)
}

/** Objects to wait for, in memory that is filled once. */
export class WaitSet {
  readonly #memory: NativeMemory
  readonly #count: number

  constructor(...handles: readonly number[]) {
    if (handles.length === 0 || handles.length > MAXIMUM_WAIT_OBJECTS) throw new RangeError('1 to 64 objects')
    this.#count = handles.length
    this.#memory = new NativeMemory(handles.length * 8)
    for (const [i, handle] of handles.entries()) writePointer(this.#memory.view, i * 8, handle)
  }

  /** Blocks this thread until one is signalled; which, the first one first, or -1 when `milliseconds` were over. */
  wait(milliseconds: number): number {
    if (!(milliseconds >= 0 && milliseconds <= MAX_WAIT_MS)) throw new RangeError(`a wait takes 0 to ${MAX_WAIT_MS} ms`)
    const result = kernel32.call.wait(this.#count, this.#memory.bytes, 0, milliseconds)
    if (result === WAIT_TIMEOUT) return -1
    if (result === WAIT_FAILED) throw new Error(`WaitForMultipleObjects: ${win32Name(lastError())}`)
    return result
  }
}
