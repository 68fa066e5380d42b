/** The same configuration brought up by `wg-quick` and by us leaves the same network, and nothing after `down`. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseDocument } from '@wireweave/config/conf-document'
import { showConf, stripConf } from '@wireweave/config/conf-format'
import { describeAction } from '@wireweave/host-net/action'
import type { HostAction } from '@wireweave/host-net/action'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { down } from '../src/down.js'
import { up } from '../src/up.js'
import { Host, missing, sh } from './support/host.js'

const lacking = missing(['wg', 'wg-quick', 'wireguard-go', 'nft', 'ip'])
const name = `wwq${process.pid % 100000}`
const PRIVATE = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk='
const ALICE = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='
const BOB = 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0='

function conf(device: string, ...peers: string[]): string {
  const keys = [ALICE, BOB]
  const sections = peers.map((peer, i) => `[Peer]\nPublicKey = ${keys[i]}\n${peer}\n`)
  return `[Interface]\nPrivateKey = ${PRIVATE}\n${device}\n\n${sections.join('\n')}`
}

const V4 = 'Endpoint = 192.0.2.254:51820'

const CONFIGURATIONS: Record<string, string> = {
  'an address whose network has the peer': conf('Address = 10.6.0.1/24', `AllowedIPs = 10.6.0.2/32\n${V4}`),
  'both families and routes beyond': conf(
    'Address = 10.6.0.1/24, fd06::1/64',
    `AllowedIPs = 10.7.0.0/16, fd07::/48, fd06::2/128\n${V4}`,
  ),
  'single addresses and nested routes': conf(
    'Address = 10.6.0.1, fd06::1',
    `AllowedIPs = 10.0.0.0/8, 10.6.0.0/24, fd06::1/128\n${V4}`,
    'AllowedIPs = 10.6.0.7/32',
  ),
  'all of IPv4': conf('Address = 10.6.0.1/24', `AllowedIPs = 0.0.0.0/0\n${V4}`),
  'all of both': conf('Address = 10.6.0.1/24, 10.6.1.1/32, fd06::1/64', `AllowedIPs = 0.0.0.0/0, ::/0\n${V4}`),
  'all of both with a mark of its own': conf(
    'Address = 10.6.0.1/24, fd06::1/64\nFwMark = 0x1234',
    `AllowedIPs = 0.0.0.0/0, ::/0\n${V4}`,
  ),
  'no routes': conf('Address = 10.6.0.1/24\nTable = off', `AllowedIPs = 0.0.0.0/0\n${V4}`),
  'routes in another table': conf(
    'Address = 10.6.0.1/24, fd06::1/64\nTable = 1234',
    `AllowedIPs = 0.0.0.0/0, 10.6.0.0/24, ::/0\n${V4}`,
  ),
  'halves instead of a default': conf('Address = 10.6.0.1/24', `AllowedIPs = 0.0.0.0/1, 128.0.0.0/1\n${V4}`),
  'DNS servers and domains': conf(
    'Address = 10.6.0.1/24\nDNS = 10.6.0.53, fd00::53, corp.example\nDNS = lab.example',
    `AllowedIPs = 10.6.0.0/24\n${V4}`,
  ),
  'a given MTU': conf('Address = 10.6.0.1/24\nMTU = 1300', `AllowedIPs = 10.6.0.0/24\n${V4}`),
  'a narrow way to the endpoint': conf(
    'Address = 10.6.0.1/24',
    'AllowedIPs = 10.6.0.0/24\nEndpoint = 198.51.100.7:51820',
  ),
  'an IPv6 endpoint': conf('Address = fd06::1/64', 'AllowedIPs = fd07::/64\nEndpoint = [2001:db8::fe]:51820'),
  'no endpoint': conf('Address = 10.6.0.1/24\nListenPort = 51877', 'AllowedIPs = 10.7.0.0/24'),
  'nothing but an interface': '[Interface]\n',
  'odd spelling and hooks': conf(
    'address=10.6.0.1/24 # here\nPREUP = ip route add 203.0.113.0/24 dev up0\nPostUp=ip route add 10.99.0.0/16 dev %i\nPostDown = ip route del 203.0.113.0/24 dev up0',
    `allowedips=10.6.0.0/24,10.8.1.1/16\n${V4}`,
  ),
}

describe.skipIf(lacking !== null)(`up and down (needs ${lacking ?? 'nothing more'})`, () => {
  let host: Host
  let before: Record<string, unknown>
  beforeAll(() => {
    host = new Host()
    before = host.see()
  })
  afterAll(() => {
    host?.remove()
    // A daemon that was killed leaves its socket.
    rmSync(`/var/run/wireguard/${name}.sock`, { force: true })
  })

  const quick = (command: string, file: string): string =>
    sh(`wg-quick ${command} ${file} 2>&1`, {
      WG_QUICK_USERSPACE_IMPLEMENTATION: 'wireguard-go',
      WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD: '1',
    })

  test.each(Object.entries(CONFIGURATIONS))('%s', async (_, text) => {
    const file = host.write(name, text)
    const theirWords = wordsOf(quick('up', file))
    const theirs = host.see()
    const theirMark = sh(`wg show ${name} fwmark`).trim()
    const theirConf = sh(`wg showconf ${name}`)
    expect(stripConf(parseDocument(text))).toBe(sh(`wg-quick strip ${file}`))
    quick('down', file)
    const theirDns = host.readDnsLog()
    await until(() => !sh('ip link').includes(name))
    expect(host.see()).toEqual(before)
    {
      const words: string[] = []
      const onAction = (action: HostAction): void => void words.push(`[#] ${describeAction(action)}\n`)
      await using tunnel = await up({ config: file, adapter: 'linux-tun', onAction })
      expect(host.see()).toEqual(theirs)
      expect(wordsOf(words.join(''))).toEqual(theirWords)
      const [snapshot, secrets] = [await tunnel.tunnel.snapshot(), await tunnel.tunnel.secrets()]
      expect(comparableConf(showConf(snapshot, secrets))).toBe(comparableConf(theirConf))
      expect(Number(theirMark === 'off' ? 0 : theirMark)).toBe((await tunnel.tunnel.snapshot()).fwmark ?? 0)
    }
    expect(host.see()).toEqual(before)
    expect(host.readDnsLog()).toBe(theirDns)
  })

  test('what wg-quick brought up we take down, also when its daemon was killed', async () => {
    const file = host.write(name, CONFIGURATIONS['all of both']!)
    quick('up', file)
    await down({ config: file })
    expect(host.see()).toEqual(before)
    for (const how of ['down', 'up'] as const) {
      quick('up', file)
      for (const pid of host.daemons()) process.kill(pid, 'SIGKILL')
      await until(() => !sh('ip link').includes(name))
      expect(host.see()).not.toEqual(before)
      if (how === 'down') await down({ config: file })
      else await (await up({ config: file, adapter: 'linux-tun' })).down()
      expect(host.see()).toEqual(before)
    }
    await expect(down({ config: file })).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
  })

  test('what we brought up wg-quick could take down: the rest goes with the interface', async () => {
    const tunnel = await up({ config: host.write(name, CONFIGURATIONS['all of both']!), adapter: 'linux-tun' })
    sh(`ip link delete dev ${name}`)
    await tunnel.closed
    expect(host.see()).toEqual(before)
  })

  test('an interface that is not WireGuard is left alone', async () => {
    await expect(down({ config: 'up0' })).rejects.toThrow(/up0 was left alone: it is no WireGuard interface/)
    expect(host.see()).toEqual(before)
  })

  test("another program's TUN is left alone, though a file has its name, and a killed daemon its socket", async () => {
    const file = host.write(name, conf('Address = 10.6.0.1/24, fd06::1/64', `AllowedIPs = 10.6.0.0/24\n${V4}`))
    quick('up', file)
    for (const pid of host.daemons()) process.kill(pid, 'SIGKILL')
    await until(() => !sh('ip link').includes(name))
    sh(`ip tuntap add dev ${name} mode tun && ip address add 10.6.0.1/24 dev ${name}`)
    try {
      const refused = down({ config: file })
      await expect(refused).rejects.toThrow(/was left alone.*kind tun.*"ip link delete dev/)
      expect(sh('ip link')).toContain(name)
      // With all of the addresses it is the tunnel of a program that called up().
      sh(`ip address add fd06::1/64 dev ${name} nodad`)
      await down({ config: file })
    } finally {
      sh(`ip link delete dev ${name} 2>&1 || true`)
    }
    expect(host.see()).toEqual(before)
  })
})

/** What was said to be done, in the order of wg-quick, but for how each of us opens the tunnel and calls nft. */
function wordsOf(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.startsWith('[#] '))
  const comparable = lines.filter((line) => !/^\[#\] (wireweave|wireguard-go|wg |ip link add|nft )/.test(line))
  // wg-quick repeats an address as it was written.
  return comparable
    .map((line) => line.replace(/(add [0-9.]+) dev/, '$1/32 dev').replace(/(add [0-9a-f:]+) dev/, '$1/128 dev'))
    .sort()
}

/** The port is any that was free, and each device lists prefixes in an order of its own. */
function comparableConf(text: string): string {
  const sorted = text
    .replace(/ListenPort = .*/, 'ListenPort = any')
    .replaceAll(/AllowedIPs = (.*)/g, (_, list: string) => `AllowedIPs = ${list.split(', ').sort().join(', ')}`)
  const [device, ...peers] = sorted.trim().split('\n\n')
  return [device, ...peers.map((peer) => peer.trim()).sort()].join('\n\n')
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2400 && !condition(); i++) await sleep(25)
}
