import { describe, expect, test } from 'vitest'
import { App, call, delayed, isSame, pattern, Wire } from './wire.js'

describe.each([4, 6] as const)('IPv%i', (version) => {
  test('two hosts exchange bytes and close in order', () => {
    const wire = new Wire(delayed(10))
    const client = new App(pattern(100_000, 1))
    const server = new App(pattern(200_000, 2))
    call(wire, client, server, 80, version)
    expect(wire.run(60_000, () => client.isClosed && server.isClosed)).toBe(true)
    expect(wire.handlerErrors).toEqual([])
    expect(isSame(server.bytes, pattern(100_000, 1))).toBe(true)
    expect(isSame(client.bytes, pattern(200_000, 2))).toBe(true)
    expect(client.log).toEqual(['connect', 'end', 'close null'])
    expect(server.log).toEqual(['connect', 'end', 'close null'])
    expect(wire.alice.tcpStats.retransmits + wire.bob.tcpStats.retransmits).toBe(0)
  })
})

test('a long path is filled: windows and buffers grow to what it holds', () => {
  const wire = new Wire(delayed(15))
  const client = new App(pattern(20_000_000))
  const server = new App()
  call(wire, client, server)
  const start = wire.now
  expect(wire.run(60_000, () => server.hasEnded)).toBe(true)
  expect(isSame(server.bytes, pattern(20_000_000))).toBe(true)
  // With the 256 KiB that buffers start with it would be 76 round trips of 30 ms.
  expect(wire.now - start).toBeLessThan(1000)
  expect(wire.alice.tcpStats.retransmits).toBe(0)
})

test('the window grows with a path that has become longer since the handshake', () => {
  let start = -1
  let free = 0
  // 112 Mbit/s: a window of 256 KiB does not come within a millisecond.
  const wire = new Wire((packet, from, now) => {
    if (start < 0) start = now
    if (now < start + 5) return [now + 0.5]
    if (from === 'bob') return [now + 30]
    free = Math.max(free, now) + packet.length / 14_000
    return [free + 30]
  })
  const client = new App(pattern(10_000_000))
  const server = new App()
  call(wire, client, server)
  expect(wire.run(60_000, () => server.hasEnded)).toBe(true)
  // The receiver sends no data whose ACKs would tell it so: the data that arrive do.
  expect(server.connection.receiveBuffer.limit).toBeGreaterThanOrEqual(2 ** 20)
})

test.each(['cubic', 'reno'] as const)('%s repairs 1 %% of loss without timeouts', (congestion) => {
  let n = 0
  const wire = new Wire((_packet, from, now) => (from === 'alice' && ++n % 100 === 7 ? [] : [now + 15]), {
    tcp: { congestion },
  })
  const client = new App(pattern(5_000_000))
  const server = new App()
  call(wire, client, server)
  expect(wire.run(600_000, () => server.hasEnded)).toBe(true)
  expect(isSame(server.bytes, pattern(5_000_000))).toBe(true)
  expect(wire.alice.tcpStats.timeouts).toBe(0)
  expect(wire.alice.tcpStats.retransmits).toBeLessThan(60)
})
