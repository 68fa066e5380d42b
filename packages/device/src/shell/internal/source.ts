/** Something a driver waits for, at most once at a time. */
export class Source {
  /** Stands where there is nothing to wait for. Nobody waits for it. */
  static readonly NOTHING: Source = new Source(
    () => Promise.reject(new Error('nothing to wait for')),
    () => undefined,
    () => undefined,
  )
  /** Worth a look: true until the owner found nothing there. */
  isReady = true
  isAwaited = false
  readonly #until: () => Promise<void>
  readonly #onReady: () => void
  readonly #onFailure: (error: unknown) => void
  #stopped = false

  constructor(until: () => Promise<void>, onReady: () => void, onFailure: (error: unknown) => void) {
    this.#until = until
    this.#onReady = onReady
    this.#onFailure = onFailure
  }

  /** Calls back once it is ready. While that is under way, does nothing. */
  wait(): void {
    if (this.isAwaited || this.#stopped) return
    this.isAwaited = true
    this.#until().then(this.#ready, this.#failed)
  }

  /** No more calls back. */
  stop(): void {
    this.#stopped = true
    this.isAwaited = false
  }

  readonly #ready = (): void => {
    this.isAwaited = false
    if (this.#stopped) return
    this.isReady = true
    this.#onReady()
  }

  readonly #failed = (error: unknown): void => {
    this.isAwaited = false
    if (!this.#stopped) this.#onFailure(error)
  }
}
