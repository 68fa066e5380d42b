/** Where a peer is, and from which of our addresses we answer it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../rig/command.js'
import { ours } from '../rig/implementations.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { connect, loopbackPair, startBoth, wiredPair } from '../rig/topologies.js'
import { ping, pingLoss, reaches } from '../rig/traffic.js'
import { End } from '../rig/tunnel.js'

describeWith('endpoints', [ours.need], () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await Lab.open()
  })
  afterEach(() => lab.close())

  async function endpointSeenBy(end: End, peer: End): Promise<string> {
    return (await end.peer(peer.keys.publicKey)).endpoint
  }

  test('a peer that moves is followed, over IPv4 and over IPv6', async () => {
    const pair = await loopbackPair(lab)
    const { one, two, zero } = pair
    await startBoth(pair)
    await connect(pair, { initiator: one })
    expect(await reaches(one.host, two.v4)).toBe(true)
    expect(await endpointSeenBy(two, one)).toBe('127.0.0.1:10000')

    await one.wg('set listen-port 9999')
    await zero.ip('address delete 127.0.0.1/8 dev lo')
    await zero.ip('address add 127.212.121.99/8 dev lo')
    expect(await reaches(one.host, two.v4)).toBe(true)
    expect(await endpointSeenBy(two, one)).toBe('127.212.121.99:9999')

    await one.wg(`set listen-port 9998 peer ${two.keys.publicKey} endpoint [::1]:20000`)
    expect(await reaches(one.host, two.v4)).toBe(true)
    expect(await endpointSeenBy(two, one)).toBe('[::1]:9998')
    // And the other way: who was followed can be reached.
    expect(await reaches(two.host, one.v6)).toBe(true)
  })

  test('the port changes while traffic flows', async () => {
    const pair = await loopbackPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    expect(await reaches(one.host, two.v4)).toBe(true)
    const pinging = ping(one.host, two.v4, '-i 0.02 -c 150 -W 1')
    for (const port of [10001, 10002, 10003]) {
      await sleep(500)
      await one.wg(`set listen-port ${port}`)
    }
    const { received } = await pinging
    expect(received).toBeGreaterThanOrEqual(140)
    expect(await one.wg('show listen-port')).toBe('10003\n')
    expect(await endpointSeenBy(two, one)).toBe('127.0.0.1:10003')
  })

  test('a port that is taken is refused, and the old one goes on', async () => {
    const pair = await loopbackPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    expect(await reaches(one.host, two.v4)).toBe(true)
    await expect(one.wg(`set listen-port ${two.port}`)).rejects.toThrow(/Address already in use/)
    expect(await one.wg('show listen-port')).toBe('10000\n')
    expect(await reaches(one.host, two.v4)).toBe(true)
  })

  test.each([
    ['IPv4', '10.99.0', '/24', (address: string) => address],
    ['IPv6', 'fd99:', '/64', (address: string) => `[${address}]`],
  ])(
    'an answer leaves from the address that was asked, whichever of several it is, over %s',
    async (_, net, length, bracket) => {
      const pair = await wiredPair(lab)
      const { one, two } = pair
      const addresses = [11, 12, 13, 14].map((number) => (net.endsWith(':') ? `${net}:${number}` : `${net}.${number}`))
      for (const address of addresses)
        await two.host.run('ip', [
          'address',
          'add',
          `${address}${length}`,
          'dev',
          'wire0',
          ...(net.endsWith(':') ? ['nodad'] : []),
        ])
      await startBoth(pair)
      await connect(pair, { initiator: one })
      for (const address of [...addresses, ...addresses.toReversed()]) {
        const endpoint = `${bracket(address)}:${two.port}`
        await one.wg(`set peer ${two.keys.publicKey} endpoint ${endpoint}`)
        expect(await reaches(one.host, two.v4)).toBe(true)
        expect(await pingLoss(one.host, two.v4, '-c 20 -f -W 2')).toBeLessThanOrEqual(0.05)
        expect(await endpointSeenBy(one, two)).toBe(endpoint)
      }
    },
  )

  test.each([
    ['IPv4', '10.99.0.1/24', '10.99.0.21', '/24', '10.99.0.21'],
    ['IPv6', 'fd99::1/64', 'fd99::21', '/64', '[fd99::21]'],
  ] as const)('an address that goes away is not clung to, over %s', async (family, old, fresh, length, seen) => {
    const pair = await wiredPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair, { family })
    // Both ways, so that each has an address of its own in mind.
    expect(await reaches(one.host, two.v4)).toBe(true)
    expect(await reaches(two.host, one.v4)).toBe(true)
    await one.host.ip(`address delete ${old} dev wire0`)
    await one.host.ip(`address add ${fresh}${length} dev wire0${family === 'IPv6' ? ' nodad' : ''}`)
    expect(await reaches(one.host, two.v4)).toBe(true)
    expect(await endpointSeenBy(two, one)).toBe(`${seen}:${one.port}`)
  })

  // Our source address may not belong to the new route: it is given up when the peer was silent for 15 s.
  test('a route that changes takes the traffic with it', async () => {
    const pair = await wiredPair(lab)
    const { one, two } = pair
    await lab.wire(one.host, two.host, 'wire1')
    await one.host.ip('address add 10.98.0.1/24 dev wire1')
    await two.host.ip('address add 10.98.0.2/24 dev wire1')
    await two.host.ip('address add 10.97.0.2/32 dev lo')
    await one.host.ip('route add 10.97.0.2/32 via 10.99.0.2 metric 20')
    await startBoth(pair)
    await connect(pair, { initiator: one })
    await one.wg(`set peer ${two.keys.publicKey} endpoint 10.97.0.2:${two.port}`)
    expect(await reaches(one.host, two.v4)).toBe(true)
    expect(await endpointSeenBy(two, one)).toBe(`10.99.0.1:${one.port}`)
    await one.host.ip('route add 10.97.0.2/32 via 10.98.0.2 metric 10')
    await one.host.ip('route delete 10.97.0.2/32 via 10.99.0.2 metric 20')
    await one.host.ip('link set wire0 down')
    await eventually(
      'traffic takes the new route',
      async () => {
        await ping(one.host, two.v4, '-c 1 -W 1')
        return (await endpointSeenBy(two, one)) === `10.98.0.1:${one.port}`
      },
      30,
    )
  })
})

describeWith('behind a NAT', [ours.need, program('nft', 'nftables')], () => {
  describe.each([
    ['a keepalive every second keeps the way open', 1, true],
    ['without a keepalive the way closes', 0, false],
  ])('whose memory is two seconds', (title, persistentKeepalive, open) => {
    test(title, async () => {
      await using lab = await Lab.open()
      const [inside, router, outside] = [await lab.host('inside'), await lab.host('router'), await lab.host('outside')]
      await lab.wire(inside, router, 'in0')
      await lab.wire(router, outside, 'out0')
      await inside.ip('address add 192.168.1.100/24 dev in0')
      await inside.ip('route add default via 192.168.1.1')
      await router.ip('address add 192.168.1.1/24 dev in0')
      await router.ip('address add 10.0.0.1/24 dev out0')
      await outside.ip('address add 10.0.0.100/24 dev out0')
      await router.run('nft', ['-f', '-'], { input: NAT })
      for (const setting of [
        'net.ipv4.ip_forward=1',
        'net.netfilter.nf_conntrack_udp_timeout=2',
        'net.netfilter.nf_conntrack_udp_timeout_stream=2',
      ]) {
        await router.run('sysctl', ['-qw', setting])
      }
      const one = new End({
        host: inside,
        implementation: ours,
        interfaceName: 'wg1',
        port: 10000,
        v4: '192.168.241.1',
        v6: 'fd00::1',
      })
      const two = new End({
        host: outside,
        implementation: ours,
        interfaceName: 'wg2',
        port: 20000,
        v4: '192.168.241.2',
        v6: 'fd00::2',
      })
      for (const end of [one, two]) {
        await end.start()
        await end.up()
      }
      await two.configure({ publicKey: one.keys.publicKey, allowedIps: one.allowedIps })
      await one.configure({
        publicKey: two.keys.publicKey,
        allowedIps: two.allowedIps,
        endpoint: '10.0.0.100:20000',
        persistentKeepalive,
      })
      expect(await reaches(one.host, two.v4)).toBe(true)
      expect((await two.peer(one.keys.publicKey)).endpoint).toMatch(/^10\.0\.0\.1:/)
      await sleep(5_000)
      expect((await ping(two.host, one.v4, '-c 1 -W 2')).received).toBe(open ? 1 : 0)
    })
  })
})

const NAT = `
table ip nat {
  chain postrouting {
    type nat hook postrouting priority 100
    oifname "out0" masquerade random
  }
}
table ip filter {
  chain forward {
    type filter hook forward priority 0; policy drop
    iifname "in0" accept
    ct state established,related accept
  }
}
`
