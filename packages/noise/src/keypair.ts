/** Transport keys of a peer and the three places they can be in (§5.4.5, §6.1). */
import { REJECT_AFTER_TIME_MS, SEND_REJECT_AFTER_MESSAGES } from './constants.js'
import { ReplayFilter } from './replay.js'

export const KEY_BYTES = 32

/** The keys of one session. The device's index table leads from `localIndex` to it. */
export class Keypair {
  readonly sendKey: Uint8Array
  readonly receiveKey: Uint8Array
  /** The receiver index in messages to us, and in messages from us. */
  readonly localIndex: number
  readonly remoteIndex: number
  readonly isInitiator: boolean
  /** Monotonic milliseconds. */
  createdAt: number
  /** Of the next message: exact, because it stops at SEND_REJECT_AFTER_MESSAGES. */
  sendCounter = 0
  readonly replay: ReplayFilter = new ReplayFilter()

  /** Copies both keys. */
  constructor(
    sendKey: Uint8Array,
    receiveKey: Uint8Array,
    localIndex: number,
    remoteIndex: number,
    isInitiator: boolean,
    now: number,
  ) {
    // An explicit ArrayBuffer: V8 puts small typed arrays into its heap, where the collector moves them and leaves copies.
    const keys = new ArrayBuffer(2 * KEY_BYTES)
    this.sendKey = new Uint8Array(keys, 0, KEY_BYTES)
    this.receiveKey = new Uint8Array(keys, KEY_BYTES, KEY_BYTES)
    this.sendKey.set(sendKey)
    this.receiveKey.set(receiveKey)
    this.localIndex = localIndex
    this.remoteIndex = remoteIndex
    this.isInitiator = isInitiator
    this.createdAt = now
  }

  canSend(now: number): boolean {
    return now - this.createdAt < REJECT_AFTER_TIME_MS && this.sendCounter < SEND_REJECT_AFTER_MESSAGES
  }

  canReceive(now: number): boolean {
    return now - this.createdAt < REJECT_AFTER_TIME_MS
  }

  /** Makes it useless for sending; it still receives until it is too old. For a change of our private key. */
  expireSending(): void {
    this.sendCounter = SEND_REJECT_AFTER_MESSAGES
  }

  /** Erases the keys. Nothing can be sealed or opened with it afterwards. */
  wipe(): void {
    this.sendKey.fill(0)
    this.receiveKey.fill(0)
    this.replay.reset()
    this.expireSending()
    this.createdAt = Number.NEGATIVE_INFINITY
  }
}

/**
 * The keypairs of a peer. It receives with all three and sends with `current`.
 *
 * Methods that displace keypairs wipe them and return them: their local indices are the caller's to free, and the
 * caller tells its engine to forget their keys.
 */
export class Keypairs {
  current: Keypair | null = null
  /** What was current before, for packets still under way. */
  previous: Keypair | null = null
  /** Made by us as responder; not used for sending until the initiator has proven to have it. */
  next: Keypair | null = null

  /** A new keypair, on having sent a response as responder or on having received one as initiator. */
  add(keypair: Keypair): readonly Keypair[] {
    const { current, previous, next } = this
    if (!keypair.isInitiator) {
      this.next = keypair
      this.previous = null
      return drop(next, previous)
    }
    // The initiator's keypair is confirmed by the response, so it may send at once. A keypair that waits in `next` is
    // younger than `current` and may have been taken up by the other side already: it is the one worth keeping.
    this.current = keypair
    this.next = null
    if (next === null) {
      this.previous = current
      return drop(previous)
    }
    this.previous = next
    return drop(current, previous)
  }

  /**
   * Call for every keypair that has opened an authentic packet. When it was waiting in `next`, this packet confirms it:
   * it becomes current, and the handshake is complete. `null` when there was nothing to confirm.
   */
  confirm(keypair: Keypair): readonly Keypair[] | null {
    if (keypair !== this.next) return null
    const { previous } = this
    this.previous = this.current
    this.current = keypair
    this.next = null
    return drop(previous)
  }

  /** See {@link Keypair.expireSending}. */
  expireSending(): void {
    this.current?.expireSending()
    this.next?.expireSending()
  }

  clear(): readonly Keypair[] {
    const { current, previous, next } = this
    this.current = null
    this.previous = null
    this.next = null
    return drop(current, previous, next)
  }
}

function drop(...keypairs: readonly (Keypair | null)[]): readonly Keypair[] {
  const dropped = keypairs.filter((keypair) => keypair !== null)
  for (const keypair of dropped) keypair.wipe()
  return dropped
}
