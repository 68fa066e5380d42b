/** When to look through all peers after routes changed: soon, once for many changes, and never most of the time. */
import type { StickyBind } from '../bind.js'

/** Changes come in groups: an interface that comes up brings a dozen. */
const SOON_MS = 50
/** A look through 100 000 peers takes a second; then the next one waits for twenty. */
const REST = 20

export class RouteChecks {
  readonly #check: (bind: StickyBind) => void
  #timer: NodeJS.Timeout | null = null
  #tookMs = 0

  constructor(check: (bind: StickyBind) => void) {
    this.#check = check
  }

  /** Checks after each change that `bind` tells of. */
  watch(bind: StickyBind): void {
    this.stop()
    bind.onRouteChange(() => {
      this.#timer ??= setTimeout(() => this.#run(bind), Math.max(SOON_MS, this.#tookMs * REST))
    })
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #run(bind: StickyBind): void {
    this.#timer = null
    const start = performance.now()
    this.#check(bind)
    this.#tookMs = performance.now() - start
  }
}
