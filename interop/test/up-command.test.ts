/** `wireweave up`, `down` and what belongs to them, through the built program. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { shapes } from '../../packages/cli/test/support/documented-json.js'
import type { Finished } from '../rig/command.js'
import { eventually } from '../rig/command.js'
import { ours } from '../rig/implementations.js'
import { Lab } from '../rig/lab.js'
import type { Background } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { NotifySocket } from '../rig/notify-socket.js'
import { wiredPair } from '../rig/topologies.js'
import type { Pair } from '../rig/topologies.js'
import { ping, reaches } from '../rig/traffic.js'

const wireweave = fileURLToPath(new URL('../../packages/cli/dist/bin/wireweave.js', import.meta.url))
const built = { what: 'the built command line: npm run build', isThere: () => existsSync(wireweave) }
const needs = [ours.need, built, program('wg-quick', 'wireguard-tools'), program('nft', 'nftables')]
const CONF = '/etc/wireguard/wg1.conf'

describeWith('wireweave up', needs, () => {
  let lab: Lab
  let pair: Pair
  let env: NodeJS.ProcessEnv
  let before: string

  beforeEach(async () => {
    lab = await Lab.open()
    pair = await wiredPair(lab)
    const programs = path.join(lab.folder, 'programs')
    mkdirSync(programs)
    writeFileSync(`${programs}/resolvconf`, '#!/bin/sh\necho "$*" >>"$RESOLVCONF_LOG"\ncat >>"$RESOLVCONF_LOG"\n')
    chmodSync(`${programs}/resolvconf`, 0o755)
    env = {
      ...process.env,
      PATH: `${programs}:${process.env['PATH']}`,
      RESOLVCONF_LOG: path.join(lab.folder, 'resolv.log'),
      LOG_LEVEL: '',
    }
    await pair.two.start()
    await pair.two.up()
    await pair.two.configure({ publicKey: pair.one.keys.publicKey, allowedIps: pair.one.allowedIps })
    before = await everything()
  })
  afterEach(() => lab.close())

  const run = (...words: string[]): Promise<string> =>
    pair.one.host.run(process.execPath, [wireweave, ...words], { env })
  const attempt = (...words: string[]): Promise<Finished> =>
    pair.one.host.attempt(process.execPath, [wireweave, ...words], { env })
  const start = (name: string, ...words: string[]): Background =>
    pair.one.host.start(name, process.execPath, [wireweave, ...words], env)

  /** With `peer` as the lines of the peer beside its key. */
  async function writeConf(more: readonly string[], peer: readonly string[] = []): Promise<void> {
    const { one, two } = pair
    const allowed = peer.some((line) => line.startsWith('AllowedIPs')) ? [] : [`AllowedIPs = ${two.allowedIps.join()}`]
    const lines = [
      '# the office',
      '[Interface]',
      `PrivateKey = ${one.keys.privateKey}`,
      `Address = ${one.v4}/24, ${one.v6}/64`,
      ...more,
      '',
      '[Peer]',
      '# Name = two',
      `PublicKey = ${two.keys.publicKey}`,
      `Endpoint = ${pair.endpointOf(two)}`,
      ...allowed,
      ...peer,
    ]
    await one.host.run('sh', ['-c', `umask 077; cat >${CONF}`], { input: `${lines.join('\n')}\n` })
  }

  /** All that `up` can leave on a machine. */
  async function everything(): Promise<string> {
    const { host } = pair.one
    const seen = await host.run('sh', [
      '-c',
      'ip -o link | sed "s/^[0-9]*: //" | grep -v wire0; ip route; ip -6 route; ip rule; ip -6 rule; nft list ruleset; ls -A /run/wireguard | grep -v wg2 || true',
    ])
    return seen.replaceAll(/expires \d+sec/g, '')
  }

  const isClean = async (): Promise<boolean> => (await everything()) === before

  async function pidOf(name: string): Promise<number> {
    const [status] = JSON.parse(await run('status', name, '--json')) as { pid: number }[]
    return status!.pid
  }

  test(
    'in the background: everything is there when it returns, and gone when down returns',
    { timeout: 300_000 },
    async () => {
      const log = path.join(lab.folder, 'hooks')
      await writeConf([
        'DNS = 10.64.0.1, example.org',
        'MTU = 1380',
        'SaveConfig = true',
        `PreUp = echo PreUp %i >>${log}`,
        // The socket is there when PostUp runs: many a file sets its private key so.
        `PostUp = wg show %i listen-port >>${log}`,
        `PreDown = wg show %i peers | wc -l >>${log}`,
        `PostDown = echo PostDown >>${log}`,
      ])
      const { code, stdout, stderr } = await attempt('up', 'wg1')
      expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' })
      expect(stderr).toMatch(/^\[#\] echo PreUp wg1/m)
      expect(stderr).toMatch(/\[!\] linux-wg passed over: .*\n\[#\] adapter linux-tun \(auto: first available\)/)
      expect(stderr).toContain(`[#] ip -4 address add ${pair.one.v4}/24 dev wg1\n`)
      expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
      expect((await ping(pair.one.host, pair.two.v6)).received).toBe(1)
      expect(await pair.one.host.ip('link show wg1')).toContain('mtu 1380')
      expect(await pair.one.wg('show peers')).toBe(`${pair.two.keys.publicKey}\n`)
      expect((await attempt('up', 'wg1')).stderr).toMatch(/^wireweave: there is an interface wg1 already/m)

      const status = JSON.parse(await run('status', '--json')) as Record<string, unknown>[]
      expect(status.find((each) => each['interface'] === 'wg1')).toMatchObject({
        adapter: 'linux-tun',
        configuration: CONF,
        host: { isUp: true, mtu: 1380, addresses: [`${pair.one.v4}/24`, `${pair.one.v6}/64`] },
        peers: [{ name: 'two', state: 'up', endpoint: pair.endpointOf(pair.two) }],
      })
      expect(await run('status')).toMatch(/^wg1 +up\n +adapter: +linux-tun\n/m)

      await pair.one.wg('set listen-port 10123')
      await run('save', 'wg1')
      const saved = await pair.one.host.run('cat', [CONF])
      expect(saved).toContain('# the office\n')
      expect(saved).toContain('# Name = two\n')
      expect(saved).toContain('ListenPort = 10123\n')

      await pair.one.wg('set listen-port 10124')
      expect((await attempt('down', 'wg1')).code).toBe(0)
      expect(await everything()).toBe(before)
      expect(readFileSync(log, 'utf8')).toMatch(/^PreUp wg1\n\d+\n1\nPostDown\n$/)
      expect(readFileSync(env['RESOLVCONF_LOG']!, 'utf8')).toMatch(
        /^-a wg1 -m 0 -x\nnameserver 10.64.0.1\nsearch example.org\n(-d wg1 -f\n)+$/,
      )
      expect(await pair.one.host.run('cat', [CONF])).toContain('ListenPort = 10124\n')
      expect(await attempt('down', 'wg1')).toMatchObject({ code: 1, stdout: '' })
      expect((await attempt('down', 'wg1', '--if-up')).code).toBe(0)
    },
  )

  test('strip prints what wg-quick prints', async () => {
    await writeConf([
      '  DNS=10.64.0.1 # comment',
      '\tmtu = 1380',
      'PostUp = echo "a # b"',
      '# Table = off',
      'FwMark = 3',
    ])
    expect(await run('strip', 'wg1')).toBe(await pair.one.host.run('wg-quick', ['strip', 'wg1']))
  })

  test('a full tunnel: everything goes through but the endpoint and the LAN, and spoofed packets are dropped', async () => {
    const { one, two } = pair
    await two.host.ip('address add 203.0.113.5/32 dev lo')
    await two.host.ip('address add 2001:db8::5/128 dev lo')
    await two.configure({ publicKey: one.keys.publicKey, allowedIps: one.allowedIps })
    await writeConf([], ['AllowedIPs = 0.0.0.0/0, ::/0'])
    const expectDocumented = async (command: string, ...words: string[]): Promise<void> => {
      const [actual, documented] = shapes(command, JSON.parse(await run(command, ...words, '--json')))
      expect(actual, command).toEqual(documented)
    }
    await expectDocumented('up', 'wg1')
    await expectDocumented('status', 'wg1')
    for (const address of ['203.0.113.5', '2001:db8::5', two.v4, two.v6]) {
      expect(await reaches(one.host, address), address).toBe(true)
    }
    expect(await one.host.ip('route get 203.0.113.5')).toContain('dev wg1')
    expect(await one.host.ip('route get 10.99.0.77')).toContain('dev wire0')
    expect((await ping(one.host, '10.99.0.2')).received).toBe(1)
    const tx = (await one.peer(two.keys.publicKey)).txBytes
    expect(tx).toBeLessThan(100_000)

    // The neighbour sends to the tunnel's address over the wire: CVE-2019-14899.
    await two.host.ip(`route add ${one.v4}/32 via 10.99.0.1 dev wire0 table 77`)
    await two.host.ip('rule add fwmark 77 table 77')
    expect((await ping(two.host, one.v4, '-m 77 -c 2 -i 0.2 -W 1 -I 10.99.0.2')).received).toBe(0)
    await one.host.run('nft', ['flush chain ip wg-quick-wg1 preraw'].join(' ').split(' '))
    expect((await ping(two.host, one.v4, '-m 77 -c 2 -i 0.2 -W 1 -I 10.99.0.2')).received).toBeGreaterThan(0)
    await expectDocumented('down', 'wg1')
    expect(await everything()).toBe(before)
  })

  test('killed, its guard or down removes what is left', async () => {
    await writeConf(['DNS = 10.64.0.1'], ['AllowedIPs = 0.0.0.0/0, ::/0'])
    await run('up', 'wg1')
    const pid = await pidOf('wg1')
    await pair.one.host.run('kill', ['-9', String(pid)])
    await eventually('the guard has removed everything', isClean)
    await eventually('and told the resolver', () => readFileSync(env['RESOLVCONF_LOG']!, 'utf8').includes('-d wg1'))

    // Without a guard it is down that does it; so it is when the guard is killed as well.
    await run('up', 'wg1')
    await pair.one.host.run('sh', ['-c', `pkill -9 -f '[g]uard.js wg1'; kill -9 ${await pidOf('wg1')}`])
    await eventually(
      'the interface is gone',
      async () => (await pair.one.host.attempt('ip', ['link', 'show', 'wg1'])).code !== 0,
    )
    expect(await isClean()).toBe(false)
    await run('down', 'wg1')
    expect(await everything()).toBe(before)
  })

  test('Ctrl-C in the middle of up takes everything back, and so does an error', async () => {
    await writeConf(['DNS = 10.64.0.1', 'PostUp = echo waits >&2; sleep 300'], ['AllowedIPs = 0.0.0.0/0, ::/0'])
    const up = start('up', 'up', 'wg1')
    await eventually('it hangs in PostUp', () => up.output.includes('waits\n'))
    expect(await isClean()).toBe(false)
    await up.signal('SIGINT')
    expect(await up.exit).toBe(1)
    expect(up.output).toMatch(/wireweave: it was aborted; everything done so far was undone\n$/)
    expect(await everything()).toBe(before)

    await writeConf(['PostUp = false'], ['AllowedIPs = 0.0.0.0/0'])
    const failed = await attempt('up', 'wg1')
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/wireweave: "false" failed: it ended with status 1\n$/)
    expect(await everything()).toBe(before)
  })

  test('when whoever waits for up is killed, up does not go on', async () => {
    await writeConf(['PostUp = echo waits >&2; sleep 300'])
    const up = start('up', 'up', 'wg1')
    await eventually('it hangs in PostUp', () => up.output.includes('waits\n'))
    await up.signal('SIGKILL')
    await eventually('nothing is left', isClean)
  })

  test('in the foreground: a log, a reload on SIGHUP, an end on SIGTERM; notifies systemd', async () => {
    using systemd = new NotifySocket(path.join(lab.folder, 'notify'))
    env['NOTIFY_SOCKET'] = systemd.path
    await writeConf(['PostUp = [ -z "$NOTIFY_SOCKET" ]'])
    const up = start('up', 'up', '--foreground', 'wg1')
    await eventually('it is ready', () => systemd.received().some((text) => text.startsWith('READY=1\n')))
    expect(await reaches(pair.one.host, pair.two.v4)).toBe(true)
    const initiation = /DEBUG: \(wg1\) .* peer\(.{4}….{4}\) - Sending handshake initiation\n/
    await eventually('it has logged the handshake', () => initiation.test(up.output))
    await writeConf([], [`AllowedIPs = ${pair.two.allowedIps.join()}, 10.77.0.0/16`])
    await up.signal('SIGHUP')
    await eventually('it has read the file', () => up.output.includes('Configuration read again'))
    expect((await pair.one.peer(pair.two.keys.publicKey)).allowedIps).toContain('10.77.0.0/16')
    await writeConf(['MTU = x'])
    await up.signal('SIGHUP')
    await eventually('it has refused the file', () => /left as it was: .*wg1.conf:5: MTU/.test(up.output))
    await eventually('and told so', () => systemd.received().some((text) => text.includes('STATUS=the reload failed')))
    await up.signal('SIGTERM')
    expect(await up.exit).toBe(0)
    expect(systemd.received().map((text) => text.split('\n', 1)[0])).toEqual(
      'READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 STOPPING=1'.split(' '),
    )
    expect(await everything()).toBe(before)
  })

  test('a host name that moves is looked up again when handshakes fail', async () => {
    const { one, two } = pair
    const hosts = path.join(lab.folder, 'hosts')
    writeFileSync(hosts, '10.99.0.9 moving.test\n')
    await lab.run('mount', ['--bind', hosts, '/etc/hosts'])
    await writeConf(
      [`PostUp = echo 10.99.0.2 moving.test >${hosts}`],
      [`Endpoint = moving.test:${two.port}`, 'PersistentKeepalive = 1'],
    )
    await run('up', 'wg1')
    expect((await one.peer(two.keys.publicKey)).endpoint).toBe(`10.99.0.9:${two.port}`)
    // Two initiations, 5 s apart, must have gone unanswered.
    await eventually(
      'its new address is found',
      async () => (await one.peer(two.keys.publicKey)).latestHandshake > 0,
      40,
    )
    expect((await one.peer(two.keys.publicKey)).endpoint).toBe(`10.99.0.2:${two.port}`)
    await run('save', 'wg1')
    expect(await one.host.run('cat', [CONF])).toContain(`Endpoint = moving.test:${two.port}\n`)
    await run('down', 'wg1')
  })

  test(
    'without root: the tunnel works, the process has no rights, and everything goes in the end',
    { timeout: 300_000 },
    async () => {
      await writeConf([], ['AllowedIPs = 0.0.0.0/0, ::/0'])
      expect((await attempt('up', 'wg1', '--user', 'no-such-user')).stderr).toMatch(/there is no user "no-such-user"/)
      for (const end of ['TERM', 'KILL', 'down', 'link']) {
        const { stderr, code } = await attempt('up', 'wg1', '--user', 'nobody')
        expect(code, stderr).toBe(0)
        expect(stderr).toMatch(/\[!\] root is given up: .*\n$/)
        const pid = await pidOf('wg1')
        const { host } = pair.one
        expect(await host.run('cat', [`/proc/${pid}/status`])).toMatch(/^Uid:(\s+65534){4}\n[^]*^CapEff:\s+0+$/m)
        expect(await reaches(host, pair.two.v4)).toBe(true)
        if (end === 'down') await run('down', 'wg1')
        else if (end === 'link') await host.ip('link delete wg1')
        else await host.run('kill', [`-${end}`, String(pid)])
        await eventually(`nothing is left after ${end}`, isClean)
      }
    },
  )

  test('init and add-peer make a server and a client that work', async () => {
    const { one, two } = pair
    await two.end()
    await run(
      'init',
      'srv',
      '--address',
      '10.50.0.1/24, fd50::1/64',
      '--listen-port',
      '10050',
      '--endpoint',
      '10.99.0.1',
    )
    await run('up', 'srv')
    const output = path.join(lab.folder, 'cl.conf')
    const { stdout } = await attempt('add-peer', 'srv', 'phone', '--output', output, '--qr')
    expect(stdout).toContain('Added phone at 10.50.0.2, fd50::2')
    expect(stdout).toMatch(/▀|▄/)
    const made = JSON.parse(await run('add-peer', 'srv', 'laptop', '--json')) as Record<string, unknown>
    expect(made).toMatchObject({ addresses: ['10.50.0.3/32', 'fd50::3/128'], applied: true })
    expect(JSON.stringify(made)).not.toMatch(/privateKey|PrivateKey/)
    expect(await one.host.run('stat', ['-c', '%a', output, '/etc/wireguard/srv.conf'])).toBe('600\n600\n')
    await two.host.run(process.execPath, [wireweave, 'up', output], { env })
    // Both ends have their sockets in one folder of the lab.
    expect(await reaches(two.host, '10.50.0.1')).toBe(true)
    expect((await ping(two.host, 'fd50::1')).received).toBe(1)
    expect(await run('check', 'srv', output)).toMatch(/^2 files: /m)
    await two.host.run(process.execPath, [wireweave, 'down', output], { env })
    await run('down', 'srv')
  })
})
