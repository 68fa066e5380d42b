/** Gives a stack what it has not itself: the time, an alarm, randomness. Runs wherever there are timers. */
import { type NetworkErrorCode, Stack, type TcpOptions } from './core/stack.js'

export interface HostOptions {
  readonly addresses: readonly Uint8Array[]
  readonly mtu: number
  /** Monotonic milliseconds. */
  readonly now?: () => number
  readonly tcp?: Partial<TcpOptions>
}

/** The longest that timers take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export class Host {
  readonly stack: Stack
  readonly now: () => number
  /** Called when the stack may have something to send. */
  onOutput: () => void = () => {}
  /** True while a port carries packets. */
  isUp = false
  #timer: ReturnType<typeof setTimeout> | null = null
  #timerAt: number = Number.POSITIVE_INFINITY
  #isDue = false
  readonly #downListeners = new Set<() => void>()

  constructor(options: HostOptions) {
    this.now = options.now ?? (() => performance.now())
    this.stack = new Stack({
      addresses: options.addresses,
      mtu: options.mtu,
      random: (bytes) => void globalThis.crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
      onOutput: () => this.#outputReady(),
      // As an exception of an event handler: it ends the process unless someone handles it, but not this loop.
      onHandlerError: (error) =>
        queueMicrotask(() => {
          throw error
        }),
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
    })
  }

  /** After each call into the stack: leaves one alarm for the earliest deadline. Ringing early is harmless. */
  arm(): void {
    const at = this.stack.nextDeadline()
    if (at >= this.#timerAt || at === Number.POSITIVE_INFINITY) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAt = at
    const delay = Math.min(MAX_TIMEOUT_MS, Math.max(0, Math.ceil(at - this.now())))
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#advance()
    }, delay)
  }

  /** Calls `listener` once, when the port goes away. Returns how to forget it. */
  onDown(listener: () => void): () => void {
    this.#downListeners.add(listener)
    return () => this.#downListeners.delete(listener)
  }

  /** No port carries packets any more: everything ends. */
  goDown(error: NetworkErrorCode): void {
    if (!this.isUp) return
    this.isUp = false
    this.stack.abandon(error)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#timerAt = Number.POSITIVE_INFINITY
    for (const listener of [...this.#downListeners]) listener()
    this.#downListeners.clear()
  }

  /** The application did something, or packets came: once in a turn is enough. */
  #outputReady(): void {
    this.onOutput()
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      if (this.isUp) this.#advance()
    })
  }

  #advance(): void {
    this.stack.advance(this.now())
    this.arm()
  }
}
