/** `up` on a model of Windows: the stand-ins for wireguard.dll, wintun.dll and iphlpapi.dll. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemDll } from '@wireweave/ffi/win32/system'
import { Machine } from '@wireweave/host-net/win32/machine'
import { openDgramBind } from '@wireweave/device/shell/bind-dgram'
import type { OpenBind } from '@wireweave/device/shell/bind'
import { describeWindowsAction } from '@wireweave/host-net/action'
import { formatIp } from '@wireweave/tunnel/ip'
import { afterEach, expect, test } from 'vitest'
import {
  adapterCount,
  freshName,
  handleCount,
  IPHLPAPI,
  isUp,
  kill,
  OPTIONS,
  reset,
  rule,
  violations,
} from '../../../adapter-wgnt/test/windows/double.js'
import { locateConf } from '../../src/conf-file.js'
import { openInterface } from '../../src/interfaces.js'
import { chooseBackend } from '../../src/open-tunnel.js'
import { registry } from '../../src/registry.js'
import { up } from '../../src/up.js'
import type { UpOptions } from '../../src/up.js'

const wintunDll = path.win32.join(process.env['WIREWEAVE_NATIVE']!, 'wintun-double.dll')
const stand = {
  wgnt: OPTIONS,
  wintun: { dll: wintunDll, allowUnsigned: true, ipHelper: IPHLPAPI },
}
const machine = new Machine(IPHLPAPI)
const ENDPOINT = '198.51.100.1'
const TEXT = `
[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.7.0.2/24, fd07::2/64
DNS = 10.7.0.1, corp.example

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
Endpoint = ${ENDPOINT}:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
`

const routes = (): string[] =>
  machine.routes(4).map(({ prefix, nextHop }) => `${formatIp(prefix.address)}/${prefix.length} ${formatIp(nextHop)}`)
const untouched = routes()

afterEach(() => {
  expect(violations()).toEqual([])
  expect([adapterCount(), handleCount()]).toEqual([0, 0])
  expect(routes()).toEqual(untouched)
  expect(machine.addresses()).toEqual([])
  reset()
})

function options(more: Partial<UpOptions> = {}): UpOptions {
  return { config: { text: TEXT, name: freshName() }, adapter: 'wgnt', ...stand, ...more }
}

test('over WireGuardNT: adapter, routes, addresses, DNS; then nothing of it', async () => {
  const lines: string[] = []
  const tunnel = await up(
    options({ onAction: (action, direction) => lines.push(`${direction} ${describeWindowsAction(action)}`) }),
  )
  expect(isUp(tunnel.name)).toBe(true)
  expect((await tunnel.tunnel.snapshot()).peers).toMatchObject([{ persistentKeepaliveInterval: 25 }])
  expect(routes().toSorted()).toEqual([...untouched, '0.0.0.0/0 0.0.0.0'].toSorted())
  expect(lines.filter((line) => line.includes('nexthop'))).toEqual([])
  await tunnel.down()
  const name = tunnel.name
  expect(lines.slice(-3)).toEqual([
    `undo netsh interface ipv4 delete address "${name}" 10.7.0.2/24`,
    `undo netsh interface ipv4 delete route 0.0.0.0/0 "${name}"`,
    `undo wireweave close ${name}`,
  ])
})

test('over Wintun: the same, and a way to the endpoint around the tunnel', async () => {
  const name = freshName()
  const tunnel = await up(options({ adapter: 'wintun', config: { text: TEXT, name } }))
  expect(tunnel.tunnel.backend).toBe('wintun')
  expect(routes()).toContain(`${ENDPOINT}/32 192.168.7.1`)
  expect(machine.ipInterface(machine.luidOf(name)!, 4)).toEqual({ mtu: 1420, metric: 0 })
  await tunnel.down()
  expect(machine.luidOf(name)).toBeNull()
})

test.each([
  ['by the interface that leads out, where the tunnel is the default route', '0.0.0.0/0', ['4 by 7']],
  ['as the routes say, where it is not', '10.0.0.0/8', []],
])('datagrams over Wintun leave %s', async (_what, allowedIps, expected) => {
  const kept: string[] = []
  const bind: OpenBind = async (options) => {
    const sendThrough = (family: 4 | 6, index: number): boolean => kept.push(`${family} by ${index}`) > 0
    return Object.assign(await openDgramBind(options), { sendThrough })
  }
  const text = TEXT.replace('0.0.0.0/0, ::/0', allowedIps)
  const tunnel = await up(options({ adapter: 'wintun', config: { text, name: freshName() }, userspace: { bind } }))
  await tunnel.tunnel.snapshot()
  expect(kept).toEqual(expected)
  await tunnel.down()
})

test('an interface of WireGuardNT is read and configured by its name, as another process would', async () => {
  const tunnel = await up(options())
  const running = await openInterface(tunnel.name, { wgnt: OPTIONS })
  expect(running.servedBy).toBe('kernel')
  expect(await running.snapshot()).toEqual(await tunnel.tunnel.snapshot())
  expect((await running.secrets()).privateKey).toEqual((await tunnel.tunnel.secrets()).privateKey)
  const { publicKey } = (await running.snapshot()).peers[0]!
  await running.apply({ peers: [{ publicKey, updateOnly: true, persistentKeepaliveInterval: 7 }] })
  expect((await tunnel.tunnel.snapshot()).peers).toMatchObject([{ persistentKeepaliveInterval: 7 }])
  expect(isUp(tunnel.name)).toBe(true)
  await tunnel.down()
  await expect(running.read()).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
  await expect(openInterface(tunnel.name, { wgnt: OPTIONS })).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
})

test('an adapter that is removed ends the tunnel and everything of it', async () => {
  const tunnel = await up(options())
  kill(tunnel.name)
  await tunnel.closed
})

test('a failure in the middle leaves nothing behind', async () => {
  rule('up=52')
  await expect(up(options())).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
})

test('a name that an interface has is refused', async () => {
  await expect(up(options({ config: { text: TEXT, name: 'Ethernet' } }))).rejects.toMatchObject({ code: 'NAME_IN_USE' })
})

test('a file is read by its path, saved to, and a hook that fails stops everything', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  try {
    const file = path.join(folder, `${freshName()}.conf`)
    writeFileSync(file, TEXT)
    const tunnel = await up(options({ config: file }))
    await tunnel.save()
    await tunnel.reload()
    await tunnel.down()
    writeFileSync(file, TEXT.replace('[Peer]', 'PostUp = exit 3\n[Peer]'))
    await expect(up(options({ config: file }))).rejects.toThrow('ended with code 3')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a name means a file where only administrators may write', () => {
  expect(locateConf('wg7')).toEqual({ name: 'wg7', file: 'C:\\Program Files\\Wireweave\\wg7.conf' })
  expect(locateConf('C:\\x\\wg7.conf')).toEqual({ name: 'wg7', file: 'C:\\x\\wg7.conf' })
})

const advapi32 = systemDll('advapi32.dll', {
  set: ['RegSetKeyValueW', 'uint32_t', ['uintptr_t', 'str16', 'str16', 'uint32_t', 'void *', 'uint32_t']],
  remove: ['RegDeleteKeyValueW', 'uint32_t', ['uintptr_t', 'str16', 'str16']],
})
const HKEY_LOCAL_MACHINE = 0x8000_0002
const KEY = 'Software\\WireGuard'
const REG_DWORD = 4

test('the registry switches of wireguard-windows decide when nobody else does', async () => {
  const chosen = async (name: string, value: number): Promise<string[]> => {
    expect(advapi32.call.set(HKEY_LOCAL_MACHINE, KEY, name, REG_DWORD, Uint8Array.of(value, 0, 0, 0), 4)).toBe(0)
    const { backend, why } = await chooseBackend(stand)
    advapi32.call.remove(HKEY_LOCAL_MACHINE, KEY, name)
    return [backend.name, why]
  }
  const by = (name: string): string => `asked for by ${name} in HKLM\\Software\\WireGuard`
  expect(await chosen('ExperimentalKernelDriver', 1)).toEqual(['wgnt', by('ExperimentalKernelDriver')])
  expect(await chosen('ExperimentalKernelDriver', 0)).toEqual(['wintun', by('ExperimentalKernelDriver')])
  expect(await chosen('UseUserspaceImplementation', 1)).toEqual(['wintun', by('UseUserspaceImplementation')])
  expect(await chosen('UseUserspaceImplementation', 0)).toEqual(['wgnt', 'auto: first available'])
})

test('kernel before user space, and those of Linux say that this is not Linux', async () => {
  const backends = await registry(stand)
  expect(backends.map(({ name }) => name)).toEqual(['wgnt', 'wintun', 'linux-wg', 'linux-tun', 'netstack'])
  const probed = await Promise.all(backends.map((backend) => backend.probe()))
  expect(probed.map(({ available }) => available)).toEqual([true, true, false, false, true])
  expect((await chooseBackend({ ...stand, kernel: false })).backend.name).toBe('wintun')
})
