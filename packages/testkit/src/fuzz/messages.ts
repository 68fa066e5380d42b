/** The functions that read messages, called with bytes of every kind: a drop code or a result, never an exception. */
import { nodeSuite } from '@wireweave/crypto/node'
import { CookieChecker, CookieGenerator } from '@wireweave/noise/cookie'
import { consumeInitiation, consumeResponse, createIdentity, createInitiation } from '@wireweave/noise/handshake'
import type { Identity, InitiationCreated, Remote } from '@wireweave/noise/handshake'
import { classify } from '@wireweave/noise/messages'
import { encodeTai64n } from '@wireweave/noise/tai64n'
import { messageType } from '../eavesdropper.js'
import { mutateBytes } from '../mutate.js'
import type { Random } from '../random.js'
import { FuzzFailure, mustNotThrow } from './target.js'
import type { FuzzRound, FuzzTarget } from './target.js'

export const messages: FuzzTarget = {
  name: 'messages',
  begin: (random) => new MessageRound(random),
}

const LENGTHS = [0, 148, 92, 64]

class MessageRound implements FuzzRound {
  readonly #random: Random
  readonly #alice: Identity
  readonly #bob: Identity
  readonly #aliceForBob: Remote
  readonly #initiation = new Uint8Array(148)
  readonly #state: InitiationCreated
  readonly #checker: CookieChecker
  readonly #generator: CookieGenerator

  constructor(random: Random) {
    this.#random = random
    this.#alice = createIdentity(nodeSuite, random.bytes(32))
    this.#bob = createIdentity(nodeSuite, random.bytes(32))
    this.#aliceForBob = remoteOf(this.#bob, this.#alice)
    const input = { ephemeralSecret: random.bytes(32), senderIndex: random.u32(), timestamp: encodeTai64n(1.8e12) }
    const created = createInitiation(this.#alice, remoteOf(this.#alice, this.#bob), input, this.#initiation, 0)
    if (typeof created === 'number') throw new FuzzFailure(`no initiation: ${created}`)
    this.#state = created
    this.#checker = new CookieChecker(nodeSuite, this.#bob.privateKey.publicKey)
    this.#generator = new CookieGenerator(nodeSuite, this.#bob.privateKey.publicKey)
    this.#generator.addMacs(this.#initiation, 0, 148, 0)
  }

  step(): void {
    const random = this.#random
    const bytes = random.chance(0.5)
      ? mutateBytes(this.#initiation, random)
      : random.bytes(random.pick([...LENGTHS, random.below(300)]))
    if (random.chance(0.5) && bytes.length >= 4) bytes.set([random.between(0, 5), 0, 0, 0])
    // Somewhere in a larger memory, so that an offset that is forgotten shows.
    const at = random.below(64)
    const memory = random.bytes(at + Math.max(bytes.length, 148) + 64)
    memory.set(bytes, at)
    const before = memory.slice()
    mustNotThrow(bytes, () => this.#consume(memory, at, bytes))
    if (Buffer.compare(memory, before) !== 0) throw new FuzzFailure('reading wrote', bytes)
  }

  /** The initiation that was never touched is still accepted. */
  finish(): void {
    const consumed = consumeInitiation(this.#bob, this.#initiation, 0, () => this.#aliceForBob)
    if (typeof consumed === 'number') throw new FuzzFailure(`a good initiation is refused: ${consumed}`)
  }

  #consume(memory: Uint8Array, at: number, bytes: Uint8Array): void {
    const type = classify(memory, at, bytes.length)
    if (type > 0 !== isWellFormed(bytes)) throw new FuzzFailure(`classified as ${type}`, bytes)
    switch (type) {
      case 1: {
        this.#checker.checkMac1(memory, at, 148)
        this.#checker.checkMac2(memory, at, 148, Uint8Array.of(1, 2, 3), 1000)
        const consumed = consumeInitiation(this.#bob, memory, at, () => this.#aliceForBob)
        const isReal = Buffer.compare(bytes.subarray(8, 116), this.#initiation.subarray(8, 116)) === 0
        if ((typeof consumed !== 'number') !== isReal)
          throw new FuzzFailure('accepted what is not authentic, or the reverse', bytes)
        return
      }
      case 2: {
        const consumed = consumeResponse(this.#alice, remoteOf(this.#alice, this.#bob), this.#state, memory, at)
        if (typeof consumed !== 'number') throw new FuzzFailure('accepted a response nobody made', bytes)
        return
      }
      case 3:
        if (this.#generator.consumeReply(memory, at, 1000) === 0)
          throw new FuzzFailure('accepted a cookie nobody made', bytes)
    }
  }
}

function remoteOf(own: Identity, other: Identity): Remote {
  const publicKey = nodeSuite.x25519.importPublicKey(other.privateKey.publicKey)
  return { publicKey, staticStatic: nodeSuite.x25519.deriveSharedSecret(own.privateKey, publicKey), presharedKey: null }
}

function isWellFormed(bytes: Uint8Array): boolean {
  const type = messageType(bytes)
  return type === 4 ? bytes.length >= 32 : type > 0 && bytes.length === LENGTHS[type]
}
