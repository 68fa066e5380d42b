/** What can be seen from outside of our device and of the kernel's, given the same to do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Capture, trafficClass, udpPayload } from '../../rig/capture.js'
import { eventually } from '../../rig/command.js'
import { kernel, ours } from '../../rig/implementations.js'
import { generateKeyPair } from '../../rig/keys.js'
import { Lab } from '../../rig/lab.js'
import { describeWith, program } from '../../rig/needs.js'
import { connect, routedPair, startBoth } from '../../rig/topologies.js'
import type { RoutedPair } from '../../rig/topologies.js'
import { ChecksumServer, ping, reaches, sendChecked, sendSizes } from '../../rig/traffic.js'

/** Header of transport data and tag. */
const OVERHEAD_BYTES = 32
const CHECKSUM_PORT = 5400
const EXPEDITED = 0xb8

const needs = [
  ours.need,
  kernel.need,
  program('tcpdump', 'tcpdump'),
  program('tc', 'iproute2'),
  program('bash', 'bash'),
]

describeWith('we and the kernel', needs, () => {
  let lab: Lab
  /** We send to the kernel, the kernel sends to us, and the kernel to itself. */
  let sending: RoutedPair
  let receiving: RoutedPair
  let pairs: readonly RoutedPair[]

  beforeAll(async () => {
    lab = await Lab.open()
    pairs = await Promise.all([
      routedPair(lab, 1, [ours, kernel]),
      routedPair(lab, 2, [kernel, ours]),
      routedPair(lab, 3, [kernel, kernel]),
    ])
    ;[sending, receiving] = pairs as [RoutedPair, RoutedPair, RoutedPair]
    for (const pair of pairs) await startBoth(pair)
    // The queue that a TUN gets, fq_codel, drops packets when a slow machine makes them wait.
    for (const { host, interfaceName } of [sending.one, receiving.two])
      await host.run('tc', `qdisc replace dev ${interfaceName} root pfifo limit 1000`.split(' '))
  })
  afterAll(() => lab?.close())

  /** Does it with every pair at once, each connected over `family`, and expects the same of all. Returns that. */
  async function alike<T>(family: 'IPv4' | 'IPv6', work: (pair: RoutedPair) => Promise<T>): Promise<T> {
    const [one, two, three] = await Promise.all(
      pairs.map(async (pair) => {
        await connect(pair, { initiator: pair.one, family })
        expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
        return work(pair)
      }),
    )
    expect(one, 'from us to the kernel').toEqual(three)
    expect(two, 'from the kernel to us').toEqual(three)
    return three!
  }

  describe.each(['IPv4', 'IPv6'] as const)('over %s', (family) => {
    test('pad to 16 bytes, but not beyond the MTU', async () => {
      const sizes = [...Array.from({ length: 40 }, (_, i) => i), ...Array.from({ length: 34 }, (_, i) => 1359 + i)]
      const lengths = await alike(family, async ({ one, two }) => {
        await using capture = await Capture.open(one.host, 'wire0', `udp and src port ${one.port} and greater 100`)
        await sendSizes(one.host, two.v4, sizes)
        return (await capture.take(sizes.length)).map((packet) => udpPayload(packet).length)
      })
      const inner = sizes.map((size) => 20 + 8 + size)
      expect(lengths).toEqual(inner.map((length) => Math.min(Math.ceil(length / 16) * 16, 1420) + OVERHEAD_BYTES))
    })

    test('carry the congestion marks, and no other bit of the traffic class', async () => {
      const classes = [0, 1, 2, 3].map((ecn) => EXPEDITED | ecn)
      const seen = await alike(family, async ({ one, two, router }) => {
        const outside = await Capture.open(one.host, 'wire0', `udp and src port ${one.port} and greater 240`)
        const inside = await Capture.open(two.host, two.interfaceName, `dst host ${two.v4} or dst host ${two.v6}`)
        await using _outside = outside
        await using _inside = inside
        for (const value of classes) {
          for (const address of [two.v4, two.v6]) await ping(one.host, address, `-c 1 -W 5 -s 200 -Q ${value}`)
        }
        // Each datagram that can be marked is, and everything else is lost: also the question where `two` is.
        await router.ip(`neighbour change ${family === 'IPv4' ? '10.99.2.1' : 'fd99:2::1'} dev two0 nud permanent`)
        await router.run('tc', 'qdisc add dev two0 root netem loss 100% ecn'.split(' '))
        for (const value of classes) {
          for (const address of [two.v4, two.v6]) await ping(one.host, address, `-c 1 -W 1 -s 200 -Q ${value}`)
        }
        await router.run('tc', 'qdisc delete dev two0 root'.split(' '))
        return {
          outside: (await outside.take(16)).map(trafficClass),
          inside: (await inside.take(14)).map(trafficClass),
        }
      })
      const twice = (values: number[]): number[] => values.flatMap((value) => [value, value])
      const [none, one, zero, congested] = classes as [number, number, number, number]
      expect(seen.outside).toEqual([...twice([0, 1, 2, 2]), ...twice([0, 1, 2, 2])])
      expect(seen.inside).toEqual(twice([none, one, zero, congested, congested, congested, congested]))
    })
  })

  test('tell TCP of the congestion that a queue on the way marks', async () => {
    const delivered = await Promise.all(
      pairs.map(async (pair) => {
        const { one, two, router } = pair
        await connect(pair, { initiator: one })
        for (const { host } of [one, two]) await host.run('sysctl', ['-qw', 'net.ipv4.tcp_ecn=1'])
        await router.run('sh', ['-e'], {
          input: `
            tc qdisc add dev two0 root handle 1: tbf rate 3mbit burst 4kb limit 400kb
            tc qdisc add dev two0 parent 1: fq_codel ce_threshold 2ms
            tc qdisc add dev one0 root netem delay 5ms`,
        })
        await using _ = await ChecksumServer.open(two.host, CHECKSUM_PORT)
        expect(await reaches(one.host, two.v4)).toBe(true)
        expect(await sendChecked(one.host, two.v4, CHECKSUM_PORT, 300_000)).toBe(true)
        const counters = await one.host.run('nstat', ['-asz', 'TcpExtTCPDeliveredCE'])
        const queue = await router.run('tc', '-s qdisc show dev two0'.split(' '))
        for (const device of ['one0', 'two0']) await router.run('tc', `qdisc delete dev ${device} root`.split(' '))
        return {
          marked: Number(/ce_mark (\d+)/.exec(queue)?.[1] ?? 0),
          told: Number(/TcpExtTCPDeliveredCE +(\d+)/.exec(counters)?.[1] ?? 0),
        }
      }),
    )
    for (const { marked, told } of delivered) {
      expect(marked).toBeGreaterThan(0)
      expect(told).toBeGreaterThan(0)
    }
  })

  test('answer a packet for nobody, and one for a peer without a place, with the same error', async () => {
    const answers = await alike('IPv4', async ({ one, router }) => {
      const stranger = generateKeyPair().publicKey
      const [net4, net6] = [one.v4.replace(/\d+$/, ''), one.v6.replace(/\d+$/, '')]
      await one.wg(`set peer ${stranger} allowed-ips ${net4}78/32,${net6}78/128`)
      await one.host.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
      await router.ip(`route add ${net4}0/24 via 10.99.1.1`)
      await router.ip(`route add ${net6}0/64 via fd99:1::1`)
      await using errors = await Capture.open(router, 'one0', '(icmp and icmp[0] = 3) or (icmp6 and ip6[40] = 1)')
      const said: string[] = []
      for (const host of [one.host, router]) {
        for (const address of [`${net4}77`, `${net6}77`, `${net4}78`, `${net6}78`]) {
          const { stdout } = await host.attempt('ping', ['-c', '1', '-W', '5', '-s', '1350', address])
          said.push(/icmp_seq=1 (.*)/.exec(stdout)?.[1] ?? stdout)
        }
      }
      const tcp = await one.host.attempt('bash', ['-c', `exec 3<>/dev/tcp/${net4}77/9`])
      said.push(/: ([A-Z][a-z ]+)$/m.exec(tcp.stderr)?.[1] ?? tcp.stderr)
      await one.wg(`set peer ${stranger} remove`)
      for (const net of [`${net4}0/24`, `${net6}0/64`]) await router.ip(`route delete ${net}`)
      return { said, lengths: (await errors.take(4)).map((packet) => packet.length) }
    })
    const [four, six] = ['Destination Host Unreachable', 'Destination unreachable: Address unreachable']
    expect(answers.said).toEqual([four, six, four, six, four, six, four, six, 'No route to host'])
    expect(answers.lengths).toEqual([576, 1280, 576, 1280])
  })

  // The kernel asks the route, which a TUN does not tell of.
  test('differ where a route has a smaller MTU than the interface: we pad up to 15 bytes more', async () => {
    const lengths = await Promise.all(
      [sending, receiving].map(async (pair) => {
        const { one, two } = pair
        await connect(pair, { initiator: one })
        expect(await reaches(one.host, two.v4)).toBe(true)
        await one.host.ip(`route add ${two.v4}/32 dev ${one.interfaceName} mtu 1275`)
        await using capture = await Capture.open(one.host, 'wire0', `udp and src port ${one.port} and greater 240`)
        await sendSizes(one.host, two.v4, [1274 - 28])
        const [packet] = await capture.take(1)
        await one.host.ip(`route delete ${two.v4}/32 dev ${one.interfaceName}`)
        return udpPayload(packet!).length
      }),
    )
    expect(lengths).toEqual([1280 + OVERHEAD_BYTES, 1275 + OVERHEAD_BYTES])
  })

  test('differ in what counts as received: we count what is authentic, the kernel what it lets through', async () => {
    const missing = await Promise.all(
      [sending, receiving].map(async (pair) => {
        const { one, two } = pair
        await connect(pair, { initiator: one })
        expect(await reaches(one.host, two.v4)).toBe(true)
        await two.wg(`set peer ${one.keys.publicKey} allowed-ips ${one.v4}/32`)
        // 40 bytes of IPv6, 8 of ICMP and 56 more are padded to 112.
        expect(await ping(one.host, two.v6, '-c 3 -i 0.2 -W 1')).toMatchObject({ sent: 3, received: 0 })
        let difference = -1
        const settled = async (): Promise<boolean> => {
          const [sent, received] = [await one.peer(two.keys.publicKey), await two.peer(one.keys.publicKey)]
          difference = sent.txBytes - received.rxBytes
          return sent.rxBytes === received.txBytes
        }
        await eventually('both are at rest', settled)
        return difference
      }),
    )
    expect(missing).toEqual([3 * (112 + OVERHEAD_BYTES), 0])
  })
})
