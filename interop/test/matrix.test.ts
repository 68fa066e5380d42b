/** Every peer, both roles, both outer and inner families, with and without a preshared key. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ours, peers } from '../rig/implementations.js'
import type { Implementation } from '../rig/implementations.js'
import { generatePresharedKey } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { connect, startBoth, wiredPair } from '../rig/topologies.js'
import type { Pair } from '../rig/topologies.js'
import { iperf, ping, pingLoss, reaches, udpLoss } from '../rig/traffic.js'
import type { End } from '../rig/tunnel.js'

for (const peer of peers) {
  describeWith(`with ${peer.name}`, [ours.need, peer.need, program('iperf3', 'iperf3')], () => matrix(peer))
}

function matrix(implementation: Implementation): void {
  let lab: Lab
  let pair: Pair
  beforeAll(async () => {
    lab = await Lab.open()
    pair = await wiredPair(lab, implementation)
  })
  afterAll(() => lab?.close())

  const we = (): End => pair.one
  const they = (): End => pair.two

  // Daemons of their own for each family: wireguard-go sends its first datagrams to a cut-off address when an endpoint
  // turns from IPv4 to IPv6 (it reuses a shorter buffer), and goes on after some handshake retries.
  describe.each(['IPv4', 'IPv6'] as const)('over %s', (family) => {
    beforeAll(() => startBoth(pair))
    afterAll(async () => {
      for (const end of [pair.one, pair.two]) await end.end()
    })

    test.each([
      ['we initiate', 'without a preshared key', we, undefined],
      ['we initiate', 'with a preshared key', we, generatePresharedKey],
      ['we respond', 'without a preshared key', they, undefined],
      ['we respond', 'with a preshared key', they, generatePresharedKey],
    ])('%s, %s: pings, TCP and UDP go both ways', async (_role, _psk, initiator, presharedKey) => {
      const from = initiator()
      const to = pair.otherThan(from)
      await connect(pair, { initiator: from, family, presharedKey: presharedKey?.() })
      expect(await reaches(from.host, to.v4)).toBe(true)
      for (const address of [to.v4, to.v6]) {
        expect(await pingLoss(from.host, address, '-f -c 200 -W 2 -s 1000')).toBeLessThanOrEqual(0.05)
      }
      for (const [client, server] of [
        [from, to],
        [to, from],
      ] as const) {
        const tcp = await iperf(client.host, server.host, server.v4, '-n 8M')
        expect(tcp.bytes).toBeGreaterThan(1_000_000)
        expect(await udpLoss(client.host, server.host, server.v6, '-b 20M -l 1300 -n 1M')).toBeLessThan(0.3)
      }
      const status = await pair.one.peer(pair.two.keys.publicKey)
      expect(Math.abs(status.latestHandshake - Date.now() / 1000)).toBeLessThan(60)
      expect(status.rxBytes).toBeGreaterThan(2_000_000)
      expect(status.txBytes).toBeGreaterThan(2_000_000)
    })

    test('a preshared key that only one side has keeps traffic out', async () => {
      await connect(pair, { initiator: pair.one, family })
      await pair.one.wg(`set peer ${pair.two.keys.publicKey} preshared-key /dev/stdin`, generatePresharedKey())
      expect(await ping(pair.one.host, pair.two.v4, '-c 2 -i 0.2 -W 1')).toMatchObject({ sent: 2, received: 0 })
    })

    test.each([
      ['we restart', we],
      ['they restart', they],
    ])('traffic goes on after %s', async (_, which) => {
      const restarted = which()
      const other = pair.otherThan(restarted)
      await connect(pair, { initiator: restarted, family })
      expect(await reaches(restarted.host, other.v4)).toBe(true)
      await restarted.end()
      await restarted.start()
      await restarted.up()
      const endpoint = pair.endpointOf(other, family)
      await restarted.configure({ publicKey: other.keys.publicKey, allowedIps: other.allowedIps, endpoint })
      expect(await reaches(restarted.host, other.v4, 8)).toBe(true)
      expect(await reaches(other.host, restarted.v4)).toBe(true)
    })
  })
}
