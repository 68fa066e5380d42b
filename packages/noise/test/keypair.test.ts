import { describe, expect, test } from 'vitest'
import { REJECT_AFTER_TIME_MS, SEND_REJECT_AFTER_MESSAGES } from '../src/constants.js'
import { Keypair, Keypairs } from '../src/keypair.js'
import { bytesOf, isZero } from './support/bytes.js'

let nextIndex = 1

function keypair(isInitiator: boolean, now = 0): Keypair {
  return new Keypair(bytesOf(32, 1), bytesOf(32, 2), nextIndex++, 99, isInitiator, now)
}

function slots(keypairs: Keypairs): { previous: Keypair | null; current: Keypair | null; next: Keypair | null } {
  const { previous, current, next } = keypairs
  return { previous, current, next }
}

describe('rotation', () => {
  test("the initiator's keypairs go through current and previous", () => {
    const keypairs = new Keypairs()
    const [a, b, c] = [keypair(true), keypair(true), keypair(true)] as const
    expect(keypairs.add(a)).toEqual([])
    expect(slots(keypairs)).toEqual({ previous: null, current: a, next: null })
    expect(keypairs.add(b)).toEqual([])
    expect(slots(keypairs)).toEqual({ previous: a, current: b, next: null })
    expect(keypairs.add(c)).toEqual([a])
    expect(slots(keypairs)).toEqual({ previous: b, current: c, next: null })
  })

  test("the responder's keypair waits in next, and drops the previous one", () => {
    const keypairs = new Keypairs()
    const [a, b, c] = [keypair(true), keypair(true), keypair(false)] as const
    keypairs.add(a)
    keypairs.add(b)
    expect(keypairs.add(c)).toEqual([a])
    expect(slots(keypairs)).toEqual({ previous: null, current: b, next: c })
  })

  test('the first packet with next makes it current; others change nothing', () => {
    const keypairs = new Keypairs()
    const [a, b] = [keypair(true), keypair(false)] as const
    keypairs.add(a)
    keypairs.add(b)
    expect(keypairs.confirm(a)).toBeNull()
    expect(slots(keypairs)).toEqual({ previous: null, current: a, next: b })
    expect(keypairs.confirm(b)).toEqual([])
    expect(slots(keypairs)).toEqual({ previous: a, current: b, next: null })
    expect(keypairs.confirm(b)).toBeNull()
    expect(keypairs.confirm(a)).toBeNull()
    expect(slots(keypairs)).toEqual({ previous: a, current: b, next: null })
  })

  test('a second response before any confirmation replaces the first', () => {
    const keypairs = new Keypairs()
    const [a, b, c] = [keypair(true), keypair(false), keypair(false)] as const
    keypairs.add(a)
    keypairs.add(b)
    expect(keypairs.add(c)).toEqual([b])
    expect(slots(keypairs)).toEqual({ previous: null, current: a, next: c })
  })

  test("an initiator's keypair saves one that waits in next instead of the current one", () => {
    const keypairs = new Keypairs()
    const [a, b, c] = [keypair(true), keypair(false), keypair(true)] as const
    keypairs.add(a)
    keypairs.add(b)
    expect(keypairs.add(c)).toEqual([a])
    expect(slots(keypairs)).toEqual({ previous: b, current: c, next: null })
    // What was next is not any more: a packet with it confirms nothing.
    expect(keypairs.confirm(b)).toBeNull()
  })

  test('a responder that never had a keypair has no current one until it is confirmed', () => {
    const keypairs = new Keypairs()
    const a = keypair(false)
    expect(keypairs.add(a)).toEqual([])
    expect(slots(keypairs)).toEqual({ previous: null, current: null, next: a })
    expect(keypairs.confirm(a)).toEqual([])
    expect(slots(keypairs)).toEqual({ previous: null, current: a, next: null })
  })

  test('clear drops all three', () => {
    const keypairs = new Keypairs()
    const [a, b, c] = [keypair(false), keypair(true), keypair(false)] as const
    keypairs.add(a)
    keypairs.confirm(a)
    keypairs.add(b)
    expect(slots(keypairs)).toEqual({ previous: a, current: b, next: null })
    expect(keypairs.add(c)).toEqual([a])
    expect(keypairs.clear()).toEqual([b, c])
    expect(slots(keypairs)).toEqual({ previous: null, current: null, next: null })
    expect(keypairs.clear()).toEqual([])
  })

  test('whatever happens, no keypair is lost: each is in one slot, or was dropped once and is wiped', () => {
    // All sequences of seven events, each one of: response received, response sent, packet with next, packet with current.
    for (let sequence = 0; sequence < 4 ** 7; sequence++) {
      const keypairs = new Keypairs()
      const made: Keypair[] = []
      const dropped: Keypair[] = []
      for (let i = 0; i < 7; i++) {
        const event = (sequence >> (2 * i)) & 3
        if (event < 2) {
          const added = keypair(event === 0)
          made.push(added)
          dropped.push(...keypairs.add(added))
        } else {
          const used = event === 2 ? keypairs.next : keypairs.current
          if (used !== null) dropped.push(...(keypairs.confirm(used) ?? []))
        }
      }
      const held = [keypairs.previous, keypairs.current, keypairs.next].filter((each) => each !== null)
      const all = [...held, ...dropped]
      if (all.length !== made.length || new Set(all).size !== made.length) throw new Error(`lost one: ${sequence}`)
      if (!dropped.every((each) => isZero(each.sendKey))) throw new Error(`not wiped: ${sequence}`)
      if (!held.every((each) => !isZero(each.sendKey))) throw new Error(`wiped in use: ${sequence}`)
    }
  })
})

describe('the life of a keypair', () => {
  test('ends 180 s after it began, in both directions', () => {
    const pair = keypair(true, 1000)
    expect(pair.canSend(1000 + REJECT_AFTER_TIME_MS - 1)).toBe(true)
    expect(pair.canReceive(1000 + REJECT_AFTER_TIME_MS - 1)).toBe(true)
    expect(pair.canSend(1000 + REJECT_AFTER_TIME_MS)).toBe(false)
    expect(pair.canReceive(1000 + REJECT_AFTER_TIME_MS)).toBe(false)
  })

  test('ends for sending at the message limit', () => {
    const pair = keypair(true)
    pair.sendCounter = SEND_REJECT_AFTER_MESSAGES - 1
    expect(pair.canSend(0)).toBe(true)
    pair.sendCounter++
    expect(pair.canSend(0)).toBe(false)
    expect(pair.canReceive(0)).toBe(true)
  })

  test('a change of our key ends it for sending only, for current and next but not for previous', () => {
    const keypairs = new Keypairs()
    const [a, b] = [keypair(true), keypair(true)] as const
    keypairs.add(a)
    keypairs.add(b)
    keypairs.expireSending()
    expect([a.canSend(0), b.canSend(0)]).toEqual([true, false])
    expect([a.canReceive(0), b.canReceive(0)]).toEqual([true, true])
    const c = keypair(false)
    keypairs.add(c)
    keypairs.expireSending()
    expect(c.canSend(0)).toBe(false)
  })

  test('once wiped it has zero keys and neither sends nor receives, at any time', () => {
    const pair = keypair(true)
    pair.wipe()
    expect(isZero(pair.sendKey) && isZero(pair.receiveKey)).toBe(true)
    for (const now of [Number.MIN_SAFE_INTEGER, -1, 0, 1e15]) {
      expect(pair.canSend(now)).toBe(false)
      expect(pair.canReceive(now)).toBe(false)
    }
  })

  test('has copies of the keys it was made of', () => {
    const [send, receive] = [bytesOf(32, 5), bytesOf(32, 6)]
    const pair = new Keypair(send, receive, 1, 2, true, 0)
    send.fill(0)
    receive.fill(0)
    expect(pair.sendKey).toEqual(bytesOf(32, 5))
    expect(pair.receiveKey).toEqual(bytesOf(32, 6))
  })
})
