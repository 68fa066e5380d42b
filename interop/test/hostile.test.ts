/** Strangers: junk, forgeries and floods at the port of a tunnel that is in use. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ours } from '../rig/implementations.js'
import { Lab } from '../rig/lab.js'
import { describeWith } from '../rig/needs.js'
import { connect, startBoth, wiredPair } from '../rig/topologies.js'
import type { Pair } from '../rig/topologies.js'
import { flood, ping, reaches } from '../rig/traffic.js'
import type { FloodKind } from '../rig/traffic.js'

describeWith('under attack', [ours.need], () => {
  let lab: Lab
  let pair: Pair
  beforeEach(async () => {
    lab = await Lab.open()
    pair = await wiredPair(lab)
    await startBoth(pair)
    await connect(pair)
    expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
  })
  afterEach(() => lab.close())

  async function residentKilobytes(): Promise<number> {
    const lines = (await lab.run('ps', ['ax', '-o', 'rss=,args='])).split('\n')
    return Number(/\d+/.exec(lines.find((line) => line.includes('wg2') && !line.includes('ip netns'))!)![0])
  }

  test.each<[string, FloodKind]>([
    ['junk of all lengths', 'junk'],
    ['handshakes with a right first MAC from many ports', 'initiations'],
    ['data for sessions that there are not', 'data'],
  ])('%s does not stop a tunnel, fill its memory or its log', async (_, kind) => {
    const { one, two } = pair
    const before = await two.peer(one.keys.publicKey)
    // A first flood brings memory to where it stays.
    await flood(one.host, '10.99.0.2', two.port, kind, two.keys.publicKey, 1)
    const resident = await residentKilobytes()
    const pinging = ping(one.host, two.v4, '-i 0.05 -c 60 -W 2')
    const sent = await flood(one.host, '10.99.0.2', two.port, kind, two.keys.publicKey, 3)
    expect(sent).toBeGreaterThan(1_000)
    expect((await pinging).received).toBeGreaterThanOrEqual(40)
    expect(await residentKilobytes()).toBeLessThan(resident * 1.5 + 30_000)
    const log = readFileSync(path.join(lab.folder, 'wg2.log'), 'utf8')
    expect(log.split('\n').length).toBeLessThan(200)
    // Nobody was taken for the peer, and it is still served.
    const after = await two.peer(one.keys.publicKey)
    expect(after.endpoint).toBe(before.endpoint)
    expect(after.latestHandshake).toBe(before.latestHandshake)
    expect((await ping(one.host, two.v4)).received).toBe(1)
  })

  test('a new session is made under a flood of handshakes', async () => {
    const { one, two } = pair
    const flooding = flood(one.host, '10.99.0.2', two.port, 'initiations', two.keys.publicKey, 15)
    await sleep(1_000)
    await connect(pair, { initiator: one })
    expect(await reaches(one.host, two.v4, 10)).toBe(true)
    await flooding
  })
})
