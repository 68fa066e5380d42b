/** What is reported, and which way is better. */

export interface Metric {
  readonly id: string
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** A column of the live table, up to seven characters; none for what would crowd it. */
  readonly short: string
}

export const metrics: readonly Metric[] = [
  metric('tcp-1', 'TCP, 1 stream', 'Gbit/s', 'higher', 'tcp 1'),
  metric('tcp-4', 'TCP, 4 streams', 'Gbit/s', 'higher', 'tcp 4'),
  metric('tcp-16', 'TCP, 16 streams', 'Gbit/s', 'higher', 'tcp 16'),
  metric('tcp-reverse', 'TCP, 1 stream, the other way', 'Gbit/s', 'higher', 'reverse'),
  metric('tcp-both', 'TCP, both directions at once, their sum', 'Gbit/s', 'higher', 'both'),
  metric('udp-rate', 'UDP 1372 B, full blast, received', 'Gbit/s', 'higher', 'udp'),
  metric('udp-loss', 'UDP 1372 B, full blast, lost', '%', 'lower', 'loss %'),
  metric('udp-lossfree', 'UDP 1372 B, highest rate losing at most 1 %', 'Gbit/s', 'higher', 'udp 1%'),
  metric('udp-64', 'UDP 64 B, full blast, received', 'kpackets/s', 'higher', '64 B'),
  metric('idle-p50', 'latency, idle, median', 'ms', 'lower', 'idle'),
  metric('idle-p90', 'latency, idle, 90th percentile', 'ms', 'lower', ''),
  metric('idle-p99', 'latency, idle, 99th percentile', 'ms', 'lower', ''),
  metric('load-p50', 'latency under TCP load, median', 'ms', 'lower', 'load'),
  metric('load-p90', 'latency under TCP load, 90th percentile', 'ms', 'lower', ''),
  metric('load-p99', 'latency under TCP load, 99th percentile', 'ms', 'lower', ''),
  metric('cpu-tunnel', 'CPU per gigabyte, TCP 1 stream, tunnel processes of both ends', 's/GB', 'lower', 'cpu'),
  metric('cpu-machine', 'CPU per gigabyte, TCP 1 stream, whole machine with senders', 's/GB', 'lower', ''),
  metric('memory', 'resident memory after load, both ends', 'MB', 'lower', 'MB'),
  metric('handshake', 'new session: handshake and first packet', 'ms', 'lower', 'shake'),
  metric('start-up', 'start of a program until its interface can be configured', 'ms', 'lower', 'start'),
  metric('handshake-rate', 'handshakes answered on one core', '/s', 'higher', 'shake/s'),
]

const byId: ReadonlyMap<string, Metric> = new Map(metrics.map((each) => [each.id, each]))

/** Throws for what no metric is called. */
export function metricOf(id: string): Metric {
  const found = byId.get(id)
  if (found === undefined) throw new Error(`no metric is called ${id}; there are ${[...byId.keys()].join(', ')}`)
  return found
}

function metric(id: string, name: string, unit: string, better: 'higher' | 'lower', short: string): Metric {
  return { id, name, unit, better, short }
}
