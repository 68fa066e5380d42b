/** What `wireweave-bench` can only measure where the kernel has it: opened by the benchmark's own code, and carrying traffic. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contestants } from '../../../apps/bench/dist/contestants/all.js'
import type { Carrier, Place } from '../../../apps/bench/dist/contestants/contestant.js'
import { measurements } from '../../../apps/bench/dist/run/measurements.js'
import { openTopology } from '../../../apps/bench/dist/run/topology.js'
import type { Topology } from '../../../apps/bench/dist/run/topology.js'

const WIREGUARD = ['kernel-wg', 'linux-wg']
const IPSEC = ['ipsec-aes256', 'ipsec-chacha20']
const names = [...WIREGUARD, ...IPSEC]
const tag = 'wwbk'

let topology: Topology
let place: Place
beforeAll(async () => {
  topology = await openTopology(tag)
  place = { topology, tag, dlls: {}, generator: 'iperf3', closers: [] }
})
afterAll(async () => {
  for (const close of place.closers) await close()
  await topology.close()
})

const contestantOf = (name: string) => contestants.find((each) => each.name === name)!
const tcp = measurements.find(({ id }) => id === 'tcp-4')!

test.each(names)('%s is found, opened, measured, and is what carries the traffic', async (name) => {
  const contestant = contestantOf(name)
  expect(await contestant.find({})).toEqual({ version: expect.stringMatching(/^Linux 6/) })
  const carrier = await contestant.open(place, names.indexOf(name) + 1)
  const before = await protectedBytes(name)
  const { values } = await tcp.sample({ contestant, carrier, place }, 1)
  expect(values['tcp-4']).toBeGreaterThan(0)
  // A rate is over the receiver's time, which may be a little shorter or longer than the second.
  const carried = (await protectedBytes(name)) - before
  expect(carried).toBeGreaterThan((values['tcp-4']! * 1e9 * 0.5) / 8)
  await expectHandshake(name, carrier)
  expect(await carrier.usage()).toBeNull()
})

async function expectHandshake(name: string, { handshake }: Carrier): Promise<void> {
  if (IPSEC.includes(name)) expect(handshake).toBeUndefined()
  else expect(await handshake!()).toBeGreaterThan(0)
}

/** What went into the tunnel on side a, by the kernel's own count. */
async function protectedBytes(name: string): Promise<number> {
  const slot = names.indexOf(name) + 1
  if (WIREGUARD.includes(name)) {
    const { stdout } = await topology.inside('a', 'wg', ['show', `${tag}${slot}a`, 'transfer'])
    return Number(stdout.trim().split(/\s/)[2])
  }
  const { stdout } = await topology.inside('a', 'ip', ['-s', 'xfrm', 'state', 'list', 'reqid', `${slot}`])
  return [...stdout.matchAll(/(\d+)\(bytes\), \d+\(packets\)/g)].reduce((sum, match) => sum + Number(match[1]), 0)
}
