/** iputils' ping. */
import type { Topology } from '../run/topology.js'
import type { PingRequest } from './traffic.js'

/** From side a. Rejects when nothing came back at all. */
export async function ping(topology: Topology, to: string, { count, intervalMs }: PingRequest): Promise<number[]> {
  const interval = (intervalMs / 1000).toFixed(3)
  const seconds = Math.ceil((count * intervalMs) / 1000) + 5
  const args = ['-n', '-i', interval, '-c', `${count}`, '-w', `${seconds}`, to]
  const { stdout } = await topology.inside('a', 'ping', args, seconds + 5)
  const times = [...stdout.matchAll(/time=([0-9.]+) ms/g)].map((match) => Number(match[1]))
  if (times.length === 0) throw new Error('ping got no answer')
  return times
}
