/** Routes, addresses and MTUs that loopback does not have: two network namespaces on a veth pair. Needs root. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseIp } from '@wireweave/tunnel/ip'
import { ENDPOINT_LOCAL } from '../../src/core/endpoint.js'
import { linuxBind } from '../../src/shell/bind-linux.js'
import type { LinuxBind } from '../../src/shell/bind-linux.js'
import { BindRig } from './support/bind-rig.js'
import { FickleKernel } from './support/kernel.js'
import { missingForNamespaces, Namespaces } from './support/namespaces.js'

const missing = missingForNamespaces()
if (missing !== null && process.env['CI']) throw new Error(`needs ${missing}`)

describe.skipIf(missing !== null)(`between namespaces${missing === null ? '' : ` (needs ${missing})`}`, () => {
  let spaces: Namespaces
  const open: BindRig[] = []
  beforeEach(() => {
    spaces = new Namespaces('bind')
  })
  afterEach(async () => {
    for (const made of open.splice(0)) await made.close()
    spaces.remove()
  })
  async function rig(namespace: string, kernel?: FickleKernel): Promise<BindRig> {
    const openBind = linuxBind(kernel && { calls: kernel.calls })
    const made = await spaces.inside(namespace, () => BindRig.open(openBind))
    open.push(made)
    return made
  }

  const families = [
    { family: 4, hosts: ['10.9.0.1', '10.9.0.2'], client: '10.9.0.10', bits: 24 },
    { family: 6, hosts: ['fd09::1', 'fd09::2'], client: 'fd09::10', bits: 64 },
  ]
  const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)

  test.each(families)(
    'IPv$family: an answer comes from the address that was asked, until that is gone',
    async ({ hosts, client, bits, family }) => {
      const noDad = family === 6 ? ['nodad'] : []
      for (const host of hosts) spaces.ip(spaces.a, 'addr', 'add', `${host}/${bits}`, 'dev', 'va', ...noDad)
      spaces.ip(spaces.b, 'addr', 'add', `${client}/${bits}`, 'dev', 'vb', ...noDad)
      const [a, b] = [await rig(spaces.a), await rig(spaces.b)]
      const to = `${bracketed(client)}:${b.bind.port}`

      for (const [i, host] of hosts.entries()) {
        await b.sendTo(`${bracketed(host)}:${a.bind.port}`, `asks ${host}`)
        const asked = (await a.receive(i + 1))[i]!
        a.put(new TextEncoder().encode('answer'), a.endpoint(to, asked.local))
        await a.send()
        const answer = (await b.receive(i + 1))[i]!
        expect(Buffer.from(asked.local.subarray(0, family === 4 ? 4 : 16)).some((byte) => byte !== 0)).toBe(true)
        expect(answer.from.split(':')[0]).toBe(addressText(host))
      }

      const { local } = a.received[1]!
      spaces.ip(spaces.a, 'addr', 'del', `${hosts[1]}/${bits}`, 'dev', 'va')
      const record = a.endpoint(to, local)
      a.put(new TextEncoder().encode('moved'), record)
      await a.send()
      expect((await b.receive(3))[2]!.from.split(':')[0]).toBe(addressText(hosts[0]!))
      expect(
        [...a.out.records.subarray(record * 48 + ENDPOINT_LOCAL, record * 48 + 48)].every((byte) => byte === 0),
      ).toBe(true)
    },
  )

  test.each(families)(
    'IPv$family: a source is stale once routing leads through another interface, or nowhere',
    async ({ hosts, client, bits, family }) => {
      const noDad = family === 6 ? ['nodad'] : []
      const [second, remote] = family === 4 ? ['10.9.7', '10.8.0.1'] : ['fd09:7:', 'fd08::1']
      const via = (last: string): string => (family === 4 ? `${second}.${last}` : `${second}:${last}`)
      spaces.ip(spaces.a, 'link', 'add', 'va2', 'type', 'veth', 'peer', 'name', 'vb2', 'netns', spaces.b)
      for (const [space, device, address] of [
        [spaces.a, 'va', hosts[0]!],
        [spaces.a, 'va2', via('1')],
        [spaces.b, 'vb', client],
        [spaces.b, 'vb2', via('10')],
      ] as const) {
        spaces.ip(space, 'addr', 'add', `${address}/${bits}`, 'dev', device, ...noDad)
        spaces.ip(space, 'link', 'set', device, 'up')
      }
      spaces.ip(spaces.b, 'addr', 'add', remote, 'dev', 'lo', ...noDad)
      spaces.ip(spaces.a, 'route', 'add', remote, 'via', client, 'dev', 'va')
      const [a, b] = [await rig(spaces.a), await rig(spaces.b)]
      const remoteBytes = parseIp(remote)!
      b.put(new TextEncoder().encode('asks'), b.endpoint(`${bracketed(hosts[0]!)}:${a.bind.port}`, remoteBytes))
      await b.send()
      const { local } = (await a.receive(1))[0]!
      const bind = a.bind as LinuxBind
      const record = a.endpoint(`${bracketed(remote)}:${b.bind.port}`, local) * 48
      const isStale = (): boolean => bind.isSourceStale(a.out.records, record)
      expect(isStale()).toBe(false)

      let changes = 0
      bind.onRouteChange(() => changes++)
      spaces.ip(spaces.a, 'route', 'replace', remote, 'via', via('10'), 'dev', 'va2')
      await expect.poll(() => changes).toBeGreaterThan(0)
      expect(isStale()).toBe(true)
      spaces.ip(spaces.a, 'route', 'replace', remote, 'via', client, 'dev', 'va')
      expect(isStale()).toBe(false)
      spaces.ip(spaces.a, 'route', 'del', remote)
      expect(isStale()).toBe(true)
      // Without a cached source there is nothing to forget.
      expect(bind.isSourceStale(a.out.records, a.endpoint(`${bracketed(remote)}:1`) * 48)).toBe(false)
    },
  )

  test('link-local addresses answer from the interface that was asked', async () => {
    for (const [space, device, address] of [
      [spaces.a, 'va', 'fe80::1'],
      [spaces.b, 'vb', 'fe80::2'],
    ] as const) {
      spaces.ip(space, 'addr', 'add', `${address}/64`, 'dev', device, 'nodad')
    }
    const [a, b] = [await rig(spaces.a), await rig(spaces.b)]
    const index = spaces.interfaceIndex(spaces.b, 'vb')
    await b.sendTo(`[fe80::1%${index}]:${a.bind.port}`, 'asks')
    const asked = (await a.receive(1))[0]!
    const indexA = asked.local[16]!
    a.put(new TextEncoder().encode('answers'), a.endpoint(`[fe80::2%${indexA}]:${b.bind.port}`, asked.local))
    await a.send()
    expect((await b.receive(1))[0]!.text).toBe('answers')
  })

  test.each(families)(
    'IPv$family: what is longer than the MTU is fragmented, in runs and alone',
    async ({ hosts, client, bits, family }) => {
      const noDad = family === 6 ? ['nodad'] : []
      const kernel = new FickleKernel()
      spaces.ip(spaces.a, 'addr', 'add', `${hosts[0]}/${bits}`, 'dev', 'va', ...noDad)
      spaces.ip(spaces.b, 'addr', 'add', `${client}/${bits}`, 'dev', 'vb', ...noDad)
      spaces.ip(spaces.a, 'link', 'set', 'va', 'mtu', '1280')
      spaces.ip(spaces.b, 'link', 'set', 'vb', 'mtu', '1280')
      const [a, b] = [await rig(spaces.a, kernel), await rig(spaces.b)]
      const record = a.endpoint(`${bracketed(client)}:${b.bind.port}`)
      for (let i = 0; i < 20; i++) a.put(new Uint8Array(1452).fill(i), record)
      a.put(new Uint8Array(9000).fill(99), record)
      for (let i = 0; i < 20; i++) a.put(new Uint8Array(1200).fill(100 + i), record)
      await a.send()
      const received = await b.receive(41)
      expect(received.map(({ bytes }) => [bytes[0], bytes.length])).toEqual([
        ...Array.from({ length: 20 }, (_, i) => [i, 1452]),
        [99, 9000],
        ...Array.from({ length: 20 }, (_, i) => [100 + i, 1200]),
      ])
      expect((a.bind as LinuxBind).features.segmentation).toBe(true)
      // The short ones still went as a run.
      expect(kernel.sent.reduce((sum, messages) => sum + messages, 0)).toBeLessThan(41 + 4)
    },
  )

  test('a segmented run crosses as one and arrives whole', async () => {
    spaces.ip(spaces.a, 'addr', 'add', '10.9.0.1/24', 'dev', 'va')
    spaces.ip(spaces.b, 'addr', 'add', '10.9.0.10/24', 'dev', 'vb')
    const kernel = new FickleKernel()
    const [a, b] = [await rig(spaces.a), await rig(spaces.b, kernel)]
    const record = a.endpoint(`10.9.0.10:${b.bind.port}`)
    for (let i = 0; i < 128; i++) a.put(new Uint8Array(1452).fill(i), record)
    await a.send()
    expect((await b.receive(128)).map(({ bytes }) => bytes[0])).toEqual(Array.from({ length: 128 }, (_, i) => i))
    expect(kernel.made['recvmmsg']).toBeLessThan(20)
  })

  test('no route yet: nothing is thrown, and it works once there is one', async () => {
    const [a, b] = [await rig(spaces.a), await rig(spaces.b)]
    await a.sendTo(`10.9.0.10:${b.bind.port}`, 'lost')
    spaces.ip(spaces.a, 'addr', 'add', '10.9.0.1/24', 'dev', 'va')
    spaces.ip(spaces.b, 'addr', 'add', '10.9.0.10/24', 'dev', 'vb')
    await a.sendTo(`10.9.0.10:${b.bind.port}`, 'there')
    expect((await b.receive(1))[0]!.text).toBe('there')
    expect((a.bind as LinuxBind).stats.refused).toBe(1)
  })
})

/** As a rig's `from` shows an address: its bytes, joined. */
function addressText(address: string): string {
  if (!address.includes(':')) return address
  const [head, tail] = address.split('::')
  const groups = [...head!.split(':'), ...Array.from({ length: 6 }, () => '0'), tail!]
  return groups.flatMap((group) => [Number.parseInt(group, 16) >>> 8, Number.parseInt(group, 16) & 255]).join('.')
}
