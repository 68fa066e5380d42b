/** iperf3 between two namespaces; what counts is what the receiving side counted. */
import { spawn } from 'node:child_process'
import { exitOf, until } from '../run/command.js'
import type { Side, Topology } from '../run/topology.js'
import type { TcpRequest, Transfer, UdpRequest } from './traffic.js'

const PORT = '5201'

export class Iperf3 {
  readonly #topology: Topology
  readonly #inner: Readonly<Record<Side, string>>

  constructor(topology: Topology, inner: Readonly<Record<Side, string>>) {
    this.#topology = topology
    this.#inner = inner
  }

  tcp({ streams, direction, seconds }: TcpRequest): Promise<Transfer> {
    const way = { forward: [], reverse: ['-R'], both: ['--bidir'] }[direction]
    return this.#run(seconds, ['-P', `${streams}`, ...way])
  }

  udp({ payloadBytes, bitsPerSecond, seconds }: UdpRequest): Promise<Transfer> {
    return this.#run(seconds, ['-u', '-b', `${Math.round(bitsPerSecond)}`, '-l', `${payloadBytes}`])
  }

  /** The server serves one test and ends. */
  async #run(seconds: number, args: readonly string[]): Promise<Transfer> {
    const topology = this.#topology
    const { b } = this.#inner
    const bind = ['netns', 'exec', topology.namespace.b, 'iperf3', '-s', '-1', '-p', PORT, '-B', b]
    const server = spawn('ip', bind, { stdio: 'ignore' })
    const ended = exitOf(server).catch(() => null)
    try {
      await until('the iperf3 server to listen', 20, async () =>
        (await topology.inside('b', 'ss', ['-Hltn', `src ${b} and sport = ${PORT}`])).stdout.includes(PORT),
      )
      const client = ['-c', b, '-p', PORT, '-J', '-t', `${Math.max(1, Math.round(seconds))}`, ...args]
      const { stdout } = await topology.inside('a', 'iperf3', client, seconds + 20)
      return readIperf3(JSON.parse(stdout) as Iperf3Report)
    } finally {
      server.kill('SIGTERM')
      await ended
    }
  }
}

interface Sum {
  readonly bytes: number
  readonly bits_per_second: number
  readonly lost_packets?: number
  readonly packets?: number
}

interface Iperf3Report {
  readonly error?: string
  readonly end: {
    readonly sum_sent?: Sum
    readonly sum_received?: Sum
    readonly sum?: Sum
    readonly sum_received_bidir_reverse?: Sum
  }
}

function readIperf3({ error, end }: Iperf3Report): Transfer {
  if (error !== undefined) throw new Error(`iperf3: ${error}`)
  const forward = end.sum_received ?? end.sum
  if (forward === undefined) throw new Error('iperf3 reported no sum')
  const reverse = end.sum_received_bidir_reverse
  // For UDP the sum is what was sent; what was lost is told beside it, without what the receiver never heard of.
  const isWhole = end.sum_sent !== undefined && end.sum_received !== undefined
  const told = forward.packets ? (forward.lost_packets ?? 0) / forward.packets : 0
  const lostShare = isWhole && forward.packets ? Math.max(0, 1 - end.sum_received.bytes / end.sum_sent.bytes) : told
  const arrived = end.sum_received ? 1 : 1 - lostShare
  return {
    bitsPerSecond: forward.bits_per_second * arrived + (reverse?.bits_per_second ?? 0),
    bytes: forward.bytes * arrived + (reverse?.bytes ?? 0),
    lostShare,
  }
}
