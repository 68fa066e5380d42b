/** How well a path is used: a bottleneck with a queue, delay and loss. */
import { expect, test } from 'vitest'
import { App, call, type Fate, isSame, pattern, randomOf, Wire } from './wire.js'

/** `megabits` a second towards Bob with a queue of `queueMs`, `delay` ms each way, and random loss. */
function bottleneck(megabits: number, delay: number, queueMs: number, loss: number): Fate {
  const random = randomOf(3)
  const bytesPerMs = (megabits * 1e6) / 8 / 1000
  let freeAt = 0
  return (packet, from, now) => {
    if (from === 'bob') return [now + delay]
    if (random() < loss) return []
    const start = Math.max(now, freeAt)
    if (start - now > queueMs) return []
    freeAt = start + packet.length / bytesPerMs
    return [freeAt + delay]
  }
}

function seconds(bytes: number, fate: Fate, congestion: 'cubic' | 'reno'): number {
  const wire = new Wire(fate, { tcp: { congestion } })
  const data = pattern(bytes)
  const client = new App(data)
  const server = new App()
  call(wire, client, server)
  const start = wire.now
  expect(wire.run(600_000, () => server.hasEnded)).toBe(true)
  expect(isSame(server.bytes, data)).toBe(true)
  return (wire.now - start) / 1000
}

test('100 Mbit/s at 30 ms round trip are filled, with a queue of half a round trip', () => {
  // The first loss comes when slow start has overrun the queue; CUBIC returns there in six seconds.
  const took = seconds(40_000_000, bottleneck(100, 15, 15, 0), 'cubic')
  expect((40 * 8) / took).toBeGreaterThan(70)
})

test('with 0.1 % of random loss at 30 ms CUBIC gets what theory grants NewReno, and more', () => {
  const took = seconds(40_000_000, bottleneck(100, 15, 15, 0.001), 'cubic')
  // Mathis 1997: 1.22 * 1368 bytes * 8 / (30 ms * sqrt(0.001)) = 14 Mbit/s.
  expect((40 * 8) / took).toBeGreaterThan(14)
  const reno = seconds(10_000_000, bottleneck(100, 15, 15, 0.001), 'reno')
  expect((10 * 8) / reno).toBeGreaterThan(9)
})

test('two connections share a bottleneck', () => {
  const wire = new Wire(bottleneck(50, 10, 20, 0))
  const servers: App[] = []
  const clients = [new App(pattern(8_000_000, 1)), new App(pattern(8_000_000, 2))]
  for (const [i, client] of clients.entries()) {
    const server = new App()
    servers.push(server)
    call(wire, client, server, 80 + i)
  }
  wire.run(600_000, () => servers.some((server) => server.hasEnded))
  const other = servers.find((server) => !server.hasEnded) ?? servers[0]!
  expect(other.bytes.length).toBeGreaterThan(8_000_000 / 4)
})

test('buffers hold whole bytes, however CUBIC computes its window', () => {
  const wire = new Wire(bottleneck(10, 10, 5, 0.01), { tcp: { initialBufferBytes: 16_384, maxBufferBytes: 60_000 } })
  const data = pattern(1_000_000)
  const client = new App(data)
  const server = new App()
  call(wire, client, server)
  const isWhole = (): boolean =>
    Number.isInteger(client.connection.sendBuffer.limit + client.connection.sendBuffer.length)
  expect(wire.run(600_000, () => server.hasEnded || !isWhole())).toBe(true)
  expect(isSame(server.bytes, data)).toBe(true)
})
