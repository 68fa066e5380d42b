/** REKEY_AFTER_TIME in real time, beside the other tests: who opened the session replaces it, and nobody notices. */
import { expect, test } from 'vitest'
import { Capture } from '../../rig/capture.js'
import { kernel, ours } from '../../rig/implementations.js'
import { Lab } from '../../rig/lab.js'
import { describeWith, program } from '../../rig/needs.js'
import { connect, routedPair, startBoth } from '../../rig/topologies.js'
import { ping, reaches } from '../../rig/traffic.js'

/** Past the 120 s, with time for the handshake and some traffic after it. */
const SECONDS = 128
const INITIATION = 1

describeWith('sessions with the kernel', [ours.need, kernel.need, program('tcpdump', 'tcpdump')], () => {
  test('are replaced after two minutes, by us and by the kernel', async () => {
    await using lab = await Lab.open()
    const pairs = [await routedPair(lab, 1, [ours, kernel]), await routedPair(lab, 2, [kernel, ours])]
    const results = await Promise.all(
      pairs.map(async (pair) => {
        const { one, two } = pair
        await startBoth(pair)
        await using initiations = await Capture.open(one.host, 'wire0', `udp and udp[8] = ${INITIATION}`)
        await connect(pair, { initiator: one })
        expect(await reaches(one.host, two.v4)).toBe(true)
        const first = (await two.peer(one.keys.publicKey)).latestHandshake
        const both = [ping(one.host, two.v4, `-i 0.5 -c ${SECONDS * 2} -W 5`, SECONDS + 60)]
        both.push(ping(two.host, one.v6, `-i 0.5 -c ${SECONDS * 2} -W 5`, SECONDS + 60))
        const pings = await Promise.all(both)
        const last = (await two.peer(one.keys.publicKey)).latestHandshake
        const senders = initiations.packets.map((packet) => packet.subarray(12, 16).join('.'))
        return { name: one.implementation.name, between: last - first, pings, senders }
      }),
    )
    for (const { name, between, pings, senders } of results) {
      expect(between, `${name}: seconds between the first handshake and the last`).toBeGreaterThanOrEqual(115)
      for (const { sent, received } of pings) expect(received / sent, name).toBeGreaterThan(0.97)
      expect(senders.length, name).toBeGreaterThanOrEqual(2)
      expect(new Set(senders), name).toEqual(new Set(['10.99.1.1']))
    }
  })
})
