/** Devices on a simulated network, in virtual time. The same seed gives the same trace, byte for byte. */
import { nodeSuite, nodeTransportEngine } from '@wireweave/crypto/node'
import type { Suite, TransportEngineFactory } from '@wireweave/crypto/suite'
import type { HandshakeSecrets } from '@wireweave/device/core/device'
import type { PeerUpdate } from '@wireweave/tunnel/config'
import type { Eavesdropper } from './eavesdropper.js'
import { innerPacket } from './inner-packet.js'
import { Network } from './network.js'
import type { Conditions, Passing } from './network.js'
import { Random } from './random.js'
import { SimulatedHost } from './simulated-host.js'
import type { Watcher } from './simulated-host.js'
import { VirtualClock } from './virtual-clock.js'

export interface SimulationOptions {
  readonly seed: number
  /** `['alice', 'bob']` when absent. */
  readonly hosts?: readonly string[]
  readonly conditions?: Partial<Conditions>
  readonly drop?: (datagram: Passing) => boolean
  /** Which hosts know each other; all when absent. */
  readonly knows?: (host: SimulatedHost, other: SimulatedHost) => boolean
  /** Added to what every host is told of every peer. */
  readonly peers?: Omit<PeerUpdate, 'publicKey'>
  readonly watcher?: Watcher
  readonly suite?: Suite
  readonly engine?: TransportEngineFactory
  readonly mtu?: number
  /** Of the outer addresses; 4 when absent. */
  readonly family?: 4 | 6
  /** How many datagrams the eavesdropper, and packets each host, keeps. */
  readonly keep?: number
  readonly onHandshakeSecrets?: (host: string, secrets: HandshakeSecrets) => void
}

/** Hosts that are up and know each other's keys, addresses and tunnel IPs. */
export function simulate(options: SimulationOptions): Simulation {
  const simulation = new Simulation(options)
  const knows = options.knows ?? (() => true)
  for (const host of simulation.hosts) {
    const others = simulation.hosts.filter((other) => other !== host && knows(host, other))
    host.apply({ peers: others.map((other) => ({ ...other.asPeer(), ...options.peers })) })
    host.up()
  }
  return simulation
}

/** A device must not take zero for "never". */
const START_MS = 0

export class Simulation {
  readonly clock: VirtualClock = new VirtualClock(START_MS)
  readonly network: Network
  readonly hosts: readonly SimulatedHost[]
  /** For scripts: drawing from it does not disturb the network or the hosts. */
  readonly random: Random

  constructor(options: SimulationOptions) {
    const random = new Random(options.seed)
    this.random = random.fork()
    const { clock } = this
    const { conditions, drop, keep, mtu, family, onHandshakeSecrets } = options
    this.network = new Network({
      clock,
      random: random.fork(),
      ...(conditions && { conditions }),
      ...(drop && { drop }),
      ...(keep !== undefined && { keep }),
    })
    const names = options.hosts ?? ['alice', 'bob']
    this.hosts = names.map(
      (name, i) =>
        new SimulatedHost({
          name,
          number: i + 1,
          network: this.network,
          random: random.fork(),
          suite: options.suite ?? nodeSuite,
          engine: options.engine ?? nodeTransportEngine,
          watcher: options.watcher ?? {},
          ...(mtu !== undefined && { mtu }),
          ...(family !== undefined && { family }),
          ...(keep !== undefined && { keep }),
          ...(onHandshakeSecrets && { onHandshakeSecrets: (secrets) => onHandshakeSecrets(name, secrets) }),
        }),
    )
  }

  get alice(): SimulatedHost {
    return this.hosts[0]!
  }

  get bob(): SimulatedHost {
    return this.hosts[1]!
  }

  get eve(): Eavesdropper {
    return this.network.eve
  }

  get now(): number {
    return this.clock.now
  }

  /** Lets `ms` pass, from one thing that happens to the next. What is due at the end has happened. */
  advance(ms: number): void {
    const end = this.clock.now + ms
    for (;;) {
      this.#settle()
      const next = Math.min(
        this.clock.next() ?? Number.POSITIVE_INFINITY,
        ...this.hosts.map((host) => host.nextMoment()),
      )
      if (next > end) break
      this.clock.passTo(Math.max(next, this.clock.now))
    }
    this.clock.passTo(end)
  }

  /** Advances until `condition` holds, and says how many milliseconds that took; throws after `limitMs`. */
  advanceUntil(condition: () => boolean, limitMs: number, stepMs = 1): number {
    const start = this.clock.now
    while (!condition()) {
      if (this.clock.now - start >= limitMs) throw new Error(`did not happen within ${limitMs} ms`)
      this.advance(stepMs)
    }
    return this.clock.now - start
  }

  /** A packet from the tunnel address of one host to that of another. */
  packet(
    from: SimulatedHost,
    to: SimulatedHost,
    payload: Uint8Array = Uint8Array.of(1, 2, 3),
    trafficClass = 0,
  ): Uint8Array {
    return innerPacket({ source: from.tunnelIp4, destination: to.tunnelIp4, payload, trafficClass })
  }

  /** Runs all that is due at this moment, and what that causes at this moment. */
  #settle(): void {
    for (let turns = 0; ; turns++) {
      if (turns > 100_000) throw new Error(`nothing gets done at ${this.clock.now} ms`)
      while (this.clock.runOne());
      for (const host of this.hosts) host.step()
      if ((this.clock.next() ?? Number.POSITIVE_INFINITY) > this.clock.now) return
    }
  }
}
