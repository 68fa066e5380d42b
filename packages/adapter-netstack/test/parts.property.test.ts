/** The parts of the stack against slow twins. */
import { slowSipHash24 } from '@wireweave/testkit/slow/siphash'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BufferPool } from '../src/core/buffer-pool.js'
import { finish, sum } from '../src/core/checksum.js'
import { fastSumOf, loadFastSum } from '../src/core/fast-sum.js'
import { newIpPacket } from '../src/core/ip/packet.js'
import { readIp } from '../src/core/ip/header.js'
import { Reassembly } from '../src/core/ip/reassembly.js'
import { Outbox } from '../src/core/outbox.js'
import { sipHash } from '../src/core/siphash.js'
import { ReceiveBuffer } from '../src/core/tcp/receive-buffer.js'
import { Ring } from '../src/core/tcp/ring.js'
import { Scoreboard } from '../src/core/tcp/scoreboard.js'
import { SendBuffer } from '../src/core/tcp/send-buffer.js'
import { checksum, ipPacket } from './segments.js'
import { isSame, pattern } from './wire.js'

test('SipHash-2-4 is that of the paper', () => {
  const words = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 0, maxLength: 12 })
  const key = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(key, words, (keyWords, message) => {
      const bytes = (values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer)
      const slow = slowSipHash24(bytes(keyWords), bytes(message))
      expect(sipHash(Int32Array.from(keyWords), Int32Array.from(message), message.length)).toBe(
        Number(BigInt.asIntN(32, slow)),
      )
    }),
  )
})

test('checksums do not depend on where the bytes lie', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(7), fc.boolean(), (data, offset, isShort) => {
      const memory = new Uint8Array(offset + data.length + 9)
      memory.set(data, offset)
      const view = isShort ? memory.subarray(offset) : memory
      expect(finish(sum(view, isShort ? 0 : offset, data.length))).toBe(checksum(data))
    }),
    { numRuns: 300 },
  )
  expect(finish(sum(new Uint8Array(65535).fill(255), 0, 65535))).toBe(checksum(new Uint8Array(65535).fill(255)))
})

describe.each([
  { kind: 'of any size', memory: new WebAssembly.Memory({ initial: 2 }), isFast: true },
  { kind: 'of a fixed size', memory: new WebAssembly.Memory({ initial: 2, maximum: 2 }), isFast: true },
  { kind: 'shared', memory: new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true }), isFast: false },
])('in a WebAssembly memory, $kind', ({ memory, isFast }) => {
  const all = new Uint8Array(memory.buffer)
  const part = all.subarray(17)
  for (const bytes of [all, part]) loadFastSum({ bytes, memory })

  test('checksums are the same', () => {
    expect(fastSumOf(all) !== null).toBe(isFast)
    const sizes = fc.oneof(fc.nat(200), fc.nat(1500), fc.integer({ min: 65000, max: 65535 }))
    fc.assert(
      fc.property(sizes, fc.nat(40), fc.nat(), fc.nat(0xffff), fc.boolean(), (length, at, seed, start, isPart) => {
        const bytes = isPart ? part : all
        const data = pattern(length, seed)
        bytes.set(data, at)
        bytes.fill(0xa5, at + length, at + length + 8)
        const slow = checksum(Uint8Array.of(start >>> 8, start & 0xff, ...data))
        expect(finish(sum(bytes, at, length, start))).toBe(slow)
      }),
      { numRuns: 150 },
    )
    all.fill(255)
    expect(finish(sum(all, 1, 65535))).toBe(checksum(new Uint8Array(65535).fill(255)))
  })
})

/** Sequence numbers are tried where they wrap. */
const base = fc.constantFrom(0, 0x7fffff00, -100, -(2 ** 31) + 5)

describe('receive buffer', () => {
  test('any pieces in any order become the stream; blocks tell what waits', () => {
    const pieces = fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 1, max: 400 }), fc.nat(500)), { maxLength: 60 })
    fc.assert(
      fc.property(base, pieces, (start, list) => {
        const pool = new BufferPool(1 << 20)
        const buffer = new ReceiveBuffer(pool, 1 << 16)
        buffer.next = start
        const data = pattern(2400)
        const there = new Set<number>()
        const read: number[] = []
        let edge = 0
        for (const [at, length, take] of list) {
          expect(buffer.insert((start + at) | 0, data, at, length)).toBe(true)
          for (let i = at; i < at + length; i++) there.add(i)
          while (there.has(edge)) edge++
          expect((buffer.next - start) | 0).toBe(edge)
          const target = new Uint8Array(take)
          read.push(...target.subarray(0, buffer.read(target, 0)))
          const pairs = new Int32Array(128)
          const count = buffer.sackBlocks(pairs, 64)
          const told = new Set<number>()
          for (let i = 0; i < count; i++) {
            for (let p = (pairs[i * 2]! - start) | 0; p < ((pairs[i * 2 + 1]! - start) | 0); p++) told.add(p)
          }
          expect(told).toEqual(new Set([...there].filter((p) => p >= edge)))
        }
        const rest = new Uint8Array(buffer.length)
        buffer.read(rest, 0)
        read.push(...rest)
        expect(Uint8Array.from(read)).toEqual(data.subarray(0, edge))
        buffer.release()
        expect(pool.usedBytes).toBe(0)
      }),
    )
  })
})

test('a ring that is emptied takes at once what it needed before, once, and what it can have', () => {
  const memoryOf = (ring: Ring, bytes: number): number => {
    expect(ring.reserve(bytes, 0)).toBe(true)
    const { memoryBytes } = ring
    ring.advance(bytes, 0)
    expect(ring.memoryBytes).toBe(0)
    return memoryBytes
  }
  const pool = new BufferPool(256 * 1024)
  const ring = new Ring(pool)
  expect([100_000, 10, 10, 3000].map((bytes) => memoryOf(ring, bytes))).toEqual([131_072, 131_072, 2048, 4096])
  expect(memoryOf(ring, 100_000)).toBe(131_072)
  pool.take(200_000)
  expect(memoryOf(ring, 10)).toBe(2048)
})

test('send buffer: what is written can be read again until it is acknowledged', () => {
  const steps = fc.array(fc.tuple(fc.nat(3000), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 40 })
  fc.assert(
    fc.property(base, steps, (start, list) => {
      const pool = new BufferPool(1 << 20)
      const buffer = new SendBuffer(pool, 8192)
      buffer.begin(start)
      const model: number[] = []
      let una = 0
      let written = 0
      for (const [length, share] of list) {
        const data = pattern(length, written + 1)
        const taken = buffer.write(data, 0)
        expect(taken).toBe(Math.min(length, 8192 - (model.length - una)))
        model.push(...data.subarray(0, taken))
        written += taken
        una += Math.floor((model.length - una) * share)
        buffer.acknowledge((start + una) | 0)
        const target = new Uint8Array(model.length - una)
        buffer.read((start + una) | 0, target, 0, target.length)
        expect(isSame(target, Uint8Array.from(model.slice(una)))).toBe(true)
      }
      buffer.acknowledge(buffer.end)
      expect(pool.usedBytes).toBe(0)
    }),
  )
})

test('scoreboard: a set of bytes', () => {
  const steps = fc.array(fc.tuple(fc.nat(90), fc.integer({ min: 1, max: 20 }), fc.nat(4)), { maxLength: 40 })
  fc.assert(
    fc.property(base, steps, (start, list) => {
      const board = new Scoreboard()
      const set = new Set<number>()
      let una = 0
      for (const [at, length, step] of list) {
        if (at > una) {
          const before = set.size
          for (let i = at; i < at + length; i++) set.add(i)
          expect(board.add((start + at) | 0, (start + at + length) | 0)).toBe(set.size > before)
        }
        una += step
        for (const p of set) if (p < una) set.delete(p)
        board.acknowledge((start + una) | 0)
        expect(board.bytes).toBe(set.size)
        const position = una + step
        let skipped = position
        while (set.has(skipped)) skipped++
        expect((board.skip((start + position) | 0) - start) | 0).toBe(skipped)
        let gap = 0
        while (gap < 50 && !set.has(skipped + gap)) gap++
        expect(board.gap((start + skipped) | 0, 50)).toBe(gap)
        expect(board.bytesBetween((start + position) | 0, (start + position + 30) | 0)).toBe(
          [...set].filter((p) => p >= position && p < position + 30).length,
        )
        // RFC 6675: a byte is lost when more than 2 * 10 bytes, or three ranges, above it have arrived.
        const edge = (board.lostEdge((start + una) | 0, 10) - start) | 0
        const isLost = (p: number): boolean => {
          const above = [...set].filter((q) => q > p)
          return above.length > 20 || above.filter((q) => !set.has(q - 1)).length >= 3
        }
        for (let p = una; p < 120; p++) if (!set.has(p)) expect(p < edge).toBe(isLost(p))
      }
    }),
  )
})

test('outbox: first in, first out, whole, and bounded', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 1500 }), fc.constant(0)), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (list) => {
      const outbox = new Outbox(16_384)
      const model: Uint8Array[] = []
      const target = new Uint8Array(2000)
      for (const [i, length] of list.entries()) {
        if (length > 0) {
          const at = outbox.reserve(length)
          const waiting = model.reduce((total, packet) => total + packet.length + 4, 0)
          // Full only when it is at least half full: a packet does not wrap around the end.
          if (at < 0) expect(waiting + 2 * 1504).toBeGreaterThan(16_384 / 2)
          else {
            const packet = pattern(length, i)
            outbox.bytes.set(packet, at)
            outbox.commit(length)
            model.push(packet)
          }
        } else {
          const expected = model.shift()
          const taken = outbox.take(target, 3)
          expect(target.subarray(3, 3 + taken)).toEqual(expected ?? new Uint8Array(0))
        }
        expect(outbox.count).toBe(model.length)
      }
    }),
  )
})

test('reassembly: any order and repetition of fragments gives the payload', () => {
  const cuts = fc.array(fc.nat(300), { maxLength: 20 })
  fc.assert(
    fc.property(cuts, fc.integer({ min: 1, max: 2500 }), fc.nat(), (points, length, seed) => {
      const data = pattern(length, seed)
      const edges = [...new Set([0, ...points.map((point) => point * 8).filter((at) => at < length)])].sort(
        (a, b) => a - b,
      )
      const fragments = edges.map((at, i) => {
        const end = edges[i + 1] ?? length
        return ipPacket(17, data.subarray(at, end), undefined, undefined, (end < length ? 0x2000 : 0) | (at / 8), 9)
      })
      const order = [...fragments, ...fragments.slice(0, seed % 5)].sort(
        (a, b) => ((a[10]! * 7 + seed) % 13) - ((b[10]! * 7 + seed) % 13),
      )
      const reassembly = new Reassembly()
      const packet = newIpPacket()
      const whole: Uint8Array[] = []
      for (const fragment of order) {
        expect(readIp(fragment, 0, fragment.length, packet)).toBe(true)
        if (!packet.isFragment || reassembly.take(packet, 0)) {
          whole.push(packet.bytes.slice(packet.payload, packet.payload + packet.payloadBytes))
        }
      }
      expect(whole[0]).toEqual(data)
    }),
  )
})
