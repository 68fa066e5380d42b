/** Traffic between programs of two namespaces: iperf3's and ping's where they are installed, else our own. */
import { topologyOf } from '../contestants/contestant.js'
import type { Place } from '../contestants/contestant.js'
import { whereIs } from '../contestants/processes.js'
import { until } from '../run/command.js'
import type { Side } from '../run/topology.js'
import { EndPair } from './end-pair.js'
import { Iperf3 } from './iperf3.js'
import { ping } from './ping.js'
import type { PingRequest, TcpRequest, Traffic, Transfer, UdpRequest } from './traffic.js'

export interface HostTraffic extends Traffic {
  /** Waits until a packet comes back. */
  reach(): Promise<void>
  /** Milliseconds until the next packet comes back. */
  firstPacket(): Promise<number>
}

export function hostTraffic(place: Place, inner: Readonly<Record<Side, string>>): HostTraffic {
  const topology = topologyOf(place)
  const hasPing = whereIs('ping') !== null
  const iperf3 = place.generator === 'iperf3' ? new Iperf3(topology, inner) : null
  let ends: Promise<EndPair> | null = null
  const own = (): Promise<EndPair> => {
    ends ??= EndPair.open({ a: { topology, side: 'a' }, b: { topology, side: 'b' } }, (side) => ({
      kind: 'system',
      inner: inner[side],
      peer: inner[side === 'a' ? 'b' : 'a'],
    })).then((pair) => {
      place.closers.push(() => pair.close())
      return pair
    })
    return ends
  }
  const pinged = async (request: PingRequest): Promise<number[]> =>
    hasPing ? ping(topology, inner.b, request) : (await own()).ping(request)
  return {
    tool: iperf3 === null ? 'own generator' : 'iperf3',
    pingTool: hasPing ? 'ping' : 'own generator (UDP echo)',
    tcp: async (request: TcpRequest): Promise<Transfer> => (iperf3 ?? (await own())).tcp(request),
    udp: async (request: UdpRequest): Promise<Transfer> => (iperf3 ?? (await own())).udp(request),
    ping: pinged,
    reach: () =>
      until('a packet to come back', 20, () =>
        pinged({ count: 1, intervalMs: 200 }).then(
          (times) => times.length > 0,
          () => false,
        ),
      ),
    async firstPacket() {
      const [time] = await pinged({ count: 1, intervalMs: 200 })
      if (time === undefined) throw new Error('no packet came back')
      return time
    },
  }
}
