/** Starting, ending, and what is left. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../rig/command.js'
import { ours, startDaemon } from '../rig/implementations.js'
import { generateKeyPair } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import type { Host } from '../rig/lab.js'
import { describeWith } from '../rig/needs.js'
import { connect, loopbackPair, startBoth } from '../rig/topologies.js'
import { reaches } from '../rig/traffic.js'

describeWith('the daemon', [ours.need], () => {
  let lab: Lab
  let host: Host
  beforeEach(async () => {
    lab = await Lab.open()
    host = await lab.host('alone')
  })
  afterEach(() => lab.close())

  const exists = async (path: string): Promise<boolean> => (await host.attempt('test', ['-e', path])).code === 0
  const hasSocket = (name = 'wg0'): Promise<boolean> => exists(`/run/wireguard/${name}.sock`)
  const hasInterface = async (name = 'wg0'): Promise<boolean> =>
    (await host.attempt('ip', ['link', 'show', name])).code === 0
  /** Daemons that run; those that ended but were not waited for do not. */
  const running = async (): Promise<string[]> => {
    const lines = (await lab.run('ps', ['ax', '-o', 'stat=,pid=,args='])).split('\n').map((line) => line.trim())
    return lines
      .filter((line) => line.includes('wireweave-daemon') && !line.startsWith('Z'))
      .map((line) => line.split(/\s+/)[1]!)
  }
  const isGone = async (): Promise<boolean> =>
    !(await hasSocket()) && !(await hasInterface()) && (await running()).length === 0

  test('returns when interface and socket are there, and wg can talk to it at once', async () => {
    for (let i = 0; i < 3; i++) {
      await startDaemon(ours, host, `wg${i}`)
      await host.wg(`set wg${i} listen-port ${7000 + i}`)
      expect(await host.wg(`show wg${i} listen-port`)).toBe(`${7000 + i}\n`)
    }
    expect(await running()).toHaveLength(3)
  })

  test('its interface is a point-to-point one with an MTU of 1420 that is down; its socket is for root alone', async () => {
    await startDaemon(ours, host, 'wg0')
    expect(await host.ip('link show wg0')).toMatch(/<POINTOPOINT,MULTICAST,NOARP> mtu 1420 .* state DOWN/)
    expect(await host.run('stat', ['-c', '%a %u', '/run/wireguard/wg0.sock'])).toBe('700 0\n')
  })

  test.each([
    ['when its interface is deleted', () => host.ip('link delete wg0')],
    ['when its socket is removed', () => host.run('rm', ['/run/wireguard/wg0.sock'])],
    ['on SIGTERM', async () => host.run('kill', ['-TERM', ...(await running())])],
    ['on SIGINT', async () => host.run('kill', ['-INT', ...(await running())])],
  ])('ends %s, promptly and without a trace, and the name is free again', async (_, end) => {
    for (let i = 0; i < 2; i++) {
      await startDaemon(ours, host, 'wg0')
      await host.ip('link set wg0 up')
      await host.wg(
        `set wg0 listen-port 7000 peer ${generateKeyPair().publicKey} endpoint 127.0.0.1:7001 persistent-keepalive 1`,
      )
      await sleep(200)
      await end()
      await eventually('nothing is left', isGone, 5)
    }
  })

  test('that was killed leaves a socket that does not stop the next one', async () => {
    await startDaemon(ours, host, 'wg0')
    await host.run('kill', ['-KILL', ...(await running())])
    await eventually('it is dead', async () => (await running()).length === 0)
    expect(await hasSocket()).toBe(true)
    await startDaemon(ours, host, 'wg0')
    expect(await host.wg('show wg0 fwmark')).toBe('off\n')
  })

  test('of a name that is taken fails, says why, and leaves the first one alone', async () => {
    await startDaemon(ours, host, 'wg0')
    await host.wg('set wg0 listen-port 7000')
    await expect(startDaemon(ours, host, 'wg0')).rejects.toThrow(/wg0.*(exists|in use|taken|busy)/i)
    expect(await host.wg('show wg0 listen-port')).toBe('7000\n')
    expect(await running()).toHaveLength(1)
  })

  test('of a name that another kind of interface has fails and says why', async () => {
    await host.ip('link add wg0 type veth peer name other')
    await expect(startDaemon(ours, host, 'wg0')).rejects.toThrow(/wg0/)
    expect(await hasSocket()).toBe(false)
    expect(await running()).toHaveLength(0)
    expect(await host.ip('link show wg0')).toContain('other')
  })

  test.each(['../wg0', 'a-name-of-sixteen', 'wg/0', ''])('of the impossible name "%s" fails', async (name) => {
    const [file, ...args] = ours.command
    const { code, stderr } = await host.attempt(file!, [...args, name])
    expect(code).toBe(1)
    expect(stderr).toContain('An interface name has 1 to 15 characters')
  })

  test('lets the system number its interface', async () => {
    await startDaemon(ours, host, 'wg%d')
    await eventually('wg0 is there', async () => (await hasInterface('wg0')) && (await hasSocket('wg0')))
    await startDaemon(ours, host, 'wg%d')
    await eventually('wg1 is there', async () => (await hasInterface('wg1')) && (await hasSocket('wg1')))
  })

  test('serves a TUN that was passed to it, under the name that it has', async () => {
    const script = `
      import { spawnSync } from 'node:child_process'
      import { bind } from '${new URL('../../packages/ffi/dist/library.js', import.meta.url).href}'
      const { open, ioctl } = bind(null, { open: ['open', 'int', ['str', 'int']], ioctl: ['ioctl', 'int', ['int', 'ulong', 'void *']] })
      const request = new Uint8Array(40)
      request.set(new TextEncoder().encode('passed0'))
      new DataView(request.buffer).setUint16(16, 0x5001, true) // IFF_TUN, IFF_NO_PI, IFF_VNET_HDR
      const fd = open('/dev/net/tun', 0o4002)
      if (fd < 0 || ioctl(fd, 0x400454ca, request) < 0) throw new Error('no TUN')
      const [file, ...args] = process.argv.slice(1)
      const child = spawnSync(file, [...args, 'wg0'], { stdio: ['ignore', 'inherit', 'inherit', fd], env: { ...process.env, WG_TUN_FD: '3' } })
      process.exit(child.status ?? 1)`
    await host.run(process.execPath, ['--input-type=module', '-e', script, ...ours.command], {
      env: { ...process.env, LOG_LEVEL: 'silent' },
    })
    expect(await host.wg('show interfaces')).toBe('passed0\n')
    await host.ip('link set passed0 up')
    await host.wg('set passed0 listen-port 7000')
    expect(await host.wg('show passed0 listen-port')).toBe('7000\n')
    await host.ip('link delete passed0')
    await eventually('it is gone', async () => !(await hasSocket('passed0')))
  })

  test('waits for packets in the kernel while it is in use, hears whoever calls, and sleeps in its event loop again', async () => {
    const pair = await loopbackPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    const pids = await running()
    // poll on x64, ppoll on arm64; the event loop waits in epoll_pwait.
    const parked = async (): Promise<number> => {
      const calls = await lab.run('sh', ['-c', `cat ${pids.map((pid) => `/proc/${pid}/task/*/syscall`).join(' ')}`])
      return calls.split('\n').filter((line) => /^(7|73) /.test(line)).length
    }
    const pinging = one.host.run('ping', ['-c', '10', '-i', '0.2', two.v4])
    await eventually('a thread of each daemon waits in poll', async () => (await parked()) === 2, 5)
    expect(await one.host.wg('show wg1 peers')).toBe(`${two.keys.publicKey}\n`)
    await one.host.wg('set wg1 fwmark 5')
    expect(await one.host.wg('show wg1 fwmark')).toBe('0x5\n')
    expect(await pinging).toContain(' 0% packet loss')
    await eventually('none does', async () => (await parked()) === 0, 10)
    expect(await reaches(two.host, one.v4)).toBe(true)
  })

  test('binds its port when the interface goes up, frees it when it goes down, and keeps its configuration', async () => {
    const pair = await loopbackPair(lab)
    const { one, two, zero } = pair
    await startBoth(pair)
    await connect(pair)
    expect(await reaches(one.host, two.v4)).toBe(true)
    const isBound = async (): Promise<boolean> => (await zero.run('ss', ['-Hlun'])).includes(':10000 ')
    for (let i = 0; i < 3; i++) {
      expect(await isBound()).toBe(true)
      const before = await zero.wg('showconf wg1')
      await one.down()
      await eventually('the port is free', async () => !(await isBound()))
      expect(await zero.wg('showconf wg1')).toBe(before)
      await one.up()
      // An interface that goes down loses its IPv6 addresses.
      await eventually('the port is bound', isBound)
      expect(await reaches(one.host, two.v4)).toBe(true)
    }
  })
})
