/** Names of datagrams: looked up once for many. */
import type { Context } from './context.js'

const KEEP_MS = 60_000
const MOST = 256

/** Of one client: what it remembers tells other clients nothing. */
export class Names {
  readonly #context: Context
  readonly #known = new Map<string, { readonly until: number; readonly address: Promise<string> }>()

  constructor(context: Context) {
    this.#context = context
  }

  /** The best address. Rejects as `Dialer.lookup`. How many are asked for at a time is the caller's to limit. */
  lookup(name: string): Promise<string> {
    const now = performance.now()
    const known = this.#known.get(name)
    if (known !== undefined && known.until > now) return known.address
    this.#known.delete(name)
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MOST) this.#known.delete(oldest!)
    const address = this.#ask(name)
    this.#known.set(name, { until: now + KEEP_MS, address })
    // Failures are asked again.
    address.catch(() => this.#known.delete(name))
    return address
  }

  async #ask(name: string): Promise<string> {
    const [first] = await this.#context.dialer.lookup(name, { family: this.#context.family })
    if (first === undefined) throw new Error('no address')
    return first.address
  }
}
