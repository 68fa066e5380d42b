import { nobleTransportEngine } from '@wireweave/crypto/noble'
import type { TransportEngine } from '@wireweave/crypto/suite'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { REJECT_AFTER_TIME_MS, SEND_REJECT_AFTER_MESSAGES } from '../src/constants.js'
import { DROP_BAD_TAG, DROP_COUNTER_LIMIT, DROP_EXPIRED_KEYPAIR, DROP_REPLAYED, DROP_TOO_OLD } from '../src/drop.js'
import { Keypair } from '../src/keypair.js'
import { classify, TRANSPORT_DATA, writeU32 } from '../src/messages.js'
import { openTransport, paddedLength, sealTransport } from '../src/transport.js'
import { bytesOf, flip, isZero, toHex } from './support/bytes.js'
import * as whitepaper from './support/whitepaper.js'

const NOW = 1000
const FIRST = bytesOf(32, 0x0a)
const SECOND = bytesOf(32, 0x0b)
const INDEX = 0xfeedf00d
/** Where messages and packets lie; not aligned. */
const AT = 4097
const PACKET = AT + 16
const ELSEWHERE = 9001

let engine: TransportEngine
let bytes: Uint8Array
let sender: Keypair
let receiver: Keypair

beforeEach(() => {
  engine = nobleTransportEngine.create({ buffer: new ArrayBuffer(16_384) })
  bytes = engine.bytes
  sender = new Keypair(FIRST, SECOND, 1, INDEX, true, NOW)
  receiver = new Keypair(SECOND, FIRST, INDEX, 1, false, NOW)
})

/** Seals in place; a copy of the message. */
function seal(packet: Uint8Array, padded = paddedLength(packet.length, 1420), now = NOW): Uint8Array {
  bytes.set(packet, PACKET)
  const length = sealTransport(engine, sender, PACKET, packet.length, padded, AT, now)
  expect(length).toBe(32 + padded)
  return bytes.slice(AT, AT + length)
}

/** The packet, or the drop code. */
function open(message: Uint8Array, now = NOW): Uint8Array | number {
  bytes.set(message, ELSEWHERE)
  const length = openTransport(engine, receiver, ELSEWHERE, message.length, now)
  return length < 0 ? length : bytes.slice(ELSEWHERE + 16, ELSEWHERE + 16 + length)
}

/** A message of `counter` with an empty packet, made by the second implementation. */
function keepalive(counter: bigint): Uint8Array {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(4)
  header.writeUInt32LE(INDEX, 4)
  header.writeBigUInt64LE(counter, 8)
  return Buffer.concat([header, whitepaper.aead(FIRST, counter, Buffer.alloc(0), Buffer.alloc(0))])
}

describe('sealing and opening', () => {
  test('a message is what the second implementation makes of it', () => {
    const packet = bytesOf(20, 0x45)
    sender.sendCounter = 3
    const message = seal(packet)
    expect(classify(message, 0, message.length)).toBe(TRANSPORT_DATA)
    const padded = Buffer.concat([packet, Buffer.alloc(12)])
    const sealed = whitepaper.aead(FIRST, 3n, padded, Buffer.alloc(0))
    expect(toHex(message)).toBe(`040000000df0edfe0300000000000000${toHex(sealed)}`)
    expect(open(message)).toEqual(new Uint8Array(padded))
  })

  test('any packet comes back, followed by zeros to a multiple of 16', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1420, size: 'max' }), (packet) => {
        bytes.fill(0xee, PACKET)
        const opened = open(seal(packet)) as Uint8Array
        expect(opened.length).toBe(paddedLength(packet.length, 1420))
        expect(opened.subarray(0, packet.length)).toEqual(packet)
        expect(isZero(opened.subarray(packet.length))).toBe(true)
      }),
    )
  })

  test('a packet may lie elsewhere than its message', () => {
    bytes.set(bytesOf(33, 0x61), ELSEWHERE)
    const length = sealTransport(engine, sender, ELSEWHERE, 33, 48, AT, NOW)
    const opened = openTransport(engine, receiver, AT, length, NOW)
    expect(toHex(bytes.subarray(PACKET, PACKET + opened))).toBe('61'.repeat(33) + '00'.repeat(15))
  })

  test('an empty packet is a keepalive of 32 bytes', () => {
    const message = seal(new Uint8Array(0))
    expect(message.length).toBe(32)
    expect(open(message)).toEqual(new Uint8Array(0))
  })

  test('counters go up by one and are never used twice', () => {
    const messages = [seal(bytesOf(16, 1)), seal(bytesOf(16, 1)), seal(bytesOf(16, 1))]
    expect(messages.map((message) => message[8])).toEqual([0, 1, 2])
    expect(new Set(messages.map((message) => toHex(message.subarray(16)))).size).toBe(3)
    expect(sender.sendCounter).toBe(3)
  })

  test('a counter beyond 32 bits is split right', () => {
    for (const counter of [2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, SEND_REJECT_AFTER_MESSAGES - 1]) {
      sender.sendCounter = counter
      const message = seal(new Uint8Array(0))
      expect(toHex(message)).toBe(toHex(keepalive(BigInt(counter))))
      expect(open(message)).toEqual(new Uint8Array(0))
    }
  })
})

describe('what is refused', () => {
  test('a message twice', () => {
    const message = seal(bytesOf(40, 1))
    expect(open(message)).toBeInstanceOf(Uint8Array)
    expect(open(message)).toBe(DROP_REPLAYED)
  })

  test('a message older than the window', () => {
    const message = seal(bytesOf(40, 1))
    expect(open(keepalive(8129n))).toEqual(new Uint8Array(0))
    expect(open(message)).toBe(DROP_TOO_OLD)
  })

  test('counters from 2^64 - 2^13 - 1 on', () => {
    const limit = 2n ** 64n - 2n ** 13n - 1n
    expect(open(keepalive(limit))).toBe(DROP_COUNTER_LIMIT)
    expect(open(keepalive(2n ** 64n - 1n))).toBe(DROP_COUNTER_LIMIT)
    expect(open(keepalive(limit - 1n))).toEqual(new Uint8Array(0))
  })

  test('one flipped bit in counter, packet or tag, and the right message is still taken', () => {
    const message = seal(bytesOf(20, 1))
    for (let bit = 8 * 8; bit < message.length * 8; bit++) expect(open(flip(message, bit))).toBeLessThan(0)
    expect(open(message)).toBeInstanceOf(Uint8Array)
  })

  test('a forged counter does not move the window', () => {
    const message = seal(bytesOf(20, 1))
    const forged = message.slice()
    writeU32(forged, 8, 1_000_000)
    expect(open(forged)).toBe(DROP_BAD_TAG)
    expect(open(message)).toBeInstanceOf(Uint8Array)
  })

  test('a message of the other direction', () => {
    const message = seal(bytesOf(20, 1))
    bytes.set(message, ELSEWHERE)
    expect(openTransport(engine, sender, ELSEWHERE, message.length, NOW)).toBe(DROP_BAD_TAG)
  })

  test('anything once the keypair is 180 s old', () => {
    const message = seal(bytesOf(20, 1), 32, NOW + REJECT_AFTER_TIME_MS - 1)
    expect(open(message, NOW + REJECT_AFTER_TIME_MS)).toBe(DROP_EXPIRED_KEYPAIR)
    expect(open(message, NOW + REJECT_AFTER_TIME_MS - 1)).toBeInstanceOf(Uint8Array)
    expect(sealTransport(engine, sender, PACKET, 0, 0, AT, NOW + REJECT_AFTER_TIME_MS)).toBe(DROP_EXPIRED_KEYPAIR)
  })

  test('sending beyond the message limit: no counter is taken and no byte written', () => {
    sender.sendCounter = SEND_REJECT_AFTER_MESSAGES
    bytes.fill(0xee, AT)
    const before = bytes.slice()
    expect(sealTransport(engine, sender, PACKET, 5, 16, AT, NOW)).toBe(DROP_EXPIRED_KEYPAIR)
    expect(sender.sendCounter).toBe(SEND_REJECT_AFTER_MESSAGES)
    expect(bytes).toEqual(before)
  })

  test('everything with a wiped keypair, above all sealing with its zero keys', () => {
    const message = seal(bytesOf(20, 1))
    sender.wipe()
    receiver.wipe()
    expect(sealTransport(engine, sender, PACKET, 0, 0, AT, NOW)).toBe(DROP_EXPIRED_KEYPAIR)
    expect(open(message)).toBe(DROP_EXPIRED_KEYPAIR)
  })

  test('any bytes, without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 200 }), (message) => {
        expect(open(message)).toBeLessThan(0)
      }),
    )
    expect(open(seal(bytesOf(20, 1)))).toBeInstanceOf(Uint8Array)
  })
})

describe('padding', () => {
  const CASES: [length: number, mtu: number, padded: number][] = [
    [0, 1420, 0],
    [1, 1420, 16],
    [15, 1420, 16],
    [16, 1420, 16],
    [17, 1420, 32],
    [1408, 1420, 1408],
    [1409, 1420, 1420],
    [1419, 1420, 1420],
    [1420, 1420, 1420],
    [1421, 1420, 1436],
    [2839, 1420, 2840],
    [2840, 1420, 2840],
    [2841, 1420, 2856],
    [5, 0, 16],
    [1500, 0, 1504],
    [65_535, 0, 65_536],
    [20, 8, 24],
    [5, 7, 7],
  ]

  test.each(CASES)('%i bytes with an MTU of %i become %i', (length, mtu, padded) => {
    expect(paddedLength(length, mtu)).toBe(padded)
  })

  test('never shortens, adds at most 15 bytes, and does not lift a packet over the MTU', () => {
    fc.assert(
      fc.property(fc.nat(65_535), fc.nat(65_535), (length, mtu) => {
        const padded = paddedLength(length, mtu)
        expect(padded).toBeGreaterThanOrEqual(length)
        expect(padded - length).toBeLessThan(16)
        if (mtu > 0 && length <= mtu) expect(padded).toBeLessThanOrEqual(mtu)
        if (mtu === 0) expect(padded % 16).toBe(0)
      }),
    )
  })
})
