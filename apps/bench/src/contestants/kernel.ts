/** What the kernel itself carries: its WireGuard, opened by us and by `ip`; its IPsec; the bare link. */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { command } from '../run/command.js'
import type { Side, Topology } from '../run/topology.js'
import { hostTraffic } from '../traffic/host-traffic.js'
import { innerOf, topologyOf } from './contestant.js'
import type { Contestant, Found } from './contestant.js'
import { endProcess, startInside, whereIs } from './processes.js'
import type { Started } from './processes.js'
import { openWireGuardPair, WG_REMEDY } from './wireguard.js'

const NO_MODULE = {
  missing: 'this kernel has no WireGuard',
  remedy: 'modprobe wireguard; it is part of Linux since 5.6',
}

/** Tried in a namespace of its own, which goes with the process. */
async function findKernelWireGuard(): Promise<Found> {
  if (whereIs('wg') === null) return { missing: 'wg is needed to configure it', remedy: WG_REMEDY }
  const works = await succeeds('unshare', ['-n', 'ip', 'link', 'add', 'try0', 'type', 'wireguard'])
  return works ? { version: await kernelVersion() } : NO_MODULE
}

const addLink = (topology: Topology, side: Side, name: string): Promise<unknown> =>
  command('ip', ['-n', topology.namespace[side], 'link', 'add', name, 'type', 'wireguard'])

const kernelWireGuard: Contestant = {
  ...{
    name: 'kernel-wg',
    role: 'rival',
    reach: 'host',
    system: 'linux',
    about: "the kernel's WireGuard, made by ip and wg",
  },
  find: findKernelWireGuard,
  open: (place, slot) =>
    openWireGuardPair(
      place,
      slot,
      async (topology, side, name) => void (await addLink(topology, side, name)),
      () => null,
    ),
  async startOnce(place, name) {
    const topology = topologyOf(place)
    const started = performance.now()
    await addLink(topology, 'a', name)
    const readyMs = performance.now() - started
    await command('ip', ['-n', topology.namespace.a, 'link', 'delete', name])
    return readyMs
  },
}

function openByUs(topology: Topology, side: Side, name: string): Promise<Started> {
  const program = fileURLToPath(new URL('kernel-program.js', import.meta.url))
  return startInside(topology, side, [process.execPath, program, name], {
    isReady: (output) => output.includes('ready'),
  })
}

const linuxWg: Contestant = {
  ...{
    name: 'linux-wg',
    role: 'adapter',
    reach: 'host',
    system: 'linux',
    about: "the kernel's WireGuard, opened by wireweave",
  },
  find: findKernelWireGuard,
  open: (place, slot) =>
    openWireGuardPair(
      place,
      slot,
      async (topology, side, name) => void (await openByUs(topology, side, name)),
      () => null,
    ),
  async startOnce(place, name) {
    const { readyMs, child } = await openByUs(topologyOf(place), 'a', name)
    await endProcess(child)
    return readyMs
  },
}

/** ESP in tunnel mode with keys set by hand: the data path alone, without IKE. */
function ipsec(name: string, about: string, algorithm: string, keyBytes: number): Contestant {
  return {
    ...{ name, role: 'rival', reach: 'host', system: 'linux', about },
    async find() {
      const ends = { a: '192.0.2.1', b: '192.0.2.2' }
      const input = state(ends, 'a', 1, algorithm, randomBytes(keyBytes).toString('hex'))
      const works = await succeeds('unshare', ['-n', 'ip', '-batch', '-'], input)
      if (works) return { version: await kernelVersion() }
      return {
        missing: `this kernel has no ESP with ${algorithm}`,
        remedy: 'modprobe esp4 xfrm_user and the cipher; CONFIG_INET_ESP and CONFIG_XFRM_USER',
      }
    },
    async open(place, slot) {
      const topology = topologyOf(place)
      const inner = innerOf(slot)
      const ends = topology.underlay
      const keys = { a: randomBytes(keyBytes).toString('hex'), b: randomBytes(keyBytes).toString('hex') }
      for (const side of ['a', 'b'] as const) {
        const other = side === 'a' ? 'b' : 'a'
        const templateOf = (from: Side, to: Side): string =>
          `tmpl src ${ends[from]} dst ${ends[to]} proto esp reqid ${slot} mode tunnel`
        const lines = [
          `address add ${inner[side]}/32 dev lo`,
          `route add ${inner[other]}/32 via ${ends[other]} src ${inner[side]} mtu 1420`,
          `xfrm policy add src ${inner[side]}/32 dst ${inner[other]}/32 dir out ${templateOf(side, other)}`,
          `xfrm policy add src ${inner[other]}/32 dst ${inner[side]}/32 dir in ${templateOf(other, side)}`,
          state(ends, 'a', slot, algorithm, keys.a),
          state(ends, 'b', slot, algorithm, keys.b),
        ]
        // By standard input: arguments are there for every user to read.
        await command('ip', ['-n', topology.namespace[side], '-batch', '-'], { input: `${lines.join('\n')}\n` })
      }
      const traffic = hostTraffic(place, inner)
      await traffic.reach()
      return { traffic, usage: () => Promise.resolve(null) }
    },
  }
}

/** The security association for what `from` sends. */
function state(
  ends: Readonly<Record<Side, string>>,
  from: Side,
  slot: number,
  algorithm: string,
  keyHex: string,
): string {
  const to = from === 'a' ? 'b' : 'a'
  const spi = 0x1000 + slot * 2 + (from === 'a' ? 0 : 1)
  const selector = `src ${ends[from]} dst ${ends[to]} proto esp spi ${spi} reqid ${slot} mode tunnel`
  return `xfrm state add ${selector} aead ${algorithm} 0x${keyHex} 128\n`
}

const veth: Contestant = {
  ...{
    name: 'veth',
    role: 'ceiling',
    reach: 'host',
    system: 'linux',
    about: 'the link below, without a tunnel: the ceiling',
  },
  find: async () => ({ version: await kernelVersion() }),
  async open(place) {
    const traffic = hostTraffic(place, topologyOf(place).underlay)
    await traffic.reach()
    return { traffic, usage: () => Promise.resolve(null) }
  },
}

export const kernelContestants: readonly Contestant[] = [
  linuxWg,
  kernelWireGuard,
  ipsec('ipsec-aes256', 'kernel IPsec: ESP, AES-256-GCM, keys set by hand', "'rfc4106(gcm(aes))'", 36),
  ipsec(
    'ipsec-chacha20',
    'kernel IPsec: ESP, ChaCha20-Poly1305, keys set by hand',
    "'rfc7539esp(chacha20,poly1305)'",
    36,
  ),
  veth,
]

async function kernelVersion(): Promise<string> {
  return `Linux ${(await command('uname', ['-r'])).stdout.trim()}`
}

function succeeds(file: string, args: readonly string[], input = ''): Promise<boolean> {
  return command(file, args, { input }).then(
    () => true,
    () => false,
  )
}
