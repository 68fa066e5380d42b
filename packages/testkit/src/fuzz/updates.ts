/** Changes of a device with values from anywhere: all of one takes effect, or it is refused and nothing does. */
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { describeState } from '../device-state.js'
import type { Random } from '../random.js'
import { simulate } from '../simulation.js'
import type { Simulation } from '../simulation.js'
import { FuzzFailure } from './target.js'
import type { FuzzRound, FuzzTarget } from './target.js'

export const updates: FuzzTarget = {
  name: 'updates',
  begin: (random) => new UpdateRound(random),
}

class UpdateRound implements FuzzRound {
  readonly #random: Random
  readonly #net: Simulation
  readonly #keys: readonly Uint8Array[]

  constructor(random: Random) {
    this.#random = random
    this.#net = simulate({ seed: random.u32() })
    this.#keys = Array.from({ length: 6 }, () => random.bytes(32))
  }

  step(): void {
    const { alice } = this.#net
    const update = this.#draw()
    const before = describeState(alice.device)
    try {
      alice.apply(update)
    } catch (error) {
      const isOurs = isWireGuardError(error) || error instanceof TypeError || error instanceof RangeError
      if (!isOurs || !(error instanceof Error) || error.message === '')
        throw new FuzzFailure(`threw ${String(error)}`, show(update))
      if (holdsSecret(error.message, update)) throw new FuzzFailure('an error tells a secret', show(update))
      if (describeState(alice.device) !== before)
        throw new FuzzFailure('a refused update changed something', show(update))
      return
    }
    if (this.#random.chance(0.05)) this.#net.advance(this.#random.below(20_000))
  }

  /** Configured anew, it works. */
  finish(): void {
    const { alice, bob } = this.#net
    const keepalives = { persistentKeepaliveInterval: 0, presharedKey: null }
    alice.apply({ privateKey: alice.privateKey, replacePeers: true, peers: [{ ...bob.asPeer(), ...keepalives }] })
    this.#net.advance(10_000)
    bob.received.length = 0
    alice.send(this.#net.packet(alice, bob))
    this.#net.advance(10_000)
    if (bob.received.length !== 1) throw new FuzzFailure('the device no longer works')
  }

  #draw(): DeviceUpdate {
    const random = this.#random
    return {
      ...this.#maybe(0.1, 'privateKey', () =>
        random.pick([this.#net.alice.privateKey, this.#net.alice.privateKey, null, this.#bytes(32)]),
      ),
      ...this.#maybe(0.2, 'listenPort', () => this.#number(65535)),
      ...this.#maybe(0.2, 'fwmark', () => random.pick([null, this.#number(0xffffffff)])),
      ...this.#maybe(0.1, 'replacePeers', () => random.chance(0.5)),
      ...this.#maybe(0.8, 'peers', () => Array.from({ length: random.below(4) }, () => this.#peer())),
    } as DeviceUpdate
  }

  #peer(): PeerUpdate {
    const random = this.#random
    return {
      publicKey: random.chance(0.95)
        ? random.pick([...this.#keys, this.#net.bob.publicKey, this.#net.alice.publicKey])
        : this.#bytes(32),
      ...this.#maybe(0.2, 'remove', () => random.chance(0.5)),
      ...this.#maybe(0.2, 'updateOnly', () => random.chance(0.5)),
      ...this.#maybe(0.3, 'presharedKey', () => random.pick([null, this.#bytes(32)])),
      ...this.#maybe(0.3, 'endpoint', () => ({
        address: this.#bytes(random.pick([4, 16])),
        port: this.#number(65535),
      })),
      ...this.#maybe(0.3, 'persistentKeepaliveInterval', () => this.#number(65535)),
      ...this.#maybe(0.2, 'replaceAllowedIps', () => random.chance(0.5)),
      ...this.#maybe(0.5, 'allowedIps', () => Array.from({ length: random.below(4) }, () => this.#allowedIp())),
    } as PeerUpdate
  }

  #allowedIp(): object {
    const length = this.#random.pick([4, 16])
    const remove = this.#maybe(0.3, 'remove', () => this.#random.chance(0.5))
    return { address: this.#bytes(length), length: this.#number(length * 8), ...remove }
  }

  #maybe(probability: number, name: string, draw: () => unknown): object {
    return this.#random.chance(probability) ? { [name]: draw() } : {}
  }

  /** Mostly of this length. */
  #bytes(length: number): Uint8Array {
    return this.#random.bytes(this.#random.chance(0.97) ? length : this.#random.below(40))
  }

  /** Mostly in range. */
  #number(limit: number): number {
    const random = this.#random
    if (random.chance(0.95)) return random.between(0, limit)
    return random.pick([-1, limit + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -0])
  }
}

function show(update: DeviceUpdate): string {
  return JSON.stringify(update, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
}

/** As any text that a program might have made of it. */
function holdsSecret(message: string, update: DeviceUpdate): boolean {
  const secrets = [update.privateKey, ...(update.peers ?? []).map((peer) => peer.presharedKey)]
  return secrets.some((secret) => {
    if (!secret || secret.length < 8) return false
    const bytes = Buffer.from(secret)
    return [bytes.toString('hex'), bytes.toString('base64'), String(secret)].some((text) => message.includes(text))
  })
}
