/** A kernel between a bind and the real one, which refuses what a test tells it to. */
import { socketCalls } from '../../../src/shell/internal/linux/calls.js'
import type { SocketCalls } from '../../../src/shell/internal/linux/calls.js'

type CallName = Exclude<keyof SocketCalls, 'errno'>

export class FickleKernel {
  /** How often each call was made. */
  readonly made: Record<string, number> = {}
  /** Descriptors opened and not closed. */
  readonly open: Set<number> = new Set()
  /** How many messages each `sendmmsg` was given. */
  readonly sent: number[] = []
  readonly calls: SocketCalls
  readonly #rules: { call: CallName; refuses: (args: readonly number[]) => boolean; errno: number; times: number }[] =
    []
  #errno: number | null = null

  constructor() {
    const real = socketCalls()
    const wrapped = Object.entries(real).map(([name, call]) => [
      name,
      name === 'errno'
        ? () => this.#errno ?? real.errno()
        : this.#wrap(name as CallName, call as (...args: number[]) => number),
    ])
    this.calls = Object.fromEntries(wrapped) as unknown as SocketCalls
  }

  /** The next `times` calls of this name, of those with such arguments, fail with `errno`. */
  refuse(
    call: CallName,
    errno: number,
    refuses: (args: readonly number[]) => boolean = () => true,
    times = Infinity,
  ): void {
    this.#rules.push({ call, refuses, errno, times })
  }

  #wrap(name: CallName, call: (...args: number[]) => number): (...args: number[]) => number {
    return (...args) => {
      this.made[name] = (this.made[name] ?? 0) + 1
      if (name === 'sendmmsg') this.sent.push(args[2]!)
      const rule = this.#rules.find((rule) => rule.call === name && rule.times > 0 && rule.refuses(args))
      if (rule !== undefined) {
        rule.times--
        this.#errno = rule.errno
        return -1
      }
      this.#errno = null
      const result = call(...args)
      if (name === 'socket' && result >= 0) this.open.add(result)
      if (name === 'close') this.open.delete(args[0]!)
      return result
    }
  }
}
