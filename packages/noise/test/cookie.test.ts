import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { COOKIE_LATENCY_MS, COOKIE_SECRET_MAX_AGE_MS } from '../src/constants.js'
import { CookieChecker, CookieGenerator } from '../src/cookie.js'
import { DROP_BAD_MAC1, DROP_BAD_MAC2, DROP_BAD_TAG, DROP_UNEXPECTED_COOKIE } from '../src/drop.js'
import { classify, COOKIE_REPLY, HANDSHAKE_INITIATION, readReceiverIndex, writeU32 } from '../src/messages.js'
import { bytesOf, flip, fromHex, isZero, toHex } from './support/bytes.js'
import { suite } from './support/parties.js'
import * as whitepaper from './support/whitepaper.js'

const PUBLIC_KEY = bytesOf(32, 0x21)
const SOURCE = fromHex('c0000201ca6c')
const NONCE = Uint8Array.from({ length: 24 }, (_, i) => i)
const INDEX = 0xcafebabe
/** Where messages lie in their arrays. */
const AT = 3

let checker: CookieChecker
let generator: CookieGenerator

beforeEach(() => {
  checker = new CookieChecker(suite, PUBLIC_KEY)
  checker.setSecret(bytesOf(32, 0x77), 0)
  generator = new CookieGenerator(suite, PUBLIC_KEY)
})

/** An initiation with MACs, as far as MACs are concerned. */
function send(now = 0, filler = 0xab): Uint8Array {
  const bytes = bytesOf(AT + 148, filler)
  writeU32(bytes, AT, HANDSHAKE_INITIATION)
  writeU32(bytes, AT + 4, INDEX)
  generator.addMacs(bytes, AT, 148, now)
  return bytes
}

function reply(to: Uint8Array, now = 0, source = SOURCE): Uint8Array {
  const out = new Uint8Array(AT + 64)
  checker.createReply(to, AT, 148, source, NONCE, out, AT, now)
  return out
}

function mac2(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(-16)
}

describe('mac1', () => {
  test('is what the second implementation makes of it', () => {
    const key = whitepaper.publicKeyOf(bytesOf(32, 9))
    const twin = whitepaper.initiate({
      staticSecret: bytesOf(32, 1),
      ephemeralSecret: bytesOf(32, 2),
      responderStatic: key,
      senderIndex: 1,
      timestamp: new Uint8Array(12),
    })
    expect(new CookieChecker(suite, key).checkMac1(twin.message, 0, 148)).toBe(0)
    const ours = new Uint8Array(twin.message)
    ours.fill(0, 116)
    new CookieGenerator(suite, key).addMacs(ours, 0, 148, 0)
    expect(toHex(ours)).toBe(toHex(twin.message))
  })

  test('is good for the receiver it was made for, and for no other', () => {
    const message = send()
    expect(checker.checkMac1(message, AT, 148)).toBe(0)
    expect(new CookieChecker(suite, bytesOf(32, 0x22)).checkMac1(message, AT, 148)).toBe(DROP_BAD_MAC1)
  })

  test('does not cover mac2', () => {
    const message = send()
    mac2(message).fill(0xff)
    expect(checker.checkMac1(message, AT, 148)).toBe(0)
  })
})

describe('without a cookie', () => {
  test('mac2 is zero, and wrong', () => {
    const message = send()
    expect(isZero(mac2(message))).toBe(true)
    expect(checker.checkMac2(message, AT, 148, SOURCE, 0)).toBe(DROP_BAD_MAC2)
  })
})

describe('a cookie reply', () => {
  test('has its type, the index of the sender it answers, the nonce, and the cookie sealed with mac1', () => {
    const message = send()
    const bytes = reply(message)
    expect(classify(bytes, AT, 64)).toBe(COOKIE_REPLY)
    expect(readReceiverIndex(bytes, AT, COOKIE_REPLY)).toBe(INDEX)
    expect(bytes.slice(AT + 8, AT + 32)).toEqual(NONCE)
    expect(isZero(bytes.subarray(0, AT))).toBe(true)
    const cookie = whitepaper.openCookie(bytes.slice(AT), PUBLIC_KEY, message.slice(AT + 116, AT + 132))
    expect(cookie).toEqual(whitepaper.mac(bytesOf(32, 0x77), SOURCE))
  })

  test('gives the next message a mac2 that is right, at this source', () => {
    expect(generator.consumeReply(reply(send()), AT, 10)).toBe(0)
    const message = send(20)
    expect(isZero(mac2(message))).toBe(false)
    expect(checker.checkMac1(message, AT, 148)).toBe(0)
    expect(checker.checkMac2(message, AT, 148, SOURCE, 20)).toBe(0)
    const cookie = whitepaper.mac(bytesOf(32, 0x77), SOURCE)
    expect(toHex(mac2(message))).toBe(toHex(whitepaper.mac(cookie, message.slice(AT, -16))))
  })

  test('serves a response as well', () => {
    const first = bytesOf(92, 2)
    generator.addMacs(first, 0, 92, 0)
    const out = new Uint8Array(64)
    checker.createReply(first, 0, 92, SOURCE, NONCE, out, 0, 0)
    expect(generator.consumeReply(out, 0, 0)).toBe(0)
    const second = bytesOf(92, 3)
    generator.addMacs(second, 0, 92, 0)
    expect(checker.checkMac1(second, 0, 92)).toBe(0)
    expect(checker.checkMac2(second, 0, 92, SOURCE, 0)).toBe(0)
  })

  test('is of no use from another address or another port', () => {
    generator.consumeReply(reply(send()), AT, 0)
    const message = send()
    expect(checker.checkMac2(message, AT, 148, fromHex('c0000202ca6c'), 0)).toBe(DROP_BAD_MAC2)
    expect(checker.checkMac2(message, AT, 148, fromHex('c0000201ca6d'), 0)).toBe(DROP_BAD_MAC2)
    const mapped = fromHex('00000000000000000000ffffc0000201ca6c')
    expect(checker.checkMac2(message, AT, 148, mapped, 0)).toBe(DROP_BAD_MAC2)
    expect(checker.checkMac2(message, AT, 148, SOURCE, 0)).toBe(0)
  })

  test('one flipped bit in the message makes mac2 wrong', () => {
    generator.consumeReply(reply(send()), AT, 0)
    const message = send()
    for (let bit = AT * 8; bit < message.length * 8; bit++)
      expect(checker.checkMac2(flip(message, bit), AT, 148, SOURCE, 0)).toBe(DROP_BAD_MAC2)
  })

  test('one flipped bit in nonce or cookie is refused, and the right reply still taken', () => {
    const bytes = reply(send())
    // The type is for classify, the index for the caller.
    for (let bit = (AT + 8) * 8; bit < bytes.length * 8; bit++)
      expect(generator.consumeReply(flip(bytes, bit), AT, 0)).toBe(DROP_BAD_TAG)
    expect(isZero(mac2(send(0)))).toBe(true)
    expect(generator.consumeReply(reply(send()), AT, 0)).toBe(0)
  })

  test('is taken once for each message sent', () => {
    const bytes = reply(send())
    expect(generator.consumeReply(bytes, AT, 0)).toBe(0)
    expect(generator.consumeReply(bytes, AT, 0)).toBe(DROP_UNEXPECTED_COOKIE)
    // A further message, of other content, has another mac1.
    const next = send(0, 0xcd)
    expect(generator.consumeReply(bytes, AT, 0)).toBe(DROP_BAD_TAG)
    expect(generator.consumeReply(reply(next), AT, 0)).toBe(0)
  })

  test('to an earlier message is refused', () => {
    const early = reply(send(0, 0x01))
    send(0, 0x02)
    expect(generator.consumeReply(early, AT, 0)).toBe(DROP_BAD_TAG)
  })

  test('is refused when nothing was sent, or when it is of another responder', () => {
    const message = send()
    const stranger = new CookieChecker(suite, bytesOf(32, 0x22))
    stranger.setSecret(bytesOf(32, 1), 0)
    const out = new Uint8Array(64)
    stranger.createReply(message, AT, 148, SOURCE, NONCE, out, 0, 0)
    expect(generator.consumeReply(out, 0, 0)).toBe(DROP_BAD_TAG)
    expect(new CookieGenerator(suite, PUBLIC_KEY).consumeReply(reply(message), AT, 0)).toBe(DROP_UNEXPECTED_COOKIE)
  })

  test('replaces the cookie before', () => {
    generator.consumeReply(reply(send()), AT, 0)
    const moved = fromHex('c00002090001')
    generator.consumeReply(reply(send(), 0, moved), AT, 0)
    const message = send()
    expect(checker.checkMac2(message, AT, 148, moved, 0)).toBe(0)
    expect(checker.checkMac2(message, AT, 148, SOURCE, 0)).toBe(DROP_BAD_MAC2)
  })

  test('any bytes are refused without an exception and change nothing', () => {
    const message = send()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(120), (bytes, offset) => {
        expect(generator.consumeReply(bytes, offset, 0)).toBe(DROP_BAD_TAG)
        expect(checker.checkMac1(bytes, 0, bytes.length)).toBe(DROP_BAD_MAC1)
        expect(checker.checkMac2(bytes, 0, bytes.length, SOURCE, 0)).toBe(DROP_BAD_MAC2)
      }),
    )
    expect(generator.consumeReply(reply(message), AT, 0)).toBe(0)
  })
})

describe('age', () => {
  const LIFE = COOKIE_SECRET_MAX_AGE_MS - COOKIE_LATENCY_MS

  test('the sender uses a cookie for 115 s', () => {
    generator.consumeReply(reply(send(1000), 1000), AT, 1000)
    expect(isZero(mac2(send(1000 + LIFE - 1)))).toBe(false)
    expect(isZero(mac2(send(1000 + LIFE)))).toBe(true)
    // It does not come back when time seems to.
    expect(isZero(mac2(send(1000)))).toBe(true)
  })

  test('the receiver honours a cookie for 120 s of its secret, and no longer, also without a new one', () => {
    generator.consumeReply(reply(send()), AT, COOKIE_SECRET_MAX_AGE_MS)
    const message = send(COOKIE_SECRET_MAX_AGE_MS)
    expect(checker.checkMac2(message, AT, 148, SOURCE, COOKIE_SECRET_MAX_AGE_MS - 1)).toBe(0)
    expect(checker.checkMac2(message, AT, 148, SOURCE, COOKIE_SECRET_MAX_AGE_MS)).toBe(DROP_BAD_MAC2)
  })

  test('a new secret voids the cookies before it', () => {
    generator.consumeReply(reply(send()), AT, 0)
    checker.setSecret(bytesOf(32, 0x78), 1)
    expect(checker.checkMac2(send(1), AT, 148, SOURCE, 1)).toBe(DROP_BAD_MAC2)
    generator.consumeReply(reply(send(1), 1), AT, 1)
    expect(checker.checkMac2(send(1), AT, 148, SOURCE, 1)).toBe(0)
  })

  test('a secret is asked for before the first reply and every 120 s', () => {
    const fresh = new CookieChecker(suite, PUBLIC_KEY)
    expect(fresh.needsSecret(0)).toBe(true)
    expect(fresh.needsSecret(-1e9)).toBe(true)
    fresh.setSecret(bytesOf(32, 1), 5)
    expect(fresh.needsSecret(5 + COOKIE_SECRET_MAX_AGE_MS - 1)).toBe(false)
    expect(fresh.needsSecret(5 + COOKIE_SECRET_MAX_AGE_MS)).toBe(true)
  })

  test('a reply without a fresh secret, and a secret of the wrong length, are misuse', () => {
    expect(() => reply(send(), COOKIE_SECRET_MAX_AGE_MS)).toThrow(RangeError)
    expect(() => checker.setSecret(new Uint8Array(31), 0)).toThrow(RangeError)
  })
})

describe('wiping', () => {
  test('a checker forgets its secret, and with it every cookie', () => {
    generator.consumeReply(reply(send()), AT, 0)
    checker.wipe()
    expect(checker.needsSecret(0)).toBe(true)
    expect(checker.checkMac2(send(), AT, 148, SOURCE, 0)).toBe(DROP_BAD_MAC2)
  })

  test('a generator forgets its cookie and the message that waits for one', () => {
    generator.consumeReply(reply(send()), AT, 0)
    const answer = reply(send())
    generator.wipe()
    expect(generator.consumeReply(answer, AT, 0)).toBe(DROP_UNEXPECTED_COOKIE)
    expect(isZero(mac2(send()))).toBe(true)
  })
})
