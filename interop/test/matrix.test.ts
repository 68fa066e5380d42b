/** Every peer, both roles, both outer and inner families, with and without a preshared key. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ours, peers } from '../rig/implementations.js'
import type { Implementation } from '../rig/implementations.js'
import { generatePresharedKey } from '../rig/keys.js'
import { eventually } from '../rig/command.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { iperf, ping, reaches } from '../rig/traffic.js'
import { End } from '../rig/tunnel.js'

const OUTER = {
  IPv4: { us: '10.99.0.1', them: '10.99.0.2' },
  IPv6: { us: '[fd99::1]', them: '[fd99::2]' },
}
type Family = keyof typeof OUTER

for (const peer of peers) {
  describeWith(`with ${peer.name}`, [ours.need, peer.need, program('iperf3', 'iperf3')], () => matrix(peer))
}

function matrix(implementation: Implementation): void {
  let lab: Lab
  let us: End
  let them: End

  beforeAll(async () => {
    lab = await Lab.open()
    const [hostA, hostB] = [await lab.host('a'), await lab.host('b')]
    await lab.wire(hostA, hostB, 'wire0')
    await hostA.ip('address add 10.99.0.1/24 dev wire0')
    await hostB.ip('address add 10.99.0.2/24 dev wire0')
    await hostA.ip('address add fd99::1/64 dev wire0 nodad')
    await hostB.ip('address add fd99::2/64 dev wire0 nodad')
    // An interface answers neighbour solicitations a second or two after it went up.
    await eventually('IPv6 works', async () => (await ping(hostA, 'fd99::2')).received > 0)
    us = new End({
      host: hostA,
      implementation: ours,
      interfaceName: 'wg1',
      port: 51821,
      v4: '192.168.241.1',
      v6: 'fd00::1',
    })
    them = new End({
      host: hostB,
      implementation,
      interfaceName: 'wg2',
      port: 51822,
      v4: '192.168.241.2',
      v6: 'fd00::2',
    })
  })
  afterAll(() => lab?.close())

  // Daemons of their own for each family: wireguard-go sends its first datagrams to a cut-off address when an endpoint
  // turns from IPv4 to IPv6 (it reuses a shorter buffer), and goes on after some handshake retries.
  describe.each(['IPv4', 'IPv6'] as const)('over %s', (family) => {
    beforeAll(async () => {
      for (const end of [us, them]) {
        await end.start()
        await end.up()
      }
    })
    afterAll(async () => {
      for (const end of [us, them]) await end.end()
    })

    const endpointOf = (end: End): string => `${OUTER[family][end === us ? 'us' : 'them']}:${end.port}`
    const otherThan = (end: End): End => (end === us ? them : us)

    /** Forgets what was, and lets only the initiator know where the other is. */
    async function connect(initiator: End, presharedKey?: string): Promise<void> {
      for (const end of [us, them]) {
        const other = otherThan(end)
        await end.configure({
          publicKey: other.keys.publicKey,
          allowedIps: other.allowedIps,
          ...(end === initiator ? { endpoint: endpointOf(other) } : {}),
          ...(presharedKey === undefined ? {} : { presharedKey }),
        })
      }
    }

    test.each([
      ['we initiate', 'without a preshared key', () => us, undefined],
      ['we initiate', 'with a preshared key', () => us, generatePresharedKey],
      ['we respond', 'without a preshared key', () => them, undefined],
      ['we respond', 'with a preshared key', () => them, generatePresharedKey],
    ])('%s, %s: pings, TCP and UDP go both ways', async (_role, _psk, initiator, presharedKey) => {
      const from = initiator()
      const to = otherThan(from)
      await connect(from, presharedKey?.())
      expect(await reaches(from.host, to.v4)).toBe(true)
      for (const address of [to.v4, to.v6]) {
        expect((await ping(from.host, address, '-f -c 200 -W 2 -s 1000')).received).toBeGreaterThanOrEqual(190)
      }
      for (const [client, server] of [
        [from, to],
        [to, from],
      ] as const) {
        const tcp = await iperf(client.host, server.host, server.v4, '-n 8M')
        expect(tcp.bytes).toBeGreaterThan(1_000_000)
        const udp = await iperf(client.host, server.host, server.v6, '-u -b 20M -l 1300 -n 1M')
        expect(udp.lostPackets / udp.packets).toBeLessThan(0.3)
      }
      const status = await us.peer(them.keys.publicKey)
      expect(Math.abs(status.latestHandshake - Date.now() / 1000)).toBeLessThan(60)
      expect(status.rxBytes).toBeGreaterThan(2_000_000)
      expect(status.txBytes).toBeGreaterThan(2_000_000)
    })

    test('a preshared key that only one side has keeps traffic out', async () => {
      await connect(us)
      await us.wg(`set peer ${them.keys.publicKey} preshared-key /dev/stdin`, generatePresharedKey())
      expect(await ping(us.host, them.v4, '-c 2 -i 0.2 -W 1')).toEqual({ sent: 2, received: 0 })
    })

    test.each([
      ['we restart', () => us],
      ['they restart', () => them],
    ])('traffic goes on after %s', async (_, which) => {
      const restarted = which()
      const other = otherThan(restarted)
      await connect(restarted)
      expect(await reaches(restarted.host, other.v4)).toBe(true)
      await restarted.end()
      await restarted.start()
      await restarted.up()
      await restarted.configure({
        publicKey: other.keys.publicKey,
        allowedIps: other.allowedIps,
        endpoint: endpointOf(other),
      })
      expect(await reaches(restarted.host, other.v4, 8)).toBe(true)
      expect(await reaches(other.host, restarted.v4)).toBe(true)
    })
  })
}
