/** Signals of an operator. The first that ends asks, the second insists; SIGHUP reads the configuration again. */
import { isatty } from 'node:tty'

export class ProcessSignals {
  readonly #end = new AbortController()
  #reload: (() => Promise<void>) | null = null
  #turn: Promise<void> = Promise.resolve()

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (this.ended.aborted) process.exit(1)
        this.end()
      })
    }
    process.on('SIGHUP', () => {
      const reload = this.#reload
      // On a terminal it says that the terminal is gone.
      if (reload === null || isatty(0)) this.end()
      else this.#turn = this.#turn.then(reload)
    })
  }

  get ended(): AbortSignal {
    return this.#end.signal
  }

  end(): void {
    this.#end.abort()
  }

  whenEnded(): Promise<void> {
    if (this.ended.aborted) return Promise.resolve()
    return new Promise((resolve) => this.ended.addEventListener('abort', () => resolve(), { once: true }))
  }

  /** From now on SIGHUP calls `reload`, one at a time; it must not reject. */
  onReload(reload: () => Promise<void>): void {
    this.#reload = reload
  }
}
