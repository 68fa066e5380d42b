/** The MACs at the end of both handshake messages, and the cookies of a responder under load (§5.3, §5.4.4, §5.4.7). */
import type { Suite } from '@wireweave/crypto/suite'
import { wipe } from '@wireweave/crypto/bytes'
import { equal } from '@wireweave/crypto/constant-time'
import { COOKIE_LATENCY_MS, COOKIE_SECRET_MAX_AGE_MS, LABEL_COOKIE, LABEL_MAC1 } from './constants.js'
import { DROP_BAD_MAC1, DROP_BAD_MAC2, DROP_BAD_TAG, DROP_UNEXPECTED_COOKIE, type DropCode } from './drop.js'
import { copyRange } from './internal/copy-range.js'
import {
  COOKIE_NONCE,
  COOKIE_NONCE_BYTES,
  COOKIE_RECEIVER_INDEX,
  COOKIE_REPLY,
  COOKIE_REPLY_BYTES,
  COOKIE_SEALED,
  MAC1_FROM_END,
  MAC2_FROM_END,
  MAC_BYTES,
  readU32,
  SENDER_INDEX,
  writeU32,
} from './messages.js'

export const COOKIE_SECRET_BYTES = 32

const NO_TIME = Number.NEGATIVE_INFINITY
const MAC1_LABEL = ascii(LABEL_MAC1)
const COOKIE_LABEL = ascii(LABEL_COOKIE)
const NO_MAC = new Uint8Array(MAC_BYTES)

/**
 * The receiving side, one for each device identity: checks MACs and hands out cookies.
 *
 * `source` is the sender's address followed or preceded by its port, in any form that is different for different
 * senders. Reads `bytes` only during a call.
 */
export class CookieChecker {
  readonly #suite: Suite
  readonly #mac1Key: Uint8Array
  readonly #cookieKey: Uint8Array
  readonly #secret: Uint8Array = new Uint8Array(COOKIE_SECRET_BYTES)
  #secretSetAt = NO_TIME

  /** `publicKey` is our own. */
  constructor(suite: Suite, publicKey: Uint8Array) {
    this.#suite = suite
    this.#mac1Key = suite.hash(MAC1_LABEL, publicKey)
    this.#cookieKey = suite.hash(COOKIE_LABEL, publicKey)
  }

  /** 0 when mac1 of the handshake message of `length` bytes at `offset` is right: the sender knows our public key. */
  checkMac1(bytes: Uint8Array, offset: number, length: number): DropCode | 0 {
    const end = offset + length
    // mac1 = MAC(HASH(LABEL_MAC1 || S_pub), all before mac1)
    const mac1 = this.#suite.mac(this.#mac1Key, bytes.subarray(offset, end - MAC1_FROM_END))
    return equal(mac1, bytes.subarray(end - MAC1_FROM_END, end - MAC2_FROM_END)) ? 0 : DROP_BAD_MAC1
  }

  /** 0 when mac2 shows that the sender got a cookie of ours, less than two minutes old, at this source. */
  checkMac2(bytes: Uint8Array, offset: number, length: number, source: Uint8Array, now: number): DropCode | 0 {
    if (this.needsSecret(now)) return DROP_BAD_MAC2
    const end = offset + length
    const cookie = this.#cookie(source)
    // mac2 = MAC(cookie, all before mac2)
    const mac2 = this.#suite.mac(cookie, bytes.subarray(offset, end - MAC2_FROM_END))
    const right = equal(mac2, bytes.subarray(end - MAC2_FROM_END, end))
    wipe(cookie, mac2)
    return right ? 0 : DROP_BAD_MAC2
  }

  /** True when there is no secret or it is too old: draw one for {@link setSecret} before creating a reply. */
  needsSecret(now: number): boolean {
    return now - this.#secretSetAt >= COOKIE_SECRET_MAX_AGE_MS
  }

  /** Copies 32 random bytes. Cookies made with the secret before are void. */
  setSecret(secret: Uint8Array, now: number): void {
    if (secret.length !== COOKIE_SECRET_BYTES) throw new RangeError(`a cookie secret has ${COOKIE_SECRET_BYTES} bytes`)
    this.#secret.set(secret)
    this.#secretSetAt = now
  }

  /**
   * Writes the 64 bytes of a cookie reply at `out[outOffset]`, answering the handshake message of `length` bytes at
   * `offset`. `nonce` is 24 random bytes. Needs a secret that is not too old.
   */
  createReply(
    bytes: Uint8Array,
    offset: number,
    length: number,
    source: Uint8Array,
    nonce: Uint8Array,
    out: Uint8Array,
    outOffset: number,
    now: number,
  ): void {
    if (this.needsSecret(now)) throw new RangeError('no fresh cookie secret: call setSecret first')
    const end = offset + length
    const cookie = this.#cookie(source)
    // msg.cookie = XAEAD(HASH(LABEL_COOKIE || S_pub), nonce, cookie, mac1 of the message answered)
    const mac1 = new Uint8Array(bytes.subarray(end - MAC1_FROM_END, end - MAC2_FROM_END))
    const sealed = this.#suite.sealX(this.#cookieKey, nonce, cookie, mac1)
    wipe(cookie)
    writeU32(out, outOffset, COOKIE_REPLY)
    writeU32(out, outOffset + COOKIE_RECEIVER_INDEX, readU32(bytes, offset + SENDER_INDEX))
    out.set(nonce, outOffset + COOKIE_NONCE)
    out.set(sealed, outOffset + COOKIE_SEALED)
  }

  wipe(): void {
    wipe(this.#secret)
    this.#secretSetAt = NO_TIME
  }

  /** cookie = MAC(secret, source) */
  #cookie(source: Uint8Array): Uint8Array {
    return this.#suite.mac(this.#secret, source)
  }
}

/** The sending side, one for each peer: adds MACs and keeps the cookie that the peer sent last. */
export class CookieGenerator {
  readonly #suite: Suite
  readonly #publicKey: Uint8Array
  /** Derived when first needed: most peers of a large device are silent. */
  #mac1Key: Uint8Array | null = null
  /** Of the last message sent, until a cookie reply used it. */
  #lastMac1: Uint8Array | null = null
  #cookie: Uint8Array | null = null
  #cookieReceivedAt = NO_TIME

  /** `publicKey` is the peer's; it must not change afterwards. */
  constructor(suite: Suite, publicKey: Uint8Array) {
    this.#suite = suite
    this.#publicKey = publicKey
  }

  /** Completes the handshake message of `length` bytes at `offset`, its last step before it is sent. */
  addMacs(bytes: Uint8Array, offset: number, length: number, now: number): void {
    const end = offset + length
    this.#mac1Key ??= this.#suite.hash(MAC1_LABEL, this.#publicKey)
    const mac1 = this.#suite.mac(this.#mac1Key, bytes.subarray(offset, end - MAC1_FROM_END))
    bytes.set(mac1, end - MAC1_FROM_END)
    this.#lastMac1 = mac1
    const cookie = this.#freshCookie(now)
    const mac2 = cookie === null ? NO_MAC : this.#suite.mac(cookie, bytes.subarray(offset, end - MAC2_FROM_END))
    bytes.set(mac2, end - MAC2_FROM_END)
  }

  /**
   * Takes the cookie out of the reply of 64 bytes at `offset`. 0, or a drop code that changes nothing. Each message sent
   * is good for one cookie: a reply played back cannot bring an old one in again. The cookie goes into the next
   * message; its arrival is no reason to send one.
   */
  consumeReply(bytes: Uint8Array, offset: number, now: number): DropCode | 0 {
    if (this.#lastMac1 === null) return DROP_UNEXPECTED_COOKIE
    const reply = copyRange(bytes, offset, COOKIE_REPLY_BYTES)
    const key = this.#suite.hash(COOKIE_LABEL, this.#publicKey)
    const nonce = reply.subarray(COOKIE_NONCE, COOKIE_NONCE + COOKIE_NONCE_BYTES)
    const cookie = this.#suite.openX(key, nonce, reply.subarray(COOKIE_SEALED), this.#lastMac1)
    if (cookie === null) return DROP_BAD_TAG
    this.#forgetCookie()
    this.#cookie = cookie
    this.#cookieReceivedAt = now
    this.#lastMac1 = null
    return 0
  }

  wipe(): void {
    this.#forgetCookie()
    this.#lastMac1 = null
  }

  #freshCookie(now: number): Uint8Array | null {
    if (now - this.#cookieReceivedAt >= COOKIE_SECRET_MAX_AGE_MS - COOKIE_LATENCY_MS) this.#forgetCookie()
    return this.#cookie
  }

  #forgetCookie(): void {
    if (this.#cookie !== null) wipe(this.#cookie)
    this.#cookie = null
    this.#cookieReceivedAt = NO_TIME
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
