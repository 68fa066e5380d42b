/** A Windows event seen from the event loop: a thread of its own waits for it. */
import { Worker } from 'node:worker_threads'
import { closeHandle, createEvent, setEvent } from './wait.js'

const ENTRY = new URL('./event-worker.js', import.meta.url)

/** Values of the word that both threads share. */
export const IDLE = 0
export const ARMED = 1
/** For good: a thread that is between two waits sees it, too. */
export const QUITTING = 2

/** What the thread that waits is told at its start: handles, the shared word, after how many milliseconds to look again. */
export interface EventOrder {
  readonly event: number
  readonly quit: number
  readonly state: Int32Array
  readonly recheckMs: number
}

interface Wait {
  resolve(): void
  reject(reason: unknown): void
  readonly signal: AbortSignal | undefined
  readonly onAbort: (() => void) | undefined
}

/** Events to set when this thread ends: at `process.exit` Node waits for theirs, which would look up only when a wait is over. */
const quits = new Set<number>()

function quitAll(): void {
  for (const quit of quits) setEvent(quit)
}

/**
 * Tells when an event that resets itself is set. Its owner looks for work first and waits only when there is none, and
 * looks again after every wait: an event that was set while nobody waited ends the next wait at once, and a wait also ends
 * after `recheckMs`, since drivers are known to forget one.
 */
export class EventReadiness {
  readonly #worker: Worker
  readonly #quit: number
  readonly #state: Int32Array = new Int32Array(new SharedArrayBuffer(4))
  readonly #left: Promise<void>
  #wait: Wait | null = null
  /** The thread took the event while nobody asked. */
  #isSet = false
  #closing: Promise<void> | null = null
  #closeReason: unknown = undefined

  /** The event stays its owner's, who must not close it before {@link close} has resolved. */
  constructor(event: number, recheckMs = 250) {
    this.#quit = createEvent('by hand')
    const workerData: EventOrder = { event, quit: this.#quit, state: this.#state, recheckMs }
    this.#worker = new Worker(ENTRY, { workerData, name: 'wireweave event', execArgv: [], stdout: false })
    this.#left = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('message', () => this.#happened())
    this.#worker.on('error', (error) => void this.close(error))
    if (quits.size === 0) process.on('exit', quitAll)
    quits.add(this.#quit)
  }

  /** Resolves when the event was set, or it is time to look again. One wait at a time. */
  wait(signal?: AbortSignal): Promise<void> {
    if (this.#wait !== null) throw new Error('a wait is already pending')
    if (this.#closing !== null) return Promise.reject(this.#closeReason)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#isSet) {
      this.#isSet = false
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const onAbort = signal && ((): void => this.#take()?.reject(signal.reason))
      if (onAbort !== undefined) signal!.addEventListener('abort', onAbort, { once: true })
      this.#wait = { resolve, reject, signal, onAbort }
      if (Atomics.compareExchange(this.#state, 0, IDLE, ARMED) === IDLE) Atomics.notify(this.#state, 0)
    })
  }

  /** Rejects a wait with `reason`; resolves when the thread is gone. Idempotent. */
  close(reason: unknown = new Error('closed while waiting')): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  async #close(reason: unknown): Promise<void> {
    this.#closeReason = reason
    this.#take()?.reject(reason)
    Atomics.store(this.#state, 0, QUITTING)
    Atomics.notify(this.#state, 0)
    setEvent(this.#quit)
    await this.#left
    quits.delete(this.#quit)
    if (quits.size === 0) process.off('exit', quitAll)
    closeHandle(this.#quit)
  }

  #happened(): void {
    const wait = this.#take()
    if (wait === null) this.#isSet = true
    else wait.resolve()
  }

  #take(): Wait | null {
    const wait = this.#wait
    this.#wait = null
    if (wait?.onAbort !== undefined) wait.signal!.removeEventListener('abort', wait.onAbort)
    return wait
  }
}
