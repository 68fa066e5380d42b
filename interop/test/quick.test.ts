/** wg-quick(8) with our daemon in the place of wireguard-go. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../rig/command.js'
import { ours } from '../rig/implementations.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { wiredPair } from '../rig/topologies.js'
import type { Pair } from '../rig/topologies.js'
import { iperf, ping, pingLoss, reaches } from '../rig/traffic.js'

const needs = [
  ours.need,
  program('wg-quick', 'wireguard-tools'),
  program('nft', 'nftables'),
  program('iperf3', 'iperf3'),
]

describeWith('wg-quick', needs, () => {
  let lab: Lab
  let pair: Pair
  let env: NodeJS.ProcessEnv

  beforeEach(async () => {
    lab = await Lab.open()
    pair = await wiredPair(lab)
    const programs = path.join(lab.folder, 'programs')
    mkdirSync(programs)
    writeFileSync(`${programs}/wireweave-daemon`, `#!/bin/sh\nexec ${ours.command.join(' ')} "$@"\n`)
    // Stands for a machine with resolvconf: this one has none, and nobody resolves names here.
    writeFileSync(`${programs}/resolvconf`, '#!/bin/sh\ncat >>"$RESOLVCONF_LOG"\n')
    for (const name of ['wireweave-daemon', 'resolvconf']) chmodSync(`${programs}/${name}`, 0o755)
    env = {
      ...process.env,
      PATH: `${programs}:${process.env['PATH']}`,
      WG_QUICK_USERSPACE_IMPLEMENTATION: 'wireweave-daemon',
      RESOLVCONF_LOG: path.join(lab.folder, 'resolv.conf'),
    }
    await pair.two.start()
    await pair.two.up()
    await pair.two.configure({ publicKey: pair.one.keys.publicKey, allowedIps: pair.one.allowedIps })
  })
  afterEach(() => lab.close())

  const quick = (...words: string[]): Promise<string> => pair.one.host.run('wg-quick', words, { env })

  async function writeConfig(...more: string[]): Promise<void> {
    const { one, two } = pair
    const peer = [`PublicKey = ${two.keys.publicKey}`, `Endpoint = ${pair.endpointOf(two)}`, 'PersistentKeepalive = 5']
    const text = [
      '[Interface]',
      `PrivateKey = ${one.keys.privateKey}`,
      `Address = ${one.v4}/24, ${one.v6}/64`,
      ...more,
      ...peer,
    ]
    await one.host.run('sh', ['-c', 'umask 077; cat >/etc/wireguard/wg1.conf'], { input: `${text.join('\n')}\n` })
  }

  async function isDown(): Promise<boolean> {
    const { host } = pair.one
    const left = ['/run/wireguard/wg1.sock'].map(async (file) => (await host.attempt('test', ['-e', file])).code === 0)
    return !(await Promise.all(left)).includes(true) && (await host.attempt('ip', ['link', 'show', 'wg1'])).code !== 0
  }

  test('up and down, more than once', async () => {
    await writeConfig('ListenPort = 10000', 'MTU = 1380', '[Peer]', `AllowedIPs = ${pair.two.allowedIps.join(', ')}`)
    for (let i = 0; i < 3; i++) {
      await quick('up', 'wg1')
      expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
      expect(await pingLoss(pair.one.host, pair.two.v6, '-c 20 -f -W 2')).toBeLessThanOrEqual(0.05)
      expect(await pair.one.host.ip('link show wg1')).toContain('mtu 1380')
      await quick('down', 'wg1')
      await eventually('nothing is left', isDown)
    }
  })

  test('up with hooks and DNS runs them, strip leaves them out', async () => {
    const touched = path.join(lab.folder, 'touched')
    await writeConfig(
      'DNS = 10.64.0.1, example.org',
      `PostUp = echo %i >${touched}`,
      '[Peer]',
      `AllowedIPs = ${pair.two.allowedIps.join(', ')}`,
    )
    expect(await quick('strip', 'wg1')).not.toMatch(/PostUp|DNS|Address/)
    await quick('up', 'wg1')
    expect(await pair.one.host.run('cat', [touched])).toBe('wg1\n')
    expect(await pair.one.host.run('cat', [env['RESOLVCONF_LOG']!])).toBe('nameserver 10.64.0.1\nsearch example.org\n')
    await quick('down', 'wg1')
  })

  test('save writes what was set meanwhile', async () => {
    await writeConfig('SaveConfig = true', '[Peer]', `AllowedIPs = ${pair.two.allowedIps.join(', ')}`)
    await quick('up', 'wg1')
    await pair.one.wg('set listen-port 10123 fwmark 0x77')
    await quick('save', 'wg1')
    const saved = await pair.one.host.run('cat', ['/etc/wireguard/wg1.conf'])
    expect(saved).toContain('ListenPort = 10123')
    expect(saved).toContain('FwMark = 0x77')
    expect(saved).toContain(`PrivateKey = ${pair.one.keys.privateKey}`)
    expect(saved).toContain(`PublicKey = ${pair.two.keys.publicKey}`)
    await quick('down', 'wg1')
    await quick('up', 'wg1')
    expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
  })

  test('the default route goes into the tunnel, the tunnel itself does not, and down takes everything back', async () => {
    const { one, two } = pair
    await two.host.ip('address add 203.0.113.5/32 dev lo')
    await two.host.ip('address add 2001:db8::5/128 dev lo')
    const state = async (): Promise<string> =>
      (await Promise.all(['route', '-6 route', 'rule', '-6 rule'].map((words) => one.host.ip(words)))).join('\n')
    const before = await state()
    await writeConfig('[Peer]', 'AllowedIPs = 0.0.0.0/0, ::/0')
    await quick('up', 'wg1')
    expect(await one.wg('show fwmark')).toBe('0xca6c\n')
    for (const address of ['203.0.113.5', '2001:db8::5']) {
      expect(await reaches(one.host, address)).toBe(true)
      expect(await pingLoss(one.host, address, '-c 100 -f -W 2')).toBeLessThanOrEqual(0.05)
    }
    expect((await iperf(one.host, two.host, '203.0.113.5', '-n 20M')).bytes).toBeGreaterThan(10_000_000)
    await quick('down', 'wg1')
    await eventually('nothing is left', isDown)
    expect(await state()).toBe(before)
    expect(await one.host.run('nft', ['list', 'tables'])).not.toContain('wg-quick')
  })

  test('reloading a changed file with syncconf keeps the session', async () => {
    await writeConfig('[Peer]', `AllowedIPs = ${pair.two.allowedIps.join(', ')}`)
    await quick('up', 'wg1')
    expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
    const before = await pair.one.peer(pair.two.keys.publicKey)
    await writeConfig('[Peer]', `AllowedIPs = ${pair.two.allowedIps.join(', ')}, 10.77.0.0/16`)
    await pair.one.wg('syncconf /dev/stdin', await quick('strip', 'wg1'))
    const after = await pair.one.peer(pair.two.keys.publicKey)
    expect(after.allowedIps).toContain('10.77.0.0/16')
    expect(after.latestHandshake).toBe(before.latestHandshake)
    expect((await ping(pair.one.host, pair.two.v4)).received).toBe(1)
  })

  test('a failed up leaves nothing behind', async () => {
    await writeConfig('PostUp = false', '[Peer]', `AllowedIPs = ${pair.two.allowedIps.join(', ')}`)
    await expect(quick('up', 'wg1')).rejects.toThrow()
    await eventually('nothing is left', isDown)
  })
})
