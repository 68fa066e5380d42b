/** A promise that many may wait for until something happens. */
import { WireGuardError } from '@wireweave/tunnel/errors'

/** Allocates one promise per wait, none per event; remembers no event that nobody waited for. */
export class Gate {
  #promise: Promise<void> | null = null
  #resolve: () => void = ignore
  #reject: (error: Error) => void = ignore
  #failure: Error | null = null

  get isAwaited(): boolean {
    return this.#promise !== null
  }

  wait(signal?: AbortSignal): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    this.#promise ??= new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    return signal === undefined ? this.#promise : untilAborted(this.#promise, signal)
  }

  /** Resolves whoever waits. */
  open(): void {
    this.#promise = null
    this.#resolve()
  }

  /** Rejects whoever waits, now and later. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#promise = null
    this.#reject(this.#failure)
  }
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort = ignore
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new WireGuardError('ABORTED', 'waiting was aborted', { cause: signal.reason }))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function ignore(): void {}
