/** More than two minutes of traffic with every peer at once: sessions are replaced under way and nobody notices. */
import { expect, test } from 'vitest'
import { ours, peers } from '../rig/implementations.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { iperf, ping, reaches } from '../rig/traffic.js'
import { End } from '../rig/tunnel.js'

/** Past REKEY_AFTER_TIME of 120 s, with time for the handshake and some traffic after it. */
const SECONDS = 132

interface Tunnel {
  readonly name: string
  readonly us: End
  readonly them: End
}

describeWith('sessions', [ours.need, ...peers.map((peer) => peer.need), program('iperf3', 'iperf3')], () => {
  test('are replaced under traffic, with every peer and in both roles', async () => {
    await using lab = await Lab.open()
    const tunnels: Tunnel[] = []
    for (const [i, implementation] of peers.entries()) {
      for (const role of ['initiator', 'responder'] as const) tunnels.push(await openTunnel(i, implementation, role))
    }

    async function openTunnel(
      i: number,
      implementation: (typeof peers)[number],
      role: 'initiator' | 'responder',
    ): Promise<Tunnel> {
      const number = i * 2 + (role === 'initiator' ? 1 : 2)
      const [hostA, hostB] = [await lab.host(`a${number}`), await lab.host(`b${number}`)]
      await lab.wire(hostA, hostB, 'wire0')
      await hostA.ip('address add 10.99.0.1/24 dev wire0')
      await hostB.ip('address add 10.99.0.2/24 dev wire0')
      const us = new End({
        host: hostA,
        implementation: ours,
        interfaceName: `us${number}`,
        port: 51821,
        v4: '192.168.241.1',
        v6: 'fd00::1',
      })
      const them = new End({
        host: hostB,
        implementation,
        interfaceName: `them${number}`,
        port: 51822,
        v4: '192.168.241.2',
        v6: 'fd00::2',
      })
      for (const end of [us, them]) {
        await end.start()
        await end.up()
      }
      const [atUs, atThem] = ['10.99.0.1:51821', '10.99.0.2:51822']
      await us.configure({
        publicKey: them.keys.publicKey,
        allowedIps: them.allowedIps,
        ...(role === 'initiator' ? { endpoint: atThem } : {}),
      })
      await them.configure({
        publicKey: us.keys.publicKey,
        allowedIps: us.allowedIps,
        ...(role === 'responder' ? { endpoint: atUs } : {}),
      })
      return { name: `${implementation.name}, we are the ${role}`, us, them }
    }

    const results = await Promise.all(
      tunnels.map(async ({ name, us, them }) => {
        const [from, to] = name.endsWith('initiator') ? [us, them] : [them, us]
        expect(await reaches(from.host, to.v4), name).toBe(true)
        const first = (await us.peer(them.keys.publicKey)).latestHandshake
        const [pings, tcp, udp] = await Promise.all([
          ping(from.host, to.v4, `-i 0.2 -c ${SECONDS * 5} -W 2`, SECONDS + 300),
          iperf(from.host, to.host, to.v6, `-t ${SECONDS} -b 2M`),
          iperf(to.host, from.host, from.v4, `-u -t ${SECONDS} -b 500K -l 1200`),
        ])
        const last = (await us.peer(them.keys.publicKey)).latestHandshake
        return { name, first, last, pings, tcp, udp }
      }),
    )
    // A session that was not replaced in time would cost five seconds at once. A busy machine loses some here and there.
    for (const { name, first, last, pings, tcp, udp } of results) {
      expect(last - first, `${name}: seconds from the first handshake to the last`).toBeGreaterThanOrEqual(115)
      expect(pings.hole / 5, `${name}: seconds without pings`).toBeLessThan(4)
      expect(pings.received / pings.sent, `${name}: pings`).toBeGreaterThan(0.8)
      expect(udp.lostPackets / udp.packets, `${name}: lost UDP`).toBeLessThan(0.2)
      const silence = longestSilence(tcp.intervalBytes.slice(0, SECONDS))
      expect(silence, `${name}: seconds without TCP`).toBeLessThan(4)
    }
  }, 600_000)
})

/** How many of these seconds, one after the other, had no bytes. */
function longestSilence(bytes: readonly number[]): number {
  let [longest, now] = [0, 0]
  for (const count of bytes) {
    now = count === 0 ? now + 1 : 0
    longest = Math.max(longest, now)
  }
  return longest
}
