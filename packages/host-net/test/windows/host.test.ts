/** Bringing a tunnel up and down on a machine that is a model: iphlpapi's stand-in, with adapters of wireguard.dll's. */
import { loadDll } from '@wireweave/ffi/win32/library'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { formatIp, parseIp, parsePrefix } from '@wireweave/tunnel/ip'
import { afterEach, expect, test } from 'vitest'
import {
  adapterCount,
  backend,
  freshName,
  handleCount,
  IPHLPAPI,
  isUp,
  kill,
  networkRule,
  reset,
  rule,
  violations,
} from '../../../adapter-wgnt/test/windows/double.js'
import { formatCidr } from '../../src/action.js'
import type { Cidr } from '../../src/action.js'
import type { HostWishes } from '../../src/plan.js'
import { runPlan } from '../../src/run.js'
import type { Done } from '../../src/run.js'
import { addBypass, deleteBypass, removeStaleBypasses } from '../../src/win32/bypass.js'
import { DefaultRouteMonitor } from '../../src/win32/default-route.js'
import { gatherWindowsFacts } from '../../src/win32/facts.js'
import { WindowsHost } from '../../src/win32/host.js'
import { Machine } from '../../src/win32/machine.js'
import { planWindowsUp } from '../../src/win32/plan.js'

const FWPUCLNT = IPHLPAPI.replace('iphlp-double', 'fwpuclnt-double')
const NONE = 0xffff_ffff
const model = loadDll(
  IPHLPAPI,
  'unverified',
  {
    dns: ['DblDns', 'void', ['uint32_t', 'uint32_t', 'void *', 'uint32_t']],
    orphanedRoutes: ['DblOrphanedRoutes', 'uint32_t', []],
    defaultRoute: ['DblDefaultRoute', 'void', ['uint32_t', 'uint32_t', 'uint32_t']],
    card: ['DblCard', 'void', ['uint32_t', 'uint32_t', 'uint32_t']],
    staleAddress: ['DblStaleAddress', 'void', ['uint32_t', 'uint32_t']],
    live: ['DblLive', 'uint32_t', []],
    forgive: ['DblForgive', 'void', []],
  } as const,
  {},
).call

const machine = new Machine(IPHLPAPI)
const cidr = (text: string): Cidr => {
  const [address, length] = text.split('/')
  return { address: parseIp(address!)!, length: Number(length) }
}
const everything: Partial<HostWishes> = {
  addresses: ['10.0.0.2/24', 'fd00::2/64'].map(cidr),
  allowedIps: ['0.0.0.0/0', '::/0', '10.1.0.0/16'].map((text) => parsePrefix(text)!),
  dnsServers: ['10.0.0.1', 'fd00::1'].map((text) => parseIp(text)!),
  dnsSearch: ['example.com'],
}

interface Up {
  readonly name: string
  readonly tunnel: () => Tunnel
  readonly done: Done
}

async function up(more: Partial<HostWishes> = everything, bindingMs?: number, name = freshName()): Promise<Up> {
  let tunnel: Tunnel | null = null
  const opener = {
    open: async ({ mtu }: { readonly mtu: number }) => void (tunnel = await backend().open({ name, mtu })),
    up: async () => tunnel?.up(),
    close: async () => tunnel?.close(),
  }
  const host = new WindowsHost(opener, { machine, fwpuclnt: FWPUCLNT, ...(bindingMs !== undefined && { bindingMs }) })
  const wishes: HostWishes = {
    ...{ name, addresses: [], mtu: null, table: 'auto', fwmark: null, dnsServers: [], dnsSearch: [] },
    ...{ allowedIps: [], postUp: [], killSwitch: false, ...more },
  }
  const plan = planWindowsUp(wishes, gatherWindowsFacts(machine, [parseIp('192.0.2.9')!], false))
  const done = await runPlan(plan.steps, host)
  return { name, tunnel: () => tunnel!, done }
}

function dnsOf(index: number): string[] {
  return [0, 1].map((family) => {
    const text = new Uint8Array(256)
    model.dns(index, family, text, text.length)
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)))
  })
}

const picture = (): string[] => [
  ...machine.addresses().map((row) => `${row.luid} ${formatCidr(row)}`),
  ...([4, 6] as const).flatMap((family) =>
    machine.routes(family).map(({ luid, prefix, nextHop }) => `${luid} ${formatCidr(prefix)} ${formatIp(nextHop)}`),
  ),
]

const untouched = picture()

afterEach(() => {
  expect(violations()).toEqual([])
  expect([adapterCount(), handleCount(), model.live(), model.orphanedRoutes()]).toEqual([0, 0, 0, 0])
  reset()
  expect(picture()).toEqual(untouched)
})

test('a default route, both families, DNS: all of it is there, and then nothing is', async () => {
  const { name, tunnel, done } = await up()
  const luid = machine.luidOf(name)!
  const { index } = tunnel().interfaceRef!
  expect(isUp(name)).toBe(true)
  const own = picture()
    .filter((line) => line.startsWith(`${luid} `))
    .map((line) => line.split(' ').slice(1).join(' '))
  expect(own.toSorted()).toEqual(
    ['10.0.0.2/24', 'fd00::2/64', '0.0.0.0/0 0.0.0.0', '10.1.0.0/16 0.0.0.0', '::/0 ::'].toSorted(),
  )
  for (const family of [4, 6] as const) expect(machine.ipInterface(luid, family)).toEqual({ mtu: 1420, metric: 0 })
  expect(dnsOf(index)).toEqual(['10.0.0.1|example.com', 'fd00::1|example.com'])
  await done.undo()
})

test('without a default route the metric stays automatic', async () => {
  const { name, done } = await up({ addresses: [cidr('10.0.0.2/24')], allowedIps: [parsePrefix('10.0.0.0/8')!] })
  expect(machine.ipInterface(machine.luidOf(name)!, 4)).toEqual({ mtu: 1420, metric: 5 })
  await done.undo()
})

test.each(['route=5', 'address=5', 'interface=87', 'dns=5', 'up=52'])(
  'a failure (%s) leaves nothing behind',
  async (text) => {
    if (text.startsWith('up')) rule(text)
    else networkRule(text)
    await expect(up()).rejects.toMatchObject({
      code: text.endsWith('=5') ? 'PERMISSION_DENIED' : text === 'up=52' ? 'ADDRESS_IN_USE' : 'SYSTEM',
    })
  },
)

test('an adapter to which TCP/IP binds late is waited for', async () => {
  networkRule('appear=400')
  const { name, done } = await up()
  expect(machine.ipInterface(machine.luidOf(name)!, 6)).not.toBeNull()
  await done.undo()
})

test('where IPv6 is switched off, IPv4 is set up and IPv6 left out', async () => {
  networkRule('no-ipv6')
  const { name, done } = await up(everything, 300)
  const luid = machine.luidOf(name)!
  expect(picture().filter((line) => line.startsWith(`${luid} `) && line.includes('::'))).toEqual([])
  expect(machine.ipInterface(luid, 4)).toEqual({ mtu: 1420, metric: 0 })
  await done.undo()
})

test('where TCP/IP never binds at all it fails with the reason', async () => {
  networkRule('appear=1000000')
  await expect(up(everything, 200)).rejects.toMatchObject({ message: expect.stringContaining('did not bind') })
})

test('an address that a dead tunnel left behind is taken over', async () => {
  model.staleAddress(9, 0x0200_000a)
  const { name, done } = await up()
  expect(machine.addresses().filter(({ address }) => formatIp(address) === '10.0.0.2')).toMatchObject([
    { luid: machine.luidOf(name) },
  ])
  await done.undo()
})

test('an address of an interface that is up is not taken away', async () => {
  model.staleAddress(7, 0x0200_000a)
  await expect(up()).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', message: expect.stringContaining('ipconfig') })
  const [row] = machine.addresses()
  machine.deleteAddress(row!.luid, row!)
})

test('what went with the adapter is no error at the end', async () => {
  const { name, tunnel, done } = await up({ addresses: [cidr('10.0.0.2/24')] })
  kill(name)
  await tunnel().closed
  await done.undo()
})

test('what somebody else has removed is no error at the end', async () => {
  const { name, done } = await up()
  const luid = machine.luidOf(name)!
  machine.deleteAddress(luid, cidr('10.0.0.2/24'))
  machine.deleteRoute(luid, cidr('0.0.0.0/0'), null)
  await done.undo()
})

test('a removal that fails is told, and the rest goes on', async () => {
  const { done } = await up({ addresses: [cidr('10.0.0.2/24')], allowedIps: [parsePrefix('10.5.0.0/16')!] })
  networkRule('delete-route=5*1')
  await expect(done.undo()).rejects.toThrow('left behind, because "netsh interface ipv4 delete route 10.5.0.0/16')
  expect(adapterCount()).toBe(0)
  // The adapter took it along; the model counts that.
  expect(model.orphanedRoutes()).toBe(1)
  model.forgive()
})

test('a way around the tunnel leads to the gateway of the endpoint, and goes again', async () => {
  const endpoint = parseIp('198.51.100.7')!
  const facts = gatherWindowsFacts(machine, [endpoint], true)
  expect(facts).toMatchObject({ pathMtu: 1500, bypasses: [{ endpoint, nextHop: parseIp('192.168.7.1') }] })
  const { luid, nextHop } = facts.bypasses[0]!
  const host = new WindowsHost(null, { machine })
  const bypass = { endpoint, luid, nextHop }
  expect(await host.perform({ tag: 'addBypass', ...bypass })).toBe(true)
  expect(await host.perform({ tag: 'addBypass', ...bypass })).toBe(false)
  expect(machine.bestRoute(endpoint)!.prefix.length).toBe(32)
  expect(await host.perform({ tag: 'deleteBypass', ...bypass })).toBe(true)
  expect(await host.perform({ tag: 'deleteBypass', ...bypass })).toBe(false)
})

test('a way that a killed run left is removed when it would be another one today, and only ours', () => {
  const endpoint = parseIp('198.51.100.7')!
  const { luid, nextHop } = machine.bestRoute(endpoint)!
  const elsewhere = parseIp('192.168.7.99')!
  const way = { endpoint, luid, nextHop }
  const ways = (): string[] => picture().filter((line) => line.includes('198.51.100.7/32'))
  expect(addBypass(machine, { ...way, nextHop: elsewhere })).toBe(0)
  removeStaleBypasses(machine, [parseIp('198.51.100.8')!])
  expect(ways()).toHaveLength(1)
  removeStaleBypasses(machine, [endpoint])
  expect(ways()).toEqual([])
  expect(addBypass(machine, way)).toBe(0)
  removeStaleBypasses(machine, [endpoint])
  expect(ways()).toHaveLength(1)
  expect(deleteBypass(machine, way)).toBe(0)
  // Of a metric that is not ours: somebody has his reasons.
  expect(machine.addRoute(luid, cidr('198.51.100.7/32'), elsewhere)).toBe(0)
  removeStaleBypasses(machine, [endpoint])
  expect(ways()).toHaveLength(1)
  expect(machine.deleteRoute(luid, cidr('198.51.100.7/32'), elsewhere)).toBe(0)
})

test('the default route is followed: another card, another MTU, none, and back', async () => {
  const seen: [number, number | null, number?][] = []
  const monitor = new DefaultRouteMonitor(
    machine,
    0n,
    (family, route) => seen.push(route === null ? [family, null] : [family, route.index, route.mtu]) > 0,
  )
  model.defaultRoute(8, 0, 0)
  model.card(7, 0, 1500)
  monitor.look()
  model.card(8, 1, 1300)
  monitor.look()
  model.defaultRoute(8, 0, NONE)
  monitor.look()
  model.card(7, 1, 1500)
  model.card(8, 1, 1400)
  monitor.look()
  monitor.close()
  expect(seen).toEqual([
    ...[
      [4, 7, 1500],
      [6, 7, 1500],
    ],
    ...[
      [4, 8, 1400],
      [6, null],
    ],
    [4, 8, 1300],
    [4, null],
    ...[
      [4, 7, 1500],
      [6, 7, 1500],
    ],
  ])
})

test('a hook is a command line of cmd.exe, which takes no program from the current folder', async () => {
  const host = new WindowsHost(null, { machine })
  const run = (command: string): Promise<boolean> => host.perform({ tag: 'hook', command })
  expect(await run('if "a b"=="a b" exit 0')).toBe(true)
  expect(await run('if not defined NoDefaultCurrentDirectoryInExePath exit 3')).toBe(true)
  await expect(run('exit 7')).rejects.toThrow('"exit 7" ended with code 7')
})
