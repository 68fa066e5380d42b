/** The networks of the tests. */
import { eventually } from './command.js'
import { ours } from './implementations.js'
import type { Implementation } from './implementations.js'
import type { Host, Lab } from './lab.js'
import { ping } from './traffic.js'
import { End } from './tunnel.js'

type Family = 'IPv4' | 'IPv6'

export interface Pair {
  readonly one: End
  readonly two: End
  /** Where `end` receives, as its peer is told. */
  endpointOf(end: End, family?: Family): string
  otherThan(end: End): End
}

/** Inner addresses are 192.168.241.1 and .2, fd00::1 and ::2 everywhere. */
const INNER = [
  { interfaceName: 'wg1', port: 10000, v4: '192.168.241.1', v6: 'fd00::1' },
  { interfaceName: 'wg2', port: 20000, v4: '192.168.241.2', v6: 'fd00::2' },
] as const

/**
 * Two hosts on a wire, each with an end of its own. Nothing is started.
 *
 *   one ── wire0: 10.99.0.1, fd99::1 ──── 10.99.0.2, fd99::2 ── two
 */
export async function wiredPair(lab: Lab, implementation: Implementation = ours): Promise<Pair> {
  const hosts = [await lab.host('one'), await lab.host('two')] as const
  await lab.wire(...hosts, 'wire0')
  for (const [i, host] of hosts.entries()) {
    await host.ip(`address add 10.99.0.${i + 1}/24 dev wire0`)
    await host.ip(`address add fd99::${i + 1}/64 dev wire0 nodad`)
  }
  // An interface answers neighbour solicitations a second or two after it went up.
  await eventually('IPv6 works', async () => (await ping(hosts[0], 'fd99::2')).received > 0)
  const one = new End({ ...INNER[0], host: hosts[0], implementation: ours })
  const two = new End({ ...INNER[1], host: hosts[1], implementation })
  return pairOf(one, two, (end, family) => {
    const number = end === one ? 1 : 2
    return family === 'IPv4' ? `10.99.0.${number}` : `[fd99::${number}]`
  })
}

export interface RoutedPair extends Pair {
  /** Its interfaces are `one0` and `two0`: what leaves on one of them goes to that end. */
  readonly router: Host
}

/**
 * Two hosts with a router between them, where datagrams can be looked at and ill-treated on their way. `number` tells
 * several such pairs of a lab apart, in all names and in the inner addresses: 192.168.<number>.1 and .2, fd00:<number>::1
 * and ::2. Nothing is started.
 *
 *   one: wire0, 10.99.1.1, fd99:1::1 ── one0: router: two0 ── wire0: 10.99.2.1, fd99:2::1 :two
 */
export async function routedPair(
  lab: Lab,
  number: number,
  implementations: readonly [Implementation, Implementation],
): Promise<RoutedPair> {
  const router = await lab.host(`router${number}`)
  await router.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
  const ends = await Promise.all(
    implementations.map((implementation, i) => routedEnd(router, number, i, implementation)),
  )
  const [one, two] = ends as [End, End]
  return {
    router,
    ...pairOf(one, two, (end, family) => {
      const net = end === one ? 1 : 2
      return family === 'IPv4' ? `10.99.${net}.1` : `[fd99:${net}::1]`
    }),
  }
}

async function routedEnd(router: Host, number: number, i: number, implementation: Implementation): Promise<End> {
  const { lab } = router
  const name = i === 0 ? 'one' : 'two'
  const net = i + 1
  const host = await lab.host(`${name}${number}`)
  // Datagrams go over the wire one by one, not as a burst that is yet to be cut: what is captured is what arrives.
  const wire = `link add wire0 netns ${host.name} gso_max_segs 1 type veth peer name ${name}0 netns ${router.name}`
  await lab.run('ip', wire.split(' '))
  await host.run('sh', ['-e'], {
    input: `
      ip link set wire0 gso_max_segs 1
      ip link set wire0 up
      ip address add 10.99.${net}.1/24 dev wire0
      ip address add fd99:${net}::1/64 dev wire0 nodad`,
  })
  await router.run('sh', ['-e'], {
    input: `
      ip link set ${name}0 up
      ip address add 10.99.${net}.254/24 dev ${name}0
      ip address add fd99:${net}::fe/64 dev ${name}0 nodad`,
  })
  await host.ip(`route add default via 10.99.${net}.254`)
  await host.ip(`route add default via fd99:${net}::fe`)
  return new End({
    host,
    implementation,
    interfaceName: `${name}wg${number}`,
    port: 10000 * net,
    v4: `192.168.${number}.${net}`,
    v6: `fd00:${number}::${net}`,
  })
}

export interface LoopbackPair extends Pair {
  /** Where both daemons run and have their sockets. */
  readonly zero: Host
}

/**
 * The topology of wireguard-go's namespace test: both daemons in one namespace, their sockets on its loopback, their
 * interfaces moved to two others. Nothing is started.
 *
 *   one: wg1 ── zero: 127.0.0.1:10000 ──── 127.0.0.1:20000 ── two: wg2
 */
export async function loopbackPair(lab: Lab, mtu?: number): Promise<LoopbackPair> {
  const [zero, hostOne, hostTwo] = [await lab.host('zero'), await lab.host('one'), await lab.host('two')]
  const more = { implementation: ours, daemonHost: zero, ...(mtu === undefined ? {} : { mtu }) }
  const one = new End({ ...INNER[0], host: hostOne, ...more })
  const two = new End({ ...INNER[1], host: hostTwo, ...more })
  return { zero, ...pairOf(one, two, (_end, family) => (family === 'IPv4' ? '127.0.0.1' : '[::1]')) }
}

function pairOf(one: End, two: End, address: (end: End, family: Family) => string): Pair {
  return {
    one,
    two,
    endpointOf: (end, family = 'IPv4') => `${address(end, family)}:${end.port}`,
    otherThan: (end) => (end === one ? two : one),
  }
}

export async function startBoth({ one, two }: Pair): Promise<void> {
  for (const end of [one, two]) {
    await end.start()
    await end.up()
  }
}

export interface ConnectOptions {
  /** Who is told where the other is; both when absent. */
  readonly initiator?: End
  readonly family?: Family
  readonly presharedKey?: string | undefined
}

/** Replaces the configuration of both ends: each knows the other and nobody else. */
export async function connect(pair: Pair, options: ConnectOptions = {}): Promise<void> {
  const { initiator, family, presharedKey } = options
  for (const end of [pair.one, pair.two]) {
    const other = pair.otherThan(end)
    await end.configure({
      publicKey: other.keys.publicKey,
      allowedIps: other.allowedIps,
      ...(initiator === undefined || initiator === end ? { endpoint: pair.endpointOf(other, family) } : {}),
      ...(presharedKey === undefined ? {} : { presharedKey }),
    })
  }
}
