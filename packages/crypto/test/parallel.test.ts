import { spawnSync } from 'node:child_process'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { sealingCode } from '../src/internal/sealing-bytes.js'
import * as layout from '../src/internal/sealing-layout.js'
import { instantiateOver } from '../src/internal/wasm-module.js'
import { MAX_SEALING_WORKERS, parallelEngine, sealingBytes } from '../src/parallel.js'
import type { ParallelEngine } from '../src/parallel.js'
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '../src/suite.js'
import { wasmTransportEngine } from '../src/wasm.js'
import { pattern, toHex } from './suites/bytes.js'
import { buildSealingPrograms } from './support/sealing-program.js'
import type { SealingPrograms } from './support/sealing-program.js'

const PATIENCE_MS = 60_000
const CANARY = 0x5a
const PAGES = 96
const OFFSET = ENGINE_RESERVED_BYTES
const PACKETS = OFFSET + sealingBytes(MAX_SEALING_WORKERS)

let programs: SealingPrograms
beforeAll(async () => {
  programs = await buildSealingPrograms()
})
afterAll(() => programs.remove())

const opened: ParallelEngine[] = []
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close()
})

const sharedMemory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })

function open(
  behaviour: Parameters<SealingPrograms['worker']>[0],
  workers = 2,
  memory = sharedMemory(),
): ParallelEngine {
  const plain = wasmTransportEngine.create(memory)
  const options = { memory, offset: OFFSET, workers, engine: plain, always: true }
  const engine = parallelEngine(options, programs.worker(behaviour))
  opened.push(engine)
  return engine
}

const wordsOf = (engine: ParallelEngine): Int32Array => layout.wordsFrom({ buffer: engine.bytes.buffer }, OFFSET)
const stateIn = (engine: ParallelEngine, worker: number): number =>
  Atomics.load(wordsOf(engine), layout.stateOf(worker) >> 2)

interface Packet {
  readonly key: number
  readonly low: number
  readonly high: number
  readonly length: number
  /** Whether it is sealed where it lies. */
  readonly inPlace: boolean
  readonly settles: boolean
}

const KEYS = [1, 2, 3, 4].map((n) => pattern(32, 60 * n))

/** Gives the packets, one behind the other, and compares every byte of the memory that is not the engine's. */
function check(engine: ParallelEngine, packets: readonly Packet[]): void {
  const { bytes, batch } = engine
  const expected = new Uint8Array(bytes.length).fill(CANARY)
  bytes.fill(CANARY, PACKETS)
  let at = PACKETS
  // The engine may know a key by its array: it gets one that is filled anew for each packet, as well as four that stay.
  const scratch = new Uint8Array(32)
  for (const [i, { key, low, high, length, inPlace, settles }] of packets.entries()) {
    const plaintext = pattern(length, i)
    const to = inPlace ? at : at + length + 3
    bytes.set(plaintext, at)
    if (!inPlace) expected.set(plaintext, at)
    expected.set(sealWithNoble(plaintext, KEYS[key]!, low, high), to)
    if (i % 3 === 0) scratch.set(KEYS[key]!)
    batch.seal(i % 3 === 0 ? scratch : KEYS[key]!, low, high, at, length, to)
    at = to + length + TAG_BYTES + (i % 5)
    if (settles) batch.settle()
  }
  scratch.fill(0)
  batch.settle()
  if (Buffer.compare(bytes.subarray(PACKETS), expected.subarray(PACKETS)) === 0) return
  const wrong = bytes.findIndex((byte, i) => i >= PACKETS && byte !== expected[i])
  expect.fail(`byte ${wrong} is ${bytes[wrong]}, not ${expected[wrong]}`)
}

function sealWithNoble(plaintext: Uint8Array, key: Uint8Array, low: number, high: number): Uint8Array {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  view.setUint32(4, low, true)
  view.setUint32(8, high, true)
  return chacha20poly1305(key, nonce).encrypt(plaintext)
}

const many = (count: number, length = 400): Packet[] =>
  Array.from({ length: count }, (_, i) => ({ key: i & 3, low: i, high: i, length, inPlace: false, settles: false }))

/** Batches until the workers have taken part in one, since they start in their own time. */
async function untilShared(engine: ParallelEngine, holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!holds()) {
    if (performance.now() > end) expect.fail('the workers do not take part')
    check(engine, many(100))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const isUp = (engine: ParallelEngine) => (): boolean =>
  stateIn(engine, 0) !== layout.ABSENT && stateIn(engine, 1) !== layout.ABSENT

describe('the engine on several threads', () => {
  const lengths = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 2000 }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(255, 256, 257, 1420, layout.MAX_SHARED_BYTES, layout.MAX_SHARED_BYTES + 1),
    },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 65_535 }) },
  )
  const u32 = fc.nat(0xffff_ffff)
  const packet: fc.Arbitrary<Packet> = fc.record({
    key: fc.nat(3),
    low: u32,
    high: u32,
    length: lengths,
    inPlace: fc.boolean(),
    settles: fc.nat(15).map((n) => n === 0),
  })

  test.each(['prompt', 'slow'] as const)(
    'seals like noble whatever a batch looks like, and writes nowhere else, with workers that are %s',
    async (behaviour) => {
      const engine = open(behaviour, 3)
      await untilShared(engine, isUp(engine))
      await fc.assert(
        fc.asyncProperty(fc.array(packet, { minLength: 1, maxLength: 60, size: 'max' }), async (packets) => {
          check(engine, packets)
          // So that the deaths of workers would be noticed.
          await new Promise((resolve) => setImmediate(resolve))
        }),
        { numRuns: 40 },
      )
      expect(engine.workers).toBe(3)
    },
    60_000,
  )

  test('takes more packets than there are jobs', () => {
    check(open('prompt'), many(2 * layout.JOB_CAPACITY + 7, 256))
  })

  test.each(['dies', 'throws'] as const)(
    'loses nothing when a worker %s with a job in its hands',
    async (behaviour) => {
      const engine = open(behaviour)
      check(engine, many(100))
      await untilShared(engine, () => engine.workers === 0)
      for (let worker = 0; worker < 2; worker++) expect(stateIn(engine, worker)).toBe(layout.ABSENT)
      check(engine, many(100))
    },
  )

  test('does not wait for a worker that is stuck with a job', async () => {
    const engine = open('sticks')
    await untilShared(engine, () => stateIn(engine, 0) === layout.OVERTAKEN && stateIn(engine, 1) === layout.OVERTAKEN)
    expect(engine.workers).toBe(2)
    check(engine, many(100))
  })

  test('goes on alone when its workers cannot start', async () => {
    const engine = open('missing')
    check(engine, many(100))
    await untilShared(engine, () => engine.workers === 0)
    check(engine, many(100))
  })

  describe('a worker that is overtaken', () => {
    // This test is the worker: no other starts.
    const worker = 1
    const state = layout.stateOf(worker)
    const part = OFFSET + layout.workerPart(worker)
    const sealed = part + layout.WORKING_BYTES

    test.each([
      ['delivers nothing afterwards', false],
      ['was not, when it delivered in time', true],
    ])('%s', (_, deliversInTime) => {
      const memory = sharedMemory()
      const engine = open('missing', 2, memory)
      const words = wordsOf(engine)
      const code = instantiateOver(sealingCode, memory, part) as unknown as {
        deliver: (state: number, from: number, to: number, length: number, done: number, value: number) => number
      }
      engine.bytes.fill(CANARY, PACKETS)
      for (let i = 0; i < 8; i++) {
        const at = PACKETS + 1024 * i
        engine.bytes.set(pattern(400, i), at)
        engine.batch.seal(KEYS[0]!, i, 0, at, 400, at + 512)
      }
      Atomics.store(words, state >> 2, layout.BUSY)
      const job = layout.takeJob(words)
      const to = words[(job + layout.DESTINATION) >> 2]!
      const deliver = (): number => code.deliver(OFFSET + state, sealed, to, 416, OFFSET + job + layout.DONE, 1)

      const mine = new Uint8Array(416).fill(7)
      engine.bytes.set(mine, sealed)
      if (deliversInTime) expect(deliver()).toBe(1)
      engine.batch.settle()
      expect(stateIn(engine, worker)).toBe(deliversInTime ? layout.IDLE : layout.OVERTAKEN)
      // As if the next batch were being written there.
      const before = engine.bytes.slice(PACKETS)
      if (!deliversInTime) expect(deliver()).toBe(0)
      expect(Buffer.compare(engine.bytes.subarray(PACKETS), before)).toBe(0)
      for (let i = 0; i < 8; i++) {
        const right = sealWithNoble(pattern(400, i), KEYS[0]!, i, 0)
        const at = PACKETS + 1024 * i + 512
        const isMine = at === to && deliversInTime
        expect(toHex(engine.bytes.slice(at, at + 416))).toBe(toHex(isMine ? mine : right))
      }
    })
  })

  test('keys are in the memory only until a batch is settled, and in the working parts until they are forgotten', async () => {
    const engine = open('prompt')
    await untilShared(engine, isUp(engine))
    check(engine, many(500))
    const jobs = Buffer.from(engine.bytes.slice(OFFSET, OFFSET + layout.workerPart(0)))
    const all = (): Buffer => Buffer.from(engine.bytes.slice(0, PACKETS))
    for (const key of KEYS) expect(jobs.indexOf(key.subarray(0, 8))).toBe(-1)
    expect(KEYS.some((key) => all().indexOf(key.subarray(0, 8)) >= 0)).toBe(true)
    engine.forgetKey()
    for (const key of KEYS) expect(all().indexOf(key.subarray(0, 4))).toBe(-1)
    check(engine, many(100))
  })

  test('a key that is wiped and forgotten in the middle of a batch has sealed what was given before', async () => {
    const engine = open('prompt')
    await untilShared(engine, isUp(engine))
    for (let round = 0; round < 50; round++) {
      const key = KEYS[0]!.slice()
      for (let i = 0; i < 20; i++) {
        engine.bytes.set(pattern(400, i), PACKETS + 1024 * i)
        engine.batch.seal(key, i, round, PACKETS + 1024 * i, 400, PACKETS + 1024 * i)
      }
      key.fill(0)
      engine.forgetKey()
      for (let i = 0; i < 20; i++) {
        const right = sealWithNoble(pattern(400, i), KEYS[0]!, i, round)
        expect(Buffer.compare(engine.bytes.subarray(PACKETS + 1024 * i, PACKETS + 1024 * i + 416), right)).toBe(0)
      }
    }
  })

  test('opens and seals single packets as the engine it is built on', () => {
    const engine = open('prompt')
    engine.bytes.set(pattern(300), PACKETS)
    engine.seal(KEYS[1]!, 1, 2, PACKETS, 300, PACKETS)
    expect(toHex(engine.bytes.slice(PACKETS, PACKETS + 316))).toBe(toHex(sealWithNoble(pattern(300), KEYS[1]!, 1, 2)))
    expect(engine.open(KEYS[1]!, 1, 2, PACKETS, 316, PACKETS)).toBe(true)
    expect(engine.bytes.slice(PACKETS, PACKETS + 300)).toEqual(pattern(300))
    expect(engine.workers).toBe(0)
  })

  test('workers sleep when there is nothing to do, and wake for the next batch', async () => {
    const engine = open('prompt')
    await untilShared(engine, isUp(engine))
    for (let round = 0; round < 3; round++) {
      await expect
        .poll(() => [stateIn(engine, 0), stateIn(engine, 1)], { timeout: PATIENCE_MS })
        .toEqual([layout.ASLEEP, layout.ASLEEP])
      check(engine, many(200, 1420))
    }
  })

  test('ends its workers when it is closed, also twice, and goes on alone', async () => {
    const engine = open('slow')
    await untilShared(engine, isUp(engine))
    await Promise.all([engine.close(), engine.close()])
    expect(engine.workers).toBe(0)
    check(engine, many(100))
    expect(engine.workers).toBe(0)
  })

  test.each(['', 'process.exit(7)', 'throw new Error("on purpose")'])(
    'a process that ends with "%s" while workers are busy ends as it should',
    (end) => {
      const program = `
        import { parallelEngine, sealingBytes } from ${JSON.stringify(programs.engineUrl)}
        import { wasmTransportEngine } from ${JSON.stringify(programs.engineUrl.replace('parallel', 'wasm'))}
        const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true })
        const engine = wasmTransportEngine.create(memory)
        const { batch } = parallelEngine({ memory, offset: 4096, workers: 2, engine, always: true })
        const give = () => {
          for (let i = 0; i < 100; i++) batch.seal(new Uint8Array(32), i, 0, 1000000 + 5000 * i, 1400, 1002000 + 5000 * i)
        }
        const timer = setInterval(() => {
          for (let i = 0; i < 20; i++) give(), batch.settle()
        }, 1)
        setTimeout(() => {
          clearInterval(timer)
          give()
          ${end}
        }, 300)
      `
      const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        timeout: PATIENCE_MS,
      })
      expect({ status, signal }).toEqual({ status: end === '' ? 0 : end.includes('7') ? 7 : 1, signal: null })
    },
  )

  test('refuses a memory that is not shared or has no room, and a number of workers it cannot have', () => {
    const memory = sharedMemory()
    const engine = wasmTransportEngine.create(memory)
    const unshared = new WebAssembly.Memory({ initial: PAGES })
    expect(() => parallelEngine({ memory: unshared, offset: OFFSET, workers: 1, engine })).toThrow(TypeError)
    for (const workers of [0, 1.5, -1, MAX_SEALING_WORKERS + 1])
      expect(() => parallelEngine({ memory, offset: OFFSET, workers, engine })).toThrow(RangeError)
    for (const offset of [OFFSET + 4, engine.bytes.length - sealingBytes(1) + 64])
      expect(() => parallelEngine({ memory, offset, workers: 1, engine })).toThrow(RangeError)
  })
})
