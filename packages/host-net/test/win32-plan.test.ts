import { parseIp, parsePrefix } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { describeWindowsAction } from '../src/action.js'
import type { Cidr } from '../src/action.js'
import type { HostPlan, HostWishes } from '../src/plan.js'
import { planWindowsUp } from '../src/win32/plan.js'
import type { WindowsFacts } from '../src/win32/plan.js'

const cidr = (text: string): Cidr => {
  const [address, length] = text.split('/')
  return { address: parseIp(address!)!, length: Number(length) }
}
const wishes: HostWishes = {
  ...{ name: 'wg0', addresses: [cidr('10.0.0.2/24')], mtu: null, table: 'auto', fwmark: null },
  ...{ dnsServers: [], dnsSearch: [], allowedIps: [parsePrefix('10.0.0.0/8')!], postUp: [], killSwitch: false },
}
const facts: WindowsFacts = { pathMtu: 1500, bypasses: [] }
const words = (plan: HostPlan): string[] => plan.steps.map((step) => describeWindowsAction(step.do))
const plan = (more: Partial<HostWishes> = {}, known: Partial<WindowsFacts> = {}): string[] =>
  words(planWindowsUp({ ...wishes, ...more }, { ...facts, ...known }))

test('routes come before addresses, then the settings, family by family, then hooks', () => {
  const all = {
    addresses: ['fd00::2/64', '10.0.0.2/24'].map(cidr),
    allowedIps: ['::/0', '10.0.0.0/8', '10.0.0.0/8', '0.0.0.0/0'].map((text) => parsePrefix(text)!),
    dnsServers: ['10.0.0.1', 'fd00::1', '10.0.0.3'].map((text) => parseIp(text)!),
    dnsSearch: ['example.com', 'corp'],
    postUp: ['echo %i'],
  }
  expect(plan(all)).toEqual([
    'wireweave open wg0 mtu 1420',
    'netsh interface set interface "wg0" admin=enabled',
    'netsh interface ipv4 add route 10.0.0.0/8 "wg0"',
    'netsh interface ipv4 add route 0.0.0.0/0 "wg0"',
    'netsh interface ipv4 add address "wg0" 10.0.0.2/24',
    'netsh interface ipv4 set interface "wg0" mtu=1420 metric=0',
    'netsh interface ipv4 set dnsservers "wg0" static 10.0.0.1,10.0.0.3 search example.com,corp',
    'netsh interface ipv6 add route ::/0 "wg0"',
    'netsh interface ipv6 add address "wg0" fd00::2/64',
    'netsh interface ipv6 set interface "wg0" mtu=1420 metric=0',
    'netsh interface ipv6 set dnsservers "wg0" static fd00::1 search example.com,corp',
    'echo wg0',
  ])
})

test('what is done can be taken back, DNS first and the tunnel last', () => {
  const { steps } = planWindowsUp({ ...wishes, dnsServers: [parseIp('10.0.0.1')!] }, facts)
  const undos = steps.flatMap(({ undo }) => undo ?? []).toReversed()
  expect(undos.map(describeWindowsAction)).toEqual([
    'netsh interface ipv4 set dnsservers "wg0" static none',
    'netsh interface ipv4 delete address "wg0" 10.0.0.2/24',
    'netsh interface ipv4 delete route 10.0.0.0/8 "wg0"',
    'wireweave close wg0',
  ])
})

test('a family that is used gets its DNS also when there is none: a run that was killed may have left some', () => {
  expect(plan().at(-1)).toBe('netsh interface ipv4 set dnsservers "wg0" static none')
  expect(plan({ dnsSearch: ['corp'] }).at(-1)).toBe('netsh interface ipv4 set dnsservers "wg0" static none search corp')
})

test('a family of which nothing is said is left alone', () => {
  expect(plan().filter((line) => line.includes('ipv6'))).toEqual([])
  expect(plan({ addresses: [], allowedIps: [] })).toHaveLength(2)
})

test('only a default route makes the interface come before others', () => {
  expect(plan().filter((line) => line.includes('metric'))).toEqual([])
  const halves = ['0.0.0.0/1', '128.0.0.0/1'].map((text) => parsePrefix(text)!)
  expect(plan({ allowedIps: halves }).filter((line) => line.includes('metric'))).toEqual([])
})

test('Table = off adds no route, and no way around', () => {
  const bypasses = [{ endpoint: parseIp('10.9.9.9')!, luid: 1n, nextHop: parseIp('192.168.1.1')! }]
  const lines = plan({ table: 'off' }, { bypasses })
  expect(lines.filter((line) => line.includes('route'))).toEqual([])
})

test('a way around the tunnel goes to endpoints that its routes cover, before those', () => {
  const way = (text: string): WindowsFacts['bypasses'][number] => ({
    ...{ endpoint: parseIp(text)!, luid: 1n, nextHop: parseIp('192.168.1.1')! },
  })
  const lines = plan({}, { bypasses: [way('10.9.9.9'), way('192.0.2.1'), way('10.9.9.9')] })
  expect(lines.slice(1, 4)).toEqual([
    'netsh interface set interface "wg0" admin=enabled',
    'netsh interface ipv4 add route 10.9.9.9/32 nexthop=192.168.1.1',
    'netsh interface ipv4 add route 10.0.0.0/8 "wg0"',
  ])
})

test('the MTU leaves room for the tunnel, is at least what Windows takes, and what was asked for comes first', () => {
  const mtus = (more: Partial<HostWishes>, pathMtu: number): string[] =>
    plan({ addresses: ['10.0.0.2/24', 'fd00::2/64'].map(cidr), ...more }, { pathMtu }).flatMap(
      (line) => /mtu=(\d+)/.exec(line)?.[1] ?? [],
    )
  expect(mtus({}, 1400)).toEqual(['1320', '1320'])
  expect(mtus({}, 1280)).toEqual(['1200', '1280'])
  expect(mtus({}, 100)).toEqual(['576', '1280'])
  expect(mtus({ mtu: 1380 }, 1400)).toEqual(['1380', '1380'])
})

test('what Windows does not have is refused', () => {
  expect(() => plan({ table: 51820 })).toThrow('one routing table')
  expect(plan({ table: 254 })).toEqual(plan())
})

test('the kill switch is on before the tunnel is up, and off after its routes are gone', () => {
  const { steps } = planWindowsUp({ ...wishes, killSwitch: true }, facts)
  expect(words(planWindowsUp({ ...wishes, killSwitch: true }, facts)).slice(0, 3)).toEqual([
    'wireweave open wg0 mtu 1420',
    'wireweave kill-switch on "wg0"',
    'netsh interface set interface "wg0" admin=enabled',
  ])
  const undos = steps.flatMap(({ undo }) => undo ?? []).toReversed()
  expect(undos.map(({ tag }) => tag)).toEqual(['deleteAddress', 'deleteRoute', 'removeKillSwitch', 'closeTunnel'])
})
