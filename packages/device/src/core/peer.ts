/** What a device keeps of a peer. Idle peers are many: what only a live session needs is made when it begins. */
import { wipe } from '@wireweave/crypto/bytes'
import type { DhPublicKey, Suite } from '@wireweave/crypto/suite'
import { CookieGenerator } from '@wireweave/noise/cookie'
import { type HandshakeState, type Identity, type Remote, ZEROED } from '@wireweave/noise/handshake'
import { type Keypair, Keypairs } from '@wireweave/noise/keypair'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { ByteCounter } from './byte-counter.js'

const NEVER = Number.NEGATIVE_INFINITY

export class Peer implements Remote {
  /** Its number in the tables of the device; taken by another peer once this one is removed. */
  readonly slot: number
  readonly key: PublicKey
  readonly keypairs: Keypairs = new Keypairs()
  readonly cookie: CookieGenerator
  readonly received: ByteCounter = new ByteCounter()
  readonly sent: ByteCounter = new ByteCounter()

  presharedKey: Uint8Array | null = null
  persistentKeepaliveMs = 0

  /** The one handshake in progress. */
  handshake: HandshakeState = ZEROED
  /** Sends of the current initiation so far, less the first. */
  handshakeAttempts = 0
  /** When an initiation or response was last sent. */
  lastHandshakeSentAt: number = NEVER
  lastInitiationConsumedAt: number = NEVER
  /** The greatest timestamp of an initiation accepted from the peer. */
  greatestTimestamp: Uint8Array | null = null
  /** Wall clock in our last initiation. */
  lastTimestampSentMs: number = NEVER
  /** Wall clock of the last completed handshake; -1 before the first. */
  lastHandshakeUnixMs = -1
  /** The rekey at the end of a keypair's life, once per keypair. */
  sentLastMinuteHandshake = false
  /** Data came in while a keepalive was due already. */
  needAnotherKeepalive = false

  readonly #suite: Suite
  #dhPublicKey: DhPublicKey | null = null
  /** `undefined` until asked for. */
  #staticStatic: Uint8Array | null | undefined = undefined

  /** Copies `key`. */
  constructor(slot: number, key: Uint8Array, suite: Suite) {
    this.slot = slot
    this.key = new Uint8Array(key) as PublicKey
    this.cookie = new CookieGenerator(suite, this.key)
    this.#suite = suite
  }

  /** For the world outside, which may do with it what it likes. */
  copyKey(): PublicKey {
    return this.key.slice() as PublicKey
  }

  get publicKey(): DhPublicKey {
    return (this.#dhPublicKey ??= this.#suite.x25519.importPublicKey(this.key))
  }

  /** See {@link Remote}. Known after {@link Peer.prepare}. */
  get staticStatic(): Uint8Array | null {
    return this.#staticStatic ?? null
  }

  /** Computes what every handshake between `identity` and this peer shares. Configuring 10 000 peers stays fast this way. */
  prepare(identity: Identity): void {
    if (this.#staticStatic !== undefined) return
    // Not through `publicKey`, which would keep it: an initiation that proves nothing may lead here.
    const publicKey = this.#dhPublicKey ?? this.#suite.x25519.importPublicKey(this.key)
    this.#staticStatic = this.#suite.x25519.deriveSharedSecret(identity.privateKey, publicKey)
  }

  /** No session is left. An imported key takes a kilobyte and more outside of the heap. */
  forgetImportedKey(): void {
    this.#dhPublicKey = null
  }

  /** Our private key changed. */
  forgetStaticStatic(): void {
    if (this.#staticStatic) wipe(this.#staticStatic)
    this.#staticStatic = undefined
  }

  /** Which of the keypairs a message with this receiver index is for. */
  keypairOf(localIndex: number): Keypair | null {
    const { current, previous, next } = this.keypairs
    if (current !== null && current.localIndex === localIndex) return current
    if (next !== null && next.localIndex === localIndex) return next
    if (previous !== null && previous.localIndex === localIndex) return previous
    return null
  }

  /** Copies `key`; all zero, or `null`, is none. */
  setPresharedKey(key: Uint8Array | null): void {
    if (this.presharedKey !== null) wipe(this.presharedKey)
    this.presharedKey = key === null ? null : secretCopy(key)
  }
}

/** In an ArrayBuffer of its own: V8 puts small typed arrays into its heap, where the collector moves them and leaves copies. */
export function secretCopy(secret: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(secret.length))
  copy.set(secret)
  return copy
}
