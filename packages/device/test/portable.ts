/** Devices on a simulated network with every engine, for any runtime: see @wireweave/testkit/portable. */
import assert from 'node:assert/strict'
import { nobleSuite, nobleTransportEngine } from '@wireweave/crypto/noble'
import type { Suite, TransportEngineFactory } from '@wireweave/crypto/suite'
import { wasmSuite, wasmTransportEngine } from '@wireweave/crypto/wasm'
import { HANDSHAKE_INITIATION, TRANSPORT_DATA } from '@wireweave/noise/messages'
import type { Test } from '@wireweave/testkit/portable'
import { simulate } from '@wireweave/testkit/simulation'
import type { Simulation, SimulationOptions } from '@wireweave/testkit/simulation'

const engines: readonly { readonly suite: Suite; readonly engine: TransportEngineFactory }[] = [
  { suite: nobleSuite, engine: nobleTransportEngine },
  { suite: wasmSuite, engine: wasmTransportEngine },
]

/** Everyone sends a packet to everyone, twice; returns how many arrived in all. */
function exchange(net: Simulation): number {
  for (let round = 0; round < 2; round++) {
    for (const host of net.hosts) {
      for (const other of net.hosts) if (other !== host) host.send(net.packet(host, other))
    }
    net.advance(20_000)
  }
  return net.hosts.reduce((sum, host) => sum + host.received.length, 0)
}

export default function (test: Test): void {
  for (const engine of engines) {
    const run = (name: string, options: SimulationOptions, body: (net: Simulation) => void): void =>
      test(`${engine.suite.name}: ${name}`, () => body(simulate({ ...options, ...engine })), 60_000)

    run('a handshake, and every packet both ways', { seed: 1 }, (net) => {
      assert.equal(exchange(net), 4)
      assert.equal(net.eve.count(TRANSPORT_DATA) >= 4, true)
    })

    run('over IPv6 and with three hosts', { seed: 2, family: 6, hosts: ['a', 'b', 'c'] }, (net) => {
      assert.equal(exchange(net), 12)
    })

    run(
      'an initiation that nobody answers is sent 20 times, then never again',
      { seed: 3, drop: () => true },
      (net) => {
        net.alice.send(net.packet(net.alice, net.bob))
        net.advance(600_000)
        assert.equal(net.eve.count(HANDSHAKE_INITIATION), 20)
      },
    )

    run('who has nothing to say has no timer after nine minutes', { seed: 4 }, (net) => {
      exchange(net)
      net.advance(600_000)
      for (const host of net.hosts) assert.equal(host.device.nextDeadline(), null)
    })

    run('the same seed gives the same trace', { seed: 5, conditions: { loss: 0.2 } }, (net) => {
      exchange(net)
      const again = simulate({ seed: 5, conditions: { loss: 0.2 }, ...engine })
      exchange(again)
      assert.equal(net.eve.digest(), again.eve.digest())
    })
  }
}
