/** Signals of an operator. The first that ends asks, the second insists; SIGHUP reads the configuration again. */
import { isatty } from 'node:tty'

const IS_WINDOWS = process.platform === 'win32'
/** The last is Ctrl-Break, which only Windows has. */
const ENDINGS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', ...(IS_WINDOWS ? (['SIGBREAK'] as const) : [])]

export class ProcessSignals {
  readonly #end = new AbortController()
  #reload: (() => Promise<void>) | null = null
  #turn: Promise<void> = Promise.resolve()

  constructor() {
    for (const name of ENDINGS) {
      process.on(name, () => {
        if (this.ended.aborted) process.exit(1)
        this.end()
      })
    }
    process.on('SIGHUP', () => {
      const reload = this.#reload
      // On a terminal it says that the terminal is gone, on Windows always: some seconds are left.
      if (reload === null || IS_WINDOWS || isatty(0)) this.end()
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
