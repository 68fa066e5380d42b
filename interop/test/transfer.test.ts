/** Packets of all sizes, as in the first stages of wireguard-go's namespace test: interfaces away from their sockets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ours } from '../rig/implementations.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { connect, loopbackPair, startBoth } from '../rig/topologies.js'
import type { LoopbackPair } from '../rig/topologies.js'
import { iperf, ping, pingLoss, reaches, udpLoss } from '../rig/traffic.js'

describeWith('interfaces in other namespaces than their sockets', [ours.need, program('iperf3', 'iperf3')], () => {
  /** 34 816 bytes of packet at most in wireguard-go, of which an ordinary tunnel has 80 of 1500. */
  describe.each([1420, 34_736])('with an MTU of %i', (mtu) => {
    let lab: Lab
    let pair: LoopbackPair
    beforeAll(async () => {
      lab = await Lab.open()
      pair = await loopbackPair(lab, mtu)
      await startBoth(pair)
    })
    afterAll(() => lab?.close())

    test('ten pings and a handshake count exactly', async () => {
      const { one, two } = pair
      await connect(pair, { initiator: one })
      expect(await ping(one.host, two.v4, '-c 10 -f -W 2')).toMatchObject({ sent: 10, received: 10 })
      const [ofOne, ofTwo] = [await one.peer(two.keys.publicKey), await two.peer(one.keys.publicKey)]
      // 84 bytes are padded to 96 and get 32 around them: 128 each. Initiation 148, response 92; a keepalive has 32.
      expect(ofOne.rxBytes).toBe(92 + 10 * 128)
      expect([148 + 10 * 128, 148 + 10 * 128 + 32]).toContain(ofOne.txBytes)
      expect([ofTwo.rxBytes, ofTwo.txBytes]).toEqual([ofOne.txBytes, ofOne.rxBytes])
      expect(Math.abs(ofOne.latestHandshake - Date.now() / 1000)).toBeLessThan(30)
      expect(Math.abs(ofTwo.latestHandshake - Date.now() / 1000)).toBeLessThan(30)
    })

    test.each(['IPv4', 'IPv6'] as const)('everything goes over %s', async (family) => {
      const { one, two } = pair
      await connect(pair, { family })
      expect(await reaches(one.host, two.v4)).toBe(true)
      for (const address of [two.v4, two.v6]) {
        for (const size of [0, 1, mtu - 48, mtu, 20_000]) {
          const loss = await pingLoss(one.host, address, `-c 20 -f -W 2 -s ${size}`)
          expect(loss, `${size} bytes to ${address}`).toBeLessThanOrEqual(0.05)
        }
      }
      for (const [client, server, address] of [
        [one, two, two.v4],
        [two, one, one.v6],
      ] as const) {
        expect((await iperf(client.host, server.host, address, '-n 60M')).bytes).toBeGreaterThan(40_000_000)
        expect((await iperf(client.host, server.host, address, '-n 30M -P 5')).bytes).toBeGreaterThan(10_000_000)
        const words = `-b 100M -l ${mtu - 60} -n 10M`
        expect(await udpLoss(client.host, server.host, address, words)).toBeLessThan(0.3)
      }
    })
  })
})

describe.each([
  ['without offloads', { WIREWEAVE_OFFLOADS: 'off' }],
  ["on Node's own sockets", { WIREWEAVE_SOCKETS: 'dgram' }],
  ['sealed by several threads', { WIREWEAVE_SEALING_WORKERS: '2' }],
])('%s', (title, env) => {
  describeWith('as well', [ours.need, program('iperf3', 'iperf3')], () => {
    test(`everything goes ${title}`, async () => {
      await using lab = await Lab.open()
      const pair = await loopbackPair(lab)
      const { one, two } = pair
      for (const end of [one, two]) {
        await end.start(env)
        await end.up()
      }
      for (const family of ['IPv4', 'IPv6'] as const) {
        await connect(pair, { family })
        expect(await reaches(one.host, two.v4)).toBe(true)
        expect(await pingLoss(two.host, one.v6, '-c 100 -f -W 2 -s 2000')).toBeLessThanOrEqual(0.05)
        expect((await iperf(one.host, two.host, two.v4, '-n 20M')).bytes).toBeGreaterThan(10_000_000)
        expect(await udpLoss(two.host, one.host, one.v6, '-b 10M -l 1300 -n 1M')).toBeLessThan(0.3)
      }
    })
  })
})
