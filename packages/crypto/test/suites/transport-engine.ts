/** What every TransportEngine has to do, whatever it is made of and whichever memory it works on. */
import assert from 'node:assert/strict'
import { nobleAead } from '@wireweave/crypto/noble'
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '@wireweave/crypto/suite'
import type { TransportEngine, TransportEngineFactory } from '@wireweave/crypto/suite'
import type { Test } from '@wireweave/testkit/portable'
import { pattern, toHex } from './bytes.js'

const NONE = new Uint8Array(0)
const CANARY = 0xa5

/** Every length that meets an edge of the cipher's 64-byte blocks, of four of them, and of the MAC's 16; then real ones. */
const LENGTHS: readonly number[] = [...Array.from({ length: 600 }, (_, i) => i), 1023, 1424, 1440, 9000, 65_519]

export function transportEngineSuite(
  test: Test,
  factory: TransportEngineFactory,
  createMemory: () => { readonly buffer: ArrayBufferLike },
): void {
  const create = (): TransportEngine => factory.create(createMemory())

  test('offsets are those of the memory it was given', () => {
    const memory = createMemory()
    const engine = factory.create(memory)
    assert.equal(engine.bytes.buffer, memory.buffer)
    assert.equal(engine.bytes.byteOffset, 0)
    assert.equal(engine.bytes.length, memory.buffer.byteLength)
    assert.equal(typeof engine.name, 'string')
  })

  test('every length seals as noble does and opens again, in place and apart, and touches nothing around it', () => {
    const engine = create()
    for (const length of LENGTHS) {
      const source = ENGINE_RESERVED_BYTES + (length % 17)
      for (const destination of [source, source + length + TAG_BYTES + (length % 13)]) {
        checkRoundTrip(engine, length, source, destination)
      }
    }
  })

  test('any alignment of source and destination will do', () => {
    const engine = create()
    for (let shift = 0; shift < 16; shift++) {
      const source = ENGINE_RESERVED_BYTES + shift
      for (let other = 0; other < 16; other++) {
        checkRoundTrip(engine, 300, source, ENGINE_RESERVED_BYTES + 1024 + other)
        checkRoundTrip(engine, 300, ENGINE_RESERVED_BYTES + 1024 + other, source)
      }
    }
  })

  test('the counter is the whole 64 bits, low half first', () => {
    const engine = create()
    const halves = [0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]
    for (const low of halves) {
      for (const high of halves)
        checkRoundTrip(engine, 20, ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES + 64, low, high)
    }
    const seal = (low: number, high: number): string => {
      put(engine, ENGINE_RESERVED_BYTES, pattern(20))
      engine.seal(KEY, low, high, ENGINE_RESERVED_BYTES, 20, ENGINE_RESERVED_BYTES)
      return toHex(at(engine, ENGINE_RESERVED_BYTES, 36))
    }
    assert.equal(new Set(halves.flatMap((low) => halves.map((high) => seal(low, high)))).size, 36)
  })

  test('what was altered in any bit does not open, and nothing of the plaintext is released', () => {
    const engine = create()
    for (const length of [0, 1, 40, 300]) {
      const sealed = sealWithNoble(pattern(length), 5, 6)
      // Every bit of the tag, and some of each byte before it.
      for (let bit = 0; bit < sealed.length * 8; bit += bit < length * 8 ? 11 : 1) {
        const altered = sealed.slice()
        altered[bit >>> 3]! ^= 1 << (bit & 7)
        checkRefusal(engine, altered, KEY, 5, 6)
      }
      checkRefusal(engine, sealed, KEY, 4, 6)
      checkRefusal(engine, sealed, KEY, 5, 7)
      checkRefusal(
        engine,
        sealed,
        KEY.map((byte) => byte ^ 1),
        5,
        6,
      )
      // A good packet still opens after all that.
      put(engine, ENGINE_RESERVED_BYTES, sealed)
      assert.equal(engine.open(KEY, 5, 6, ENGINE_RESERVED_BYTES, sealed.length, ENGINE_RESERVED_BYTES), true)
      assert.equal(toHex(at(engine, ENGINE_RESERVED_BYTES, length)), toHex(pattern(length)))
    }
  })

  test('what is too short for a tag, or was cut, does not open', () => {
    const engine = create()
    const sealed = sealWithNoble(pattern(40), 1, 0)
    for (let length = 0; length < sealed.length; length++) checkRefusal(engine, sealed.subarray(0, length), KEY, 1, 0)
  })

  test('keys alternate from packet to packet and may be views of a larger array', () => {
    const engine = create()
    const keys = pattern(100)
    for (let i = 0; i < 40; i++) {
      const key = keys.subarray(i, i + 32)
      put(engine, ENGINE_RESERVED_BYTES, pattern(70))
      engine.seal(key, i, 0, ENGINE_RESERVED_BYTES, 70, ENGINE_RESERVED_BYTES)
      assert.equal(toHex(at(engine, ENGINE_RESERVED_BYTES, 86)), toHex(sealWithNoble(pattern(70), i, 0, key)))
      assert.equal(engine.open(key, i, 0, ENGINE_RESERVED_BYTES, 86, ENGINE_RESERVED_BYTES), true)
      assert.equal(toHex(at(engine, ENGINE_RESERVED_BYTES, 70)), toHex(pattern(70)))
    }
    assert.deepEqual(keys, pattern(100))
  })

  test('a key array may be overwritten with another key between packets', () => {
    const engine = create()
    const key = pattern(32, 1)
    for (let i = 0; i < 4; i++) {
      key.set(pattern(32, 50 * i))
      put(engine, ENGINE_RESERVED_BYTES, pattern(70))
      engine.seal(key, 9, 0, ENGINE_RESERVED_BYTES, 70, ENGINE_RESERVED_BYTES)
      assert.equal(toHex(at(engine, ENGINE_RESERVED_BYTES, 86)), toHex(sealWithNoble(pattern(70), 9, 0, key)))
    }
  })

  test('after forgetKey no part of the key is in the memory, and the engine goes on', () => {
    const engine = create()
    checkRoundTrip(engine, 1440, ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES)
    engine.forgetKey()
    const memory = toHex(engine.bytes.subarray(0, ENGINE_RESERVED_BYTES))
    for (let i = 0; i < 32; i += 4) assert.equal(memory.includes(toHex(KEY.subarray(i, i + 4))), false)
    checkRoundTrip(engine, 1440, ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES)
  })
}

const KEY = pattern(32, 201)

/** Seals and opens `length` bytes and compares with noble; the bytes before and behind must stay as they were. */
function checkRoundTrip(
  engine: TransportEngine,
  length: number,
  source: number,
  destination: number,
  low = length,
  high = length * 3,
): void {
  const plaintext = pattern(length, length)
  const sealed = sealWithNoble(plaintext, low, high)
  const margin = 8
  const end = Math.min(Math.max(source, destination) + length + TAG_BYTES + margin, engine.bytes.length)
  const around = (offset: number, size: number, what: string): void => {
    for (let i = Math.max(offset - margin, ENGINE_RESERVED_BYTES); i < Math.min(offset + size + margin, end); i++) {
      if (i >= offset && i < offset + size) continue
      if (source !== destination && i >= source && i < source + length + TAG_BYTES) continue
      assert.equal(engine.bytes[i], CANARY, `${what}: byte ${i - offset} of ${size}`)
    }
  }

  engine.bytes.fill(CANARY, ENGINE_RESERVED_BYTES, end)
  put(engine, source, plaintext)
  engine.seal(KEY, low, high, source, length, destination)
  assertSame(at(engine, destination, sealed.length), sealed, `seal of ${length}`)
  around(destination, sealed.length, 'seal')
  if (source !== destination) assertSame(at(engine, source, length), plaintext, `source of seal of ${length}`)

  engine.bytes.fill(CANARY, ENGINE_RESERVED_BYTES, end)
  put(engine, source, sealed)
  assert.equal(engine.open(KEY, low, high, source, sealed.length, destination), true, `open of ${length}`)
  assertSame(at(engine, destination, length), plaintext, `open of ${length}`)
  if (source !== destination) {
    around(destination, length, 'open')
    assertSame(at(engine, source, sealed.length), sealed, `source of open of ${length}`)
  }
}

/** In place and apart: `false`, and each byte of the destination is what it was, or zero. */
function checkRefusal(engine: TransportEngine, sealed: Uint8Array, key: Uint8Array, low: number, high: number): void {
  const source = ENGINE_RESERVED_BYTES + 3
  for (const destination of [source, source + sealed.length + 5]) {
    engine.bytes.fill(CANARY, source, source + 2 * sealed.length + 5)
    put(engine, source, sealed)
    const size = Math.max(sealed.length - TAG_BYTES, 0)
    const before = at(engine, destination, size)
    assert.equal(engine.open(key, low, high, source, sealed.length, destination), false)
    const after = at(engine, destination, size)
    assert.ok(after.every((byte) => byte === 0) || toHex(after) === toHex(before), 'plaintext was released')
  }
}

function sealWithNoble(plaintext: Uint8Array, low: number, high: number, key: Uint8Array = KEY): Uint8Array {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  view.setUint32(4, low, true)
  view.setUint32(8, high, true)
  return nobleAead.seal(key, nonce, plaintext, NONE)
}

/** Quicker than deepEqual over the large sizes; the message shows the bytes only when they differ. */
function assertSame(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length === expected.length && actual.every((byte, i) => byte === expected[i])) return
  assert.equal(toHex(actual), toHex(expected), what)
}

function put(engine: TransportEngine, offset: number, bytes: Uint8Array): void {
  engine.bytes.set(bytes, offset)
}

/** A copy, so that later writes do not change it. */
function at(engine: TransportEngine, offset: number, length: number): Uint8Array {
  return engine.bytes.slice(offset, offset + length)
}
