import { parseIp, parsePrefix } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { describeAction } from '../src/action.js'
import { planUp } from '../src/plan.js'
import type { HostFacts, HostWishes } from '../src/plan.js'

const FACTS: HostFacts = {
  freeTable: 51820,
  pathMtu: 1500,
  firewall: { tool: 'nft', program: '/usr/sbin/nft' },
  dns: { tool: 'resolvconf', program: '/usr/sbin/resolvconf', prefix: 'tun.' },
  hasSrcValidMark: true,
}

const prefix = (text: string): IpPrefix => parsePrefix(text)!
const cidr = (text: string): { address: Uint8Array; length: number } => {
  const [address, length] = text.split('/')
  return { address: parseIp(address!)!, length: Number(length) }
}

function wishes(overrides: Partial<HostWishes> = {}): HostWishes {
  return {
    ...{ name: 'wg0', addresses: [cidr('10.0.0.2/24')], mtu: null, table: 'auto', dnsServers: [], dnsSearch: [] },
    ...{ allowedIps: [prefix('10.0.0.1/32')], fwmark: null, postUp: [], killSwitch: false },
    ...overrides,
  }
}

function lines(overrides: Partial<HostWishes> = {}, facts: Partial<HostFacts> = {}): string[] {
  return planUp(wishes(overrides), { ...FACTS, ...facts }).steps.map((step) => describeAction(step.do))
}

test('a plan for everything reads like wg-quick, with narrow routes first', () => {
  const allowedIps = ['0.0.0.0/0', '192.168.0.0/16', '::/0', '10.0.0.0/24', '0.0.0.0/0'].map(prefix)
  const addresses = [cidr('10.0.0.2/24'), cidr('fd00::2/64')]
  expect(
    lines({ addresses, allowedIps, dnsServers: [parseIp('10.0.0.1')!], dnsSearch: ['corp'], postUp: ['echo %i'] }),
  ).toEqual([
    'wireweave open wg0 mtu 1420 fwmark 51820',
    'ip -4 address add 10.0.0.2/24 dev wg0',
    'ip -6 address add fd00::2/64 dev wg0',
    'ip link set mtu 1420 up dev wg0',
    'resolvconf -a tun.wg0 -m 0 -x',
    'ip -4 route add 192.168.0.0/16 dev wg0',
    'ip -4 route add 0.0.0.0/0 dev wg0 table 51820',
    'ip -4 rule add not fwmark 51820 table 51820',
    'ip -4 rule add table main suppress_prefixlength 0',
    'sysctl -q net.ipv4.conf.all.src_valid_mark=1',
    'nft -f -',
    'ip -6 route add ::/0 dev wg0 table 51820',
    'ip -6 rule add not fwmark 51820 table 51820',
    'ip -6 rule add table main suppress_prefixlength 0',
    'nft -f -',
    'echo wg0',
  ])
})

test('a mark from the configuration is also the table, a free one otherwise, none without a default route', () => {
  const all = [prefix('0.0.0.0/0')]
  expect(planUp(wishes({ allowedIps: all, fwmark: 7 }), FACTS).fwmark).toBe(7)
  expect(planUp(wishes({ allowedIps: all }), { ...FACTS, freeTable: 51823 }).fwmark).toBe(51823)
  expect(planUp(wishes({ allowedIps: all, fwmark: 0 }), FACTS).fwmark).toBe(51820)
  expect(planUp(wishes(), FACTS).fwmark).toBeNull()
  expect(planUp(wishes({ allowedIps: all, table: 'off' }), FACTS).fwmark).toBeNull()
})

test('a network that an address brings along needs no route', () => {
  expect(lines().join()).not.toContain('route')
  expect(lines({ allowedIps: [prefix('10.0.0.0/23')] }).join()).toContain('route add 10.0.0.0/23')
  expect(lines({ addresses: [cidr('10.0.0.2/32')], allowedIps: [prefix('10.0.0.2/32')] }).join()).toContain('route')
  expect(lines({ table: 1234 }).join()).toContain('ip -4 route add 10.0.0.1/32 dev wg0 table 1234')
})

test('the MTU is that of the path less 80, or the one that was asked for', () => {
  expect(planUp(wishes(), { ...FACTS, pathMtu: 1492 }).mtu).toBe(1412)
  expect(planUp(wishes({ mtu: 1280 }), FACTS).mtu).toBe(1280)
})

test('what is missing is said before anything is done', () => {
  expect(() => lines({ dnsServers: [parseIp('1.1.1.1')!] }, { dns: null })).toThrow(
    /no resolvconf or systemd-resolved here\. Install/,
  )
  expect(() => lines({ allowedIps: [prefix('0.0.0.0/0')] }, { firewall: null })).toThrow(/needs nft or iptables/)
  const firewall = { tool: 'iptables', directory: '/usr/sbin' } as const
  expect(() => lines({ killSwitch: true }, { firewall })).toThrow(/the kill switch needs nft/)
})

test('every step that leaves something behind has the opposite for its undoing', () => {
  const allowedIps = ['0.0.0.0/0', '192.168.0.0/16', '::/0'].map(prefix)
  const { steps } = planUp(wishes({ allowedIps, killSwitch: true, dnsServers: [parseIp('1.1.1.1')!] }), FACTS)
  for (const step of steps) {
    if (step.do.tag === 'setLinkUp' || step.do.tag === 'setSysctl') continue
    expect(step.undo).not.toBeNull()
    if (step.do.tag.startsWith('add'))
      expect(describeAction(step.undo!)).toBe(describeAction(step.do).replace(' add ', ' delete '))
  }
})

test('systemd-resolved gets servers and domains of the link, and all names', () => {
  const dns = { tool: 'resolvectl', program: '/usr/bin/resolvectl' } as const
  expect(lines({ dnsServers: [parseIp('1.1.1.1')!, parseIp('fd00::53')!], dnsSearch: ['corp'] }, { dns })).toEqual(
    expect.arrayContaining(['resolvectl dns wg0 1.1.1.1 fd00::53', 'resolvectl domain wg0 ~. corp']),
  )
})

test('the kill switch is in place before the first route', () => {
  const { steps } = planUp(wishes({ allowedIps: [prefix('0.0.0.0/0')], killSwitch: true }), FACTS)
  const inputs = steps.map((step) => (step.do.tag === 'command' ? step.do.input : step.do.tag))
  const at = inputs.findIndex((input) => input.includes('wireweave-kill-wg0'))
  expect(at).toBeLessThan(inputs.indexOf('addRoute'))
  expect(inputs[at]).toContain('meta mark 51820 accept')
})
