import { describe, expect, test } from 'vitest'
import { deriveSharedSecrets } from '../src/ephemeral.js'
import { nobleSuite, nobleTransportEngine } from '../src/noble.js'
import { selectSuite, selectTransportEngine } from '../src/select.js'
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '../src/suite.js'
import type { Suite, SuitePart, TransportEngine, TransportEngineFactory } from '../src/suite.js'
import { arrayMemory, plainMemory, sharedMemory } from './suites/memories.js'
import { cryptoSuite } from './suites/suite.js'
import { transportEngineSuite } from './suites/transport-engine.js'

const PARTS: readonly SuitePart[] = ['x25519', 'ephemeral', 'hash', 'mac', 'hmac', 'aead', 'xaead']

const SOME_BYTES = new Uint8Array(32).fill(1)

describe('the selected suite', () => {
  const selection = selectSuite()
  cryptoSuite(test, selection.suite)

  test('says which engine each part is from, and is named after them', () => {
    expect(Object.keys(selection.chosen)).toEqual(PARTS)
    for (const engine of Object.values(selection.chosen)) expect(selection.suite.name.split('+')).toContain(engine)
  })
})

describe('selecting a suite', () => {
  test('what an engine borrows from noble counts as noble', () => {
    const { chosen, skipped } = selectSuite([{ ...nobleSuite, name: 'borrower' }])
    expect(Object.values(chosen)).toEqual(PARTS.map(() => 'noble'))
    expect(skipped).toEqual([])
  })

  test('an engine keeps the parts that it does right', () => {
    const suite: Suite = { ...imitation('half'), hash: () => new Uint8Array(32) }
    const { chosen, skipped } = selectSuite([suite])
    expect(chosen).toEqual({
      x25519: 'half',
      ephemeral: 'half',
      hash: 'noble',
      mac: 'half',
      hmac: 'half',
      aead: 'half',
      xaead: 'half',
    })
    expect(skipped).toEqual([{ engine: 'half', part: 'hash', reason: 'wrong answer' }])
  })

  const { x25519, hash, mac, hmac, seal, open, sealX, openX } = nobleSuite
  const defects: [SuitePart, string, Partial<Suite>][] = [
    [
      'x25519',
      'a secret for a low-order point',
      withDerive((a, b) => x25519.deriveSharedSecret(a, b) ?? new Uint8Array(32)),
    ],
    ['x25519', 'no secret', withDerive(() => null)],
    ['x25519', 'a secret that is off in one bit', withDerive((a, b) => change(x25519.deriveSharedSecret(a, b), 31))],
    [
      'x25519',
      'a point whose highest bit counts',
      withDerive((a, b) => (b.bytes[31]! > 127 ? new Uint8Array(32) : x25519.deriveSharedSecret(a, b))),
    ],
    [
      'ephemeral',
      'a secret where only one point is good',
      withDeriveBoth((key, a, b) => {
        const [one, two] = [x25519.deriveSharedSecret(key, a), x25519.deriveSharedSecret(key, b)]
        return one === null && two === null ? null : [one ?? new Uint8Array(32), two ?? new Uint8Array(32)]
      }),
    ],
    ['ephemeral', 'the first secret twice', withDeriveBoth((key, a) => deriveSharedSecrets(x25519, key, a, a))],
    [
      'ephemeral',
      'another public key',
      {
        x25519: {
          ...x25519,
          importEphemeralKey: (secret) => Object.assign(x25519.importPrivateKey(secret), { publicKey: SOME_BYTES }),
        },
      },
    ],
    ['hash', 'the last part only', { hash: (...parts) => hash(parts.at(-1)!) }],
    ['hash', 'full blocks wrongly', { hash: (...parts) => change(hash(...parts), sizeOf(parts) === 64 ? 0 : -1)! }],
    ['mac', 'without the key', { mac: (_key, ...parts) => hash(...parts).slice(0, 16) }],
    [
      'mac',
      'short keys wrongly',
      { mac: (key, ...parts) => mac(key.length < 32 ? new Uint8Array(32) : key, ...parts) },
    ],
    ['mac', 'too many bytes', { mac: (key, ...parts) => Uint8Array.of(...mac(key, ...parts), 0) }],
    ['hmac', 'as a keyed hash', { hmac: (key, ...parts) => hash(key, ...parts) }],
    ['hmac', 'long keys wrongly', { hmac: (key, ...parts) => hmac(key.subarray(0, 64), ...parts) }],
    [
      'aead',
      'any tag opens',
      { open: (key, counter, sealed, ad) => open(key, counter, sealed, ad) ?? new Uint8Array(0) },
    ],
    ['aead', 'nothing opens', { open: () => null }],
    ['aead', 'half the counter', { seal: (key, counter, text, ad) => seal(key, counter & 0xffffffffn, text, ad) }],
    ['aead', 'no associated data', { seal: (key, counter, text) => seal(key, counter, text, new Uint8Array(0)) }],
    [
      'xaead',
      'any tag opens',
      { openX: (key, nonce, sealed, ad) => openX(key, nonce, sealed, ad) ?? new Uint8Array(0) },
    ],
    ['xaead', 'part of the nonce', { sealX: (key, nonce, text, ad) => sealX(key, change(nonce, 3)!, text, ad) }],
  ]
  test.each(defects)('%s: an engine that does this is skipped: %s', (part, _defect, broken) => {
    const { chosen, skipped } = selectSuite([{ ...imitation('broken'), ...broken }])
    expect(chosen[part]).toBe('noble')
    // What an engine does not have of its own for ephemeral keys is composed of the rest.
    const parts = part === 'x25519' && skipped.length > 1 ? [part, 'ephemeral'] : [part]
    expect(skipped).toEqual(parts.map((wrong) => ({ engine: 'broken', part: wrong, reason: 'wrong answer' })))
  })

  test('an engine that throws is skipped, and its message is the reason', () => {
    const suite: Suite = {
      ...nobleSuite,
      name: 'absent',
      mac: () => {
        throw new Error('no SIMD here')
      },
    }
    expect(selectSuite([suite]).skipped).toEqual([{ engine: 'absent', part: 'mac', reason: 'no SIMD here' }])
  })

  test('the faster of two is taken, wherever it stands; of two alike the first', () => {
    const slowBy = (name: string, ms: number): Suite => ({
      ...nobleSuite,
      name,
      hmac: (key, ...parts) => {
        const end = performance.now() + ms
        while (performance.now() < end);
        return hmac(key, ...parts)
      },
    })
    const slow = slowBy('slow', 1)
    const fast: Suite = { ...nobleSuite, name: 'fast', hmac: (key, ...parts) => hmac(key, ...parts) }
    for (const order of [
      [slow, fast],
      [fast, slow],
    ]) {
      const { chosen, measured } = selectSuite(order)
      expect(chosen.hmac).toBe('fast')
      expect(measured.map(({ engine, part }) => `${part} ${engine}`)).toEqual(order.map(({ name }) => `hmac ${name}`))
    }
    // Slow enough that another process in between makes no difference that counts.
    expect(selectSuite([slowBy('first', 25), slowBy('second', 20)]).chosen.hmac).toBe('first')
  })
})

describe('the selected transport engine', () => {
  const factory: TransportEngineFactory = { name: 'selected', create: (memory) => selectTransportEngine(memory).engine }
  describe('over a WebAssembly.Memory', () => transportEngineSuite(test, factory, plainMemory))
  describe('over a shared one', () => transportEngineSuite(test, factory, sharedMemory))
  describe('over an ArrayBuffer', () => transportEngineSuite(test, factory, arrayMemory))
})

describe('selecting a transport engine', () => {
  test('what the memory held behind the reserved bytes is there afterwards', () => {
    const memory = plainMemory()
    const bytes = new Uint8Array(memory.buffer)
    bytes.fill(0x5a, ENGINE_RESERVED_BYTES)
    selectTransportEngine(memory)
    expect(bytes.subarray(ENGINE_RESERVED_BYTES).every((byte) => byte === 0x5a)).toBe(true)
  })

  test('a memory without room for packets is a RangeError', () => {
    expect(() => selectTransportEngine({ buffer: new ArrayBuffer(ENGINE_RESERVED_BYTES) })).toThrow(RangeError)
  })

  test('an engine that cannot be made on this memory is skipped, and its message is the reason', () => {
    const absent: TransportEngineFactory = {
      name: 'absent',
      create: () => {
        throw new Error('no SIMD here')
      },
    }
    const { chosen, skipped } = selectTransportEngine(plainMemory(), [absent])
    expect(chosen).toBe('noble')
    expect(skipped).toEqual([{ engine: 'absent', part: 'transport', reason: 'no SIMD here' }])
  })

  type Seal = TransportEngine['seal']
  type Open = TransportEngine['open']
  const defects: [string, (engine: TransportEngine) => { seal?: Seal; open?: Open }][] = [
    ['opens with any tag', () => ({ open: () => true })],
    ['opens nothing', () => ({ open: () => false })],
    ['uses half the counter', (e) => ({ seal: (key, low, _high, ...rest) => e.seal(key, low, 0, ...rest) })],
    [
      'seals in place only',
      (e) => ({ seal: (key, low, high, source, length) => e.seal(key, low, high, source, length, source) }),
    ],
    [
      'puts a wrong tag behind long packets',
      (e) => ({
        seal: (key, low, high, source, length, to) => {
          e.seal(key, low, high, source, length, to)
          if (length > 512) e.bytes[to + length]! ^= 1
        },
      }),
    ],
    [
      'releases plaintext although the tag is wrong',
      (e) => ({
        open: (key, low, high, source, length, to) => {
          const right = e.open(key, low, high, source, length, to)
          if (!right) e.bytes[to] = 1
          return right
        },
      }),
    ],
    [
      'leaves the destination of an empty packet without its tag',
      (e) => ({
        seal: (key, low, high, source, length, to) => {
          e.seal(key, low, high, source, length, to)
          if (length === 0) e.bytes.fill(0, to, to + TAG_BYTES)
        },
      }),
    ],
  ]
  test.each(defects)('an engine that %s is skipped', (_defect, broken) => {
    const factory: TransportEngineFactory = {
      name: 'broken',
      create: (memory) => {
        const engine = nobleTransportEngine.create(memory)
        return {
          name: 'broken',
          bytes: engine.bytes,
          seal: engine.seal.bind(engine),
          open: engine.open.bind(engine),
          forgetKey: () => {},
          ...broken(engine),
        }
      },
    }
    const { chosen, skipped } = selectTransportEngine(plainMemory(), [factory])
    expect(chosen).toBe('noble')
    expect(skipped).toEqual([{ engine: 'broken', part: 'transport', reason: 'wrong answer' }])
  })
})

/** Noble under another name and, as far as selection can see, all its own. */
function imitation(name: string): Suite {
  const { x25519, hash, mac, hmac, seal, open, sealX, openX } = nobleSuite
  return {
    name,
    x25519: { ...x25519 },
    hash: (...parts) => hash(...parts),
    mac: (key, ...parts) => mac(key, ...parts),
    hmac: (key, ...parts) => hmac(key, ...parts),
    seal: (...args) => seal(...args),
    open: (...args) => open(...args),
    sealX: (...args) => sealX(...args),
    openX: (...args) => openX(...args),
  }
}

function withDerive(deriveSharedSecret: Suite['x25519']['deriveSharedSecret']): Partial<Suite> {
  return { x25519: { ...nobleSuite.x25519, deriveSharedSecret } }
}

function withDeriveBoth(deriveSharedSecrets: NonNullable<Suite['x25519']['deriveSharedSecrets']>): Partial<Suite> {
  return { x25519: { ...nobleSuite.x25519, deriveSharedSecrets } }
}

/** A copy with one byte changed; none when `at` is negative. */
function change(bytes: Uint8Array | null, at: number): Uint8Array | null {
  const copy = bytes?.slice() ?? null
  if (copy !== null && at >= 0) copy[at]! ^= 1
  return copy
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}
