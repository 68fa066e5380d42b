import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Invariants } from '../src/invariants.js'
import { Ledger } from '../src/ledger.js'
import type { SimulatedHost } from '../src/simulated-host.js'
import { simulate } from '../src/simulation.js'

const HOUR_MS = 3_600_000

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a day at 5 % loss, with bursts and idle spells, leaves heap and tables as they were', () => {
  const ledger = new Ledger()
  const invariants = new Invariants({
    ledger,
    mtu: 1420,
    accepts: () => true,
    isForged: () => false,
    marked: () => false,
  })
  const net = simulate({ seed: 24, conditions: { loss: 0.05, jitterMs: 20 }, watcher: invariants, keep: 100 })
  const { random, alice, bob } = net
  const heaps: number[] = []
  const indices: number[] = []

  function burst(from: SimulatedHost, to: SimulatedHost): void {
    const packets = Array.from({ length: random.between(1, 60) }, () =>
      ledger.mint({
        source: from.tunnelIp4,
        destination: to.tunnelIp4,
        payloadBytes: random.between(4, 1400),
        trafficClass: 0,
        origin: from.name,
        receiver: to.name,
      }),
    )
    from.send(...packets)
  }

  for (let hour = 0; hour < 24; hour++) {
    const end = net.now + HOUR_MS
    while (net.now < end) {
      const [from, to] = random.chance(0.5) ? [alice, bob] : [bob, alice]
      burst(from, to)
      if (random.chance(0.3)) burst(to, from)
      // Seconds mostly; now and then so long that keys run out, or are zeroed.
      const pause = random.pick([500, 2000, 8000, 20_000, 60_000, 60_000, 200_000, 700_000])
      net.advance(Math.min(random.below(pause), end - net.now))
    }
    indices.push(...net.hosts.map((host) => host.device.load.indices))
    for (const host of net.hosts) expect(host.device.load.stagedBytes).toBeLessThanOrEqual(128 * 1420)
    collectGarbage()
    heaps.push(process.memoryUsage().heapUsed)
  }

  // A handshake in progress and three keypairs.
  expect(Math.max(...indices)).toBeLessThanOrEqual(4)
  expect(invariants.size).toBeLessThan(200)
  // The first hours fill what is kept on purpose, and compile the code.
  expect(Math.max(...heaps.slice(-6)) - Math.max(...heaps.slice(3, 9))).toBeLessThan(1.5e6)
  expect(ledger.delivered / ledger.sent).toBeGreaterThan(0.94)
  expect(alice.device.stats.handshakeResponsesSent + bob.device.stats.handshakeResponsesSent).toBeGreaterThan(200)

  net.advance(700_000)
  for (const host of net.hosts) {
    expect(host.device.nextDeadline()).toBeNull()
    expect(Object.values(host.device.load).every((held) => held === 0)).toBe(true)
  }
}, 120_000)
