/** Our TCP/IP stack in the process: no interface, no root. Its traffic is our own generator's: no other program can reach it. */
import { EndPair } from '../traffic/end-pair.js'
import { until } from '../run/command.js'
import type { Side } from '../run/topology.js'
import { innerOf } from './contestant.js'
import type { Contestant } from './contestant.js'
import { keyPair, versionOf } from './ours.js'

export const netstack: Contestant = {
  ...{ name: 'netstack', role: 'adapter', reach: 'process', system: null },
  about: 'a TCP/IP stack and WireGuard inside the program that sends: its CPU time includes that program',
  find: async () => ({ version: `wireweave ${versionOf('@wireweave/adapter-netstack')}` }),
  async open(place, slot) {
    const { topology } = place
    const inner = innerOf(slot)
    const underlay = topology?.underlay ?? { a: '127.0.0.1', b: '127.0.0.1' }
    const keys = { a: keyPair(), b: keyPair() }
    const otherOf = (side: Side): Side => (side === 'a' ? 'b' : 'a')
    const pair = await EndPair.open(
      { a: { topology, side: 'a' }, b: { topology, side: 'b' } },
      (side) => ({
        kind: 'netstack',
        inner: inner[side],
        peer: inner[otherOf(side)],
        privateKey: keys[side].privateKey,
        peerKey: keys[otherOf(side)].publicKey,
      }),
      async (ports, { a, b }) => {
        await a.ask({ do: 'connect', host: underlay.b, port: ports.b })
        await b.ask({ do: 'connect', host: underlay.a, port: ports.a })
      },
    )
    place.closers.push(() => pair.close())
    await until('a packet to come back', 20, async () => (await pair.ping({ count: 1, intervalMs: 1 })).length > 0)
    return {
      traffic: pair,
      usage: () => pair.usage(),
      async handshake() {
        await pair.a.ask({ do: 'handshake' })
        const [time] = await pair.ping({ count: 1, intervalMs: 1 })
        if (time === undefined) throw new Error('no packet came back')
        return time
      },
    }
  },
}
