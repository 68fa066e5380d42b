import { randomBytes } from 'node:crypto'
import { parseEndpoint } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { ENDPOINT_BYTES, writeEndpoint } from '../../src/core/endpoint.js'
import { RateLimiter } from '../../src/core/rate-limiter.js'

function random(bytes: Uint8Array): void {
  bytes.set(randomBytes(bytes.length))
}

function record(endpoint: string): Uint8Array {
  const bytes = new Uint8Array(ENDPOINT_BYTES)
  writeEndpoint(bytes, 0, parseEndpoint(endpoint)!)
  return bytes
}

const ALICE = record('192.0.2.1:1000')

test('5 at once, then exactly one every 50 ms', () => {
  const limiter = new RateLimiter(random)
  const allowed = (count: number, now: number): number => {
    let granted = 0
    for (let i = 0; i < count; i++) if (limiter.allow(ALICE, now)) granted++
    return granted
  }
  expect(allowed(10, 0)).toBe(5)
  expect(allowed(3, 49)).toBe(0)
  expect(allowed(3, 50)).toBe(1)
  expect(allowed(3, 99)).toBe(0)
  expect(allowed(3, 100)).toBe(1)
  expect(allowed(3, 200)).toBe(2)
  expect(allowed(20, 900)).toBe(5)
  // Over a long time, 20 a second.
  let granted = 0
  for (let now = 10_000; now < 20_000; now++) granted += allowed(1, now)
  expect(granted).toBe(200 + 4)
})

test('a port is not a source of its own, another address is', () => {
  const limiter = new RateLimiter(random)
  for (let port = 1; port <= 5; port++) expect(limiter.allow(record(`192.0.2.1:${port}`), 0)).toBe(true)
  expect(limiter.allow(record('192.0.2.1:99'), 0)).toBe(false)
  expect(limiter.allow(record('192.0.2.2:99'), 0)).toBe(true)
  expect(limiter.size).toBe(2)
})

test('an IPv6 source is its /64', () => {
  const limiter = new RateLimiter(random)
  for (let i = 1; i <= 5; i++) expect(limiter.allow(record(`[2001:db8:0:1::${i}]:1`), 0)).toBe(true)
  expect(limiter.allow(record('[2001:db8:0:1:ffff::6]:1'), 0)).toBe(false)
  expect(limiter.allow(record('[2001:db8:0:2::1]:1'), 0)).toBe(true)
})

test('an IPv4 address and an IPv6 prefix of the same bytes are two sources', () => {
  const limiter = new RateLimiter(random)
  limiter.allow(record('32.1.13.184:1'), 0)
  limiter.allow(record('[2001:db8::]:1'), 0)
  expect(limiter.size).toBe(2)
})

test('the table is bounded: a full one refuses new sources and goes on serving those it knows', () => {
  const limiter = new RateLimiter(random, 1000)
  const of = (i: number): Uint8Array => record(`10.0.${i >>> 8}.${i & 255}:1`)
  for (let i = 0; i < 1000; i++) expect(limiter.allow(of(i), 100)).toBe(true)
  expect(limiter.allow(of(1000), 100)).toBe(false)
  for (let i = 0; i < 1000; i++) expect(limiter.allow(of(i), 101)).toBe(true)
  expect(limiter.size).toBe(1000)
})

test('a source idle for more than a second is forgotten, one that is not keeps its debt', () => {
  const limiter = new RateLimiter(random, 2)
  const busy = record('10.0.0.1:1')
  limiter.allow(record('10.0.0.2:1'), 0)
  for (let i = 0; i < 5; i++) limiter.allow(busy, 1001)
  expect(limiter.allow(busy, 1001)).toBe(false)
  expect(limiter.size).toBe(1)
  limiter.allow(record('10.0.0.3:1'), 2001)
  expect(limiter.size).toBe(2)
  expect(limiter.allow(record('10.0.0.4:1'), 2001)).toBe(false)
  expect(limiter.allow(record('10.0.0.4:1'), 3002)).toBe(true)
  expect(limiter.size).toBe(1)
})

test('a clock that runs backwards neither grants nor breaks anything', () => {
  const limiter = new RateLimiter(random)
  for (let i = 0; i < 5; i++) limiter.allow(ALICE, 1_000_000)
  expect(limiter.allow(ALICE, 0)).toBe(false)
  expect(limiter.allow(ALICE, -5)).toBe(false)
  expect(limiter.allow(ALICE, 45)).toBe(true)
})
