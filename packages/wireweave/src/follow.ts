/**
 * Endpoints with host names whose address may change. Nothing is looked up on a timer: only when handshakes fail is the
 * next address of the name tried, IPv4 and IPv6 in turn, and when all were tried the name is looked up again.
 */
import type { HostEndpoint } from '@wireweave/config/conf-types'
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'

export interface NamedPeer {
  readonly publicKey: PublicKey
  readonly endpoint: HostEndpoint
  /** All addresses of the name; the first is in use. */
  readonly addresses: readonly Endpoint[]
}

export interface FollowOptions {
  /** Looks a name up once, without patience: a failed handshake will ask again. */
  readonly resolve: (endpoint: HostEndpoint) => Promise<readonly Endpoint[]>
  /** Told about each move. */
  readonly onMove?: (peer: PublicKey, to: Endpoint) => void
}

/** After how many initiations without an answer the next address gets its turn; they are 5 s apart. */
const ATTEMPTS_PER_ADDRESS = 2

interface State {
  readonly endpoint: HostEndpoint
  readonly publicKey: PublicKey
  /** Still to be tried, in order, before the name is looked up again. */
  untried: Endpoint[]
  current: Endpoint | null
  busy: boolean
}

export class EndpointFollower {
  readonly #options: FollowOptions
  readonly #peers = new Map<string, State>()
  #tunnel: Tunnel | null = null

  constructor(options: FollowOptions) {
    this.#options = options
  }

  /** The peers to follow; replaces those of before. */
  follow(tunnel: Tunnel, peers: readonly NamedPeer[]): void {
    this.#tunnel = tunnel
    this.#peers.clear()
    for (const { publicKey, endpoint, addresses } of peers) {
      const [current = null, ...untried] = addresses
      this.#peers.set(formatKey(publicKey), {
        publicKey,
        endpoint,
        current,
        untried: inTurn(untried, current),
        busy: false,
      })
    }
  }

  stop(): void {
    this.#peers.clear()
    this.#tunnel = null
  }

  get isIdle(): boolean {
    return this.#peers.size === 0
  }

  /** Give it every event of the tunnel. */
  onEvent(event: TunnelEvent): void {
    if (event.tag === 'handshakeGaveUp') this.failed(event.peer)
    else if (event.tag === 'sessionEstablished') this.#forget(event.peer)
    else if (event.tag === 'handshakeRetry' && event.attempt % ATTEMPTS_PER_ADDRESS === 0) this.failed(event.peer)
  }

  /** An address works. When it ceases to, which may be days later, what was known of the others is old. */
  #forget(peer: PublicKey): void {
    const state = this.#peers.get(formatKey(peer))
    if (state !== undefined) state.untried = []
  }

  /** Handshakes with a peer do not succeed: moves on to the next address. */
  failed(peer: PublicKey): void {
    const state = this.#peers.get(formatKey(peer))
    if (state === undefined || state.busy) return
    state.busy = true
    // Events come from within the device, which must not be called back into.
    setImmediate(() => void this.#moveOn(state).finally(() => (state.busy = false)))
  }

  async #moveOn(state: State): Promise<void> {
    try {
      if (state.untried.length === 0) {
        state.untried = inTurn(await this.#options.resolve(state.endpoint), state.current)
      }
      const next = state.untried.shift()
      if (next === undefined || this.#tunnel === null || this.#peers.get(formatKey(state.publicKey)) !== state) return
      state.current = next
      await this.#tunnel.apply({ peers: [{ publicKey: state.publicKey, updateOnly: true, endpoint: next }] })
      this.#options.onMove?.(state.publicKey, next)
    } catch {
      // No DNS, or the tunnel is closing: the next failed handshake tries again.
    }
  }
}

/** IPv4 and IPv6 alternate, beginning with the family that `after` is not of; `after` itself comes last. */
export function inTurn(addresses: readonly Endpoint[], after: Endpoint | null): Endpoint[] {
  const last = after === null ? '' : formatEndpoint(after)
  const fresh = addresses.filter((endpoint) => formatEndpoint(endpoint) !== last)
  const v4 = fresh.filter(({ address }) => address.length === 4)
  const v6 = fresh.filter(({ address }) => address.length === 16)
  const ordered: Endpoint[] = []
  for (let takeV6 = after?.address.length === 4; v4.length + v6.length > 0; takeV6 = !takeV6) {
    const next = (takeV6 ? v6 : v4).shift()
    if (next !== undefined) ordered.push(next)
  }
  return ordered.length < addresses.length && after !== null ? [...ordered, after] : ordered
}
