/** One measurement each: what it runs, in what unit it answers, and which way is better. */
import { spawn } from 'node:child_process'
import { summarize } from '../statistics.js'
import { exitOf, sleep, until } from './command.js'
import type { Pair } from './contestant.js'
import type { Topology } from './topology.js'

export interface Metric {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** One sample. `seconds` is how long traffic flows. */
  sample(topology: Topology, pair: Pair, seconds: number): Promise<number>
}

const GIGA = 1e9

export const metrics: readonly Metric[] = [
  tcp('TCP, 1 stream', []),
  tcp('TCP, 4 streams', ['-P', '4']),
  tcp('TCP, both directions', ['--bidir']),
  udp('UDP 1372 B received, full blast', 1372, 'Gbit/s'),
  udp('UDP 64 B received, full blast', 64, 'kpackets/s'),
  {
    name: 'UDP 1372 B, highest rate losing at most 1 %',
    unit: 'Gbit/s',
    better: 'higher',
    sample: highestLossFreeRate,
  },
  ping('ping, idle, median', 'idle', 0.5),
  ping('ping, idle, 99th percentile', 'idle', 0.99),
  ping('ping under TCP load, median', 'load', 0.5),
  {
    name: 'CPU per gigabyte, TCP 1 stream, both ends',
    unit: 's/GB',
    better: 'lower',
    async sample(topology, pair, seconds) {
      const before = pair.cpuSeconds()
      const { bytes } = await iperf(topology, pair, seconds, [])
      return (pair.cpuSeconds() - before) / (bytes / GIGA)
    },
  },
  {
    name: 'resident memory after load, both ends',
    unit: 'MB',
    better: 'lower',
    sample: (_topology, pair) => Promise.resolve(pair.residentBytes() / 1e6),
  },
]

function tcp(name: string, args: readonly string[]): Metric {
  return {
    name,
    unit: 'Gbit/s',
    better: 'higher',
    sample: async (topology, pair, seconds) => (await iperf(topology, pair, seconds, args)).bitsPerSecond / GIGA,
  }
}

function udp(name: string, payloadBytes: number, unit: 'Gbit/s' | 'kpackets/s'): Metric {
  return {
    name,
    unit,
    better: 'higher',
    async sample(topology, pair, seconds) {
      const result = await iperf(topology, pair, seconds, ['-u', '-b', '0', '-l', `${payloadBytes}`])
      return unit === 'Gbit/s' ? result.bitsPerSecond / GIGA : result.bitsPerSecond / (payloadBytes * 8) / 1000
    },
  }
}

interface Transfer {
  /** What the receiving side counted; in both directions together when there are two. */
  readonly bitsPerSecond: number
  readonly bytes: number
  readonly lostShare: number
}

/** iperf3 from a to b, over inner addresses. The server serves one test and ends. */
async function iperf(topology: Topology, pair: Pair, seconds: number, args: readonly string[]): Promise<Transfer> {
  const port = '5201'
  const bind = ['netns', 'exec', topology.namespace.b, 'iperf3', '-s', '-1', '-p', port, '-B', pair.inner.b]
  const server = spawn('ip', bind, { stdio: 'ignore' })
  const ended = exitOf(server).catch(() => null)
  try {
    await until('the iperf3 server to listen', 5, async () =>
      (await topology.inside('b', 'ss', ['-Hltn', `src ${pair.inner.b} and sport = ${port}`])).stdout.includes(port),
    )
    const client = ['-c', pair.inner.b, '-p', port, '-J', '-t', `${seconds}`, ...args]
    const { stdout } = await topology.inside('a', 'iperf3', client, seconds + 20)
    return readIperf(JSON.parse(stdout) as IperfReport)
  } finally {
    server.kill('SIGTERM')
    await ended
  }
}

interface IperfSum {
  readonly bytes: number
  readonly bits_per_second: number
  readonly lost_packets?: number
  readonly packets?: number
}
interface IperfReport {
  readonly error?: string
  readonly end: {
    readonly sum_received?: IperfSum
    readonly sum?: IperfSum
    readonly sum_received_bidir_reverse?: IperfSum
  }
}

function readIperf({ error, end }: IperfReport): Transfer {
  if (error !== undefined) throw new Error(`iperf3: ${error}`)
  const forward = end.sum_received ?? end.sum
  if (forward === undefined) throw new Error('iperf3 reported no sum')
  const reverse = end.sum_received_bidir_reverse
  const lostShare = forward.packets ? (forward.lost_packets ?? 0) / forward.packets : 0
  return {
    bitsPerSecond: forward.bits_per_second * (1 - (end.sum_received ? 0 : lostShare)) + (reverse?.bits_per_second ?? 0),
    bytes: forward.bytes + (reverse?.bytes ?? 0),
    lostShare,
  }
}

/** Halves the interval seven times between nothing and the rate that a full blast gets through. */
async function highestLossFreeRate(topology: Topology, pair: Pair, seconds: number): Promise<number> {
  const length = ['-u', '-l', '1372']
  const blast = await iperf(topology, pair, 1, [...length, '-b', '0'])
  let low = 0
  let high = blast.bitsPerSecond * 1.5
  for (let step = 0; step < 7; step++) {
    const rate = (low + high) / 2
    const { lostShare } = await iperf(topology, pair, Math.min(seconds, 1), [...length, '-b', `${Math.round(rate)}`])
    if (lostShare <= 0.01) low = rate
    else high = rate
  }
  return low / GIGA
}

function ping(name: string, when: 'idle' | 'load', q: number): Metric {
  return {
    name,
    unit: 'ms',
    better: 'lower',
    async sample(topology, pair, seconds) {
      const load = when === 'load' ? iperf(topology, pair, seconds + 1, []) : null
      if (load !== null) await sleep(700)
      const count = Math.max(20, Math.round(seconds * 50))
      const args = ['-i', '0.02', '-c', `${count}`, '-w', `${seconds + 10}`, pair.inner.b]
      const [{ stdout }] = await Promise.all([topology.inside('a', 'ping', args, seconds + 20), load])
      return percentile(stdout, q)
    },
  }
}

function percentile(output: string, q: number): number {
  const times = [...output.matchAll(/time=([0-9.]+) ms/g)].map((match) => Number(match[1]))
  if (times.length === 0) throw new Error('ping got no answer')
  if (q === 0.5) return summarize(times).median
  times.sort((a, b) => a - b)
  return times[Math.min(times.length - 1, Math.floor(times.length * q))]!
}
