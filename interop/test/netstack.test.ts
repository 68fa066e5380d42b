/**
 * `wireweave proxy` against the Linux kernel's TCP behind another implementation's tunnel: what programs get through it.
 *
 *   one: curl, git, chromium → proxy ── wire0 ── two: wg2, wireguard-go, services
 *
 * The proxy runs without a single capability.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../rig/command.js'
import { ours, peers } from '../rig/implementations.js'
import { generateKeyPair } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import type { Background } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { wiredPair } from '../rig/topologies.js'
import type { Pair } from '../rig/topologies.js'

const peer = peers[0]!
const wireweave = fileURLToPath(new URL('../../packages/cli/dist/bin/wireweave.js', import.meta.url))
const rig = (name: string): string => fileURLToPath(new URL(`../rig/${name}`, import.meta.url))

const PORT = { socks: 1080, http: 8080, iperf: 5201, dns: 5353, echo: 7007, reverse: 8081, info: 9090 }
const MEGABYTES = 1000
const CONNECTIONS = 1000

const needs = [
  ours.need,
  peer.need,
  program('curl', 'curl'),
  program('git', 'git'),
  program('iperf3', 'iperf3'),
  program('chromium', 'chromium'),
  program('nft', 'nftables'),
  program('setpriv', 'util-linux'),
]

describeWith('the proxy', needs, () => {
  let lab: Lab
  let pair: Pair
  let proxy: Background
  const sums = new Map<string, string>()

  beforeAll(async () => {
    lab = await Lab.open()
    pair = await wiredPair(lab, peer)
    const { one, two } = pair
    await two.start()
    await two.up()
    const keys = generateKeyPair()
    await two.configure({ publicKey: keys.publicKey, allowedIps: one.allowedIps })
    const conf = path.join(lab.folder, 'provider.conf')
    const target = (port: number): string => `${two.v4}:${port}`
    writeFileSync(
      conf,
      `[Interface]
PrivateKey = ${keys.privateKey}
Address = ${one.allowedIps.join(', ')}
DNS = ${two.v4}, inside.test
[Peer]
PublicKey = ${two.keys.publicKey}
AllowedIPs = ${two.allowedIps.join(', ')}
Endpoint = ${pair.endpointOf(two)}
PersistentKeepalive = 25
[http]
BindAddress = 127.0.0.1:${PORT.http}
`,
    )
    const words = ['-D', `${PORT.socks}`, '--metrics', `${PORT.info}`, '-R', `80:127.0.0.1:${PORT.reverse}`]
    for (const [port, to] of [
      [PORT.iperf, target(5201)],
      [PORT.echo, target(7)],
      [PORT.dns, `${target(53)}/udp`],
    ]) {
      words.push('-L', `${port}:${to}`)
    }
    await makeFiles()
    two.host.start('services', process.execPath, [rig('services.mjs'), lab.folder, two.v4, two.v6])
    const bare = ['--bounding-set=-all', '--inh-caps=-all', process.execPath, wireweave, 'proxy', conf]
    proxy = one.host.start('proxy', 'setpriv', [...bare, ...words])
    await eventually('the proxy listens', () => proxy.output.includes('/metrics'), 20)
    await eventually('the peer answers', () => proxy.output.includes(' answers'), 20)
  })
  afterAll(() => lab?.close())

  /** Random files, a page, and a repository that any web server can serve. */
  async function makeFiles(): Promise<void> {
    const script = `set -e; cd "$1"
      head -c ${MEGABYTES}M /dev/urandom > big; head -c 20M big > small
      echo '<body><p id=here></p><script>here.textContent = 6 * 7 + " from " + location.host</script></body>' > page.html
      git init -q source; cd source; head -c 3M ../big > data
      git add data; git -c user.name=a -c user.email=a@example.com commit -q -m first; cd ..
      git clone -q --bare source repository.git; git -C repository.git update-server-info; sha256sum big small`
    const { host } = pair.two
    const text = await host.run('sh', ['-c', script, 'sh', lab.folder], { seconds: 200 })
    for (const line of text.trim().split('\n')) sums.set(line.slice(66), line.slice(0, 64))
  }

  const socks = `socks5h://127.0.0.1:${PORT.socks}`
  const http = `http://127.0.0.1:${PORT.http}`

  async function curl(url: string, ...words: string[]): Promise<string> {
    const args = [
      '--silent',
      '--show-error',
      '--fail',
      '--max-time',
      '540',
      '--noproxy',
      '',
      '--globoff',
      ...words,
      url,
    ]
    return pair.one.host.run('curl', args, { seconds: 550 })
  }

  /** Hash of a file that `one` fetches. */
  async function fetched(url: string, scheme: string): Promise<string> {
    const file = path.join(lab.folder, 'fetched')
    await curl(url, '--proxy', scheme, '--output', file)
    return (await pair.one.host.run('sha256sum', [file], { seconds: 200 })).slice(0, 64)
  }

  test(`a file of ${MEGABYTES} MB comes over SOCKS5 as it is`, { timeout: 600_000 }, async () => {
    expect(await fetched(`http://${pair.two.v4}/big`, socks)).toBe(sums.get('big'))
  })

  test.each([
    ['SOCKS5', socks],
    ['HTTP', http],
  ])('IPv6, and names of the tunnel in full and in short, over %s', async (_, scheme) => {
    const { v6 } = pair.two
    for (const host of [`[${v6}]`, 'www.inside.test', 'www']) {
      expect(await fetched(`http://${host}/small`, scheme), host).toBe(sums.get('small'))
    }
    await expect(curl('http://nobody.inside.test/', '--proxy', scheme)).rejects.toThrow(/exit code/)
  })

  test('a page of this machine is seen on the other side, by the kernel there', async () => {
    const { one, two } = pair
    const script = `require('http').createServer((_, r) => r.end('from one')).listen(${PORT.reverse}, '127.0.0.1')`
    one.host.start('local', process.execPath, ['-e', script])
    for (const host of [one.v4, `[${one.v6}]`]) {
      await eventually(`the page at ${host}`, async () => {
        const { stdout } = await two.host.attempt('curl', ['-s', '--max-time', '5', '--globoff', `http://${host}/`])
        return stdout === 'from one'
      })
    }
  })

  test.each(['v4', 'v6'] as const)(`${CONNECTIONS} connections at a time, %s`, async (family) => {
    const args = [rig('many-connections.mjs'), `${PORT.socks}`, pair.two[family], `${CONNECTIONS}`, '20000']
    expect(await pair.one.host.run(process.execPath, args, { seconds: 200 })).toBe(
      `${CONNECTIONS} open\n${CONNECTIONS} right\n`,
    )
  })

  test.each([
    ['SOCKS5', socks],
    ['HTTP', http],
  ])('git clones over %s', async (_, scheme) => {
    const clone = path.join(lab.folder, `clone-${scheme.slice(0, 4)}`)
    const words = ['-c', `http.proxy=${scheme}`, 'clone', '-q', `http://www.inside.test/repository.git`, clone]
    await pair.one.host.run('git', words, { env: { ...process.env, no_proxy: '' }, seconds: 200 })
    await pair.one.host.run('cmp', [path.join(clone, 'data'), path.join(lab.folder, 'source/data')])
  })

  test('a DNS query by UDP, through a forward', async () => {
    const query = `
      const { createSocket } = require('dgram')
      const name = ['www', 'inside', 'test'].map((label) => String.fromCharCode(label.length) + label).join('')
      const query = Buffer.from('\\x12\\x34\\x01\\x00\\x00\\x01\\0\\0\\0\\0\\0\\0' + name + '\\0\\0\\x01\\0\\x01', 'latin1')
      const socket = createSocket('udp4')
      socket.on('message', (answer) => { console.log([...answer.subarray(-4)].join('.')); socket.close() })
      socket.send(query, ${PORT.dns}, '127.0.0.1')`
    expect(await pair.one.host.run(process.execPath, ['-e', query])).toBe(`${pair.two.v4}\n`)
  })

  test.each([
    ['out', []],
    ['in', ['-R']],
  ])('iperf3 through a forward, %s', async (_, words) => {
    const { one, two } = pair
    const server = two.host.start('iperf3', 'iperf3', ['-s', '-1'])
    const args = ['-c', '127.0.0.1', '-p', `${PORT.iperf}`, '-J', '-t', '2', '-P', '2', ...words]
    let text = ''
    await eventually('iperf3 serves', async () => {
      text = (await one.host.attempt('iperf3', args)).stdout
      return !/"error"/.test(text)
    })
    await server.stop()
    const { end } = JSON.parse(text) as { end: { sum_received: { bytes: number } } }
    expect(end.sum_received.bytes).toBeGreaterThan(10_000_000)
  })

  test('every keystroke comes back', async () => {
    const script = `
      const socket = require('net').connect(${PORT.echo}, '127.0.0.1')
      let left = 300
      socket.on('data', () => (--left > 0 ? socket.write('x') : (console.log('done'), socket.end())))
      socket.write('x')`
    expect(await pair.one.host.run(process.execPath, ['-e', script])).toBe('done\n')
  })

  test.each([
    ['SOCKS5', `socks5://127.0.0.1:${PORT.socks}`],
    ['HTTP', http],
  ])('a browser shows a page of the tunnel, over %s', async (_, scheme) => {
    const profile = path.join(lab.folder, `chromium-${scheme.slice(0, 4)}`)
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
    const quiet = ['--disable-background-networking', '--disable-component-update', `--user-data-dir=${profile}`]
    const words = [...flags, ...quiet, `--proxy-server=${scheme}`, '--dump-dom', 'http://www.inside.test/page.html']
    const { stdout } = await pair.one.host.attempt('chromium', words, { seconds: 200 })
    expect(stdout).toContain('<p id="here">42 from www.inside.test</p>')
  })

  test('a wire that loses one datagram of a hundred delays, and damages nothing', async () => {
    const { one, two } = pair
    for (const { host } of [one, two]) {
      await host.run('nft', ['add', 'table', 'inet', 'lossy'])
      await host.run('nft', ['add chain inet lossy input { type filter hook input priority 0; }'])
      await host.run('nft', ['add rule inet lossy input meta l4proto udp numgen random mod 100 < 1 drop'])
    }
    for (const [host, scheme] of [
      [two.v4, socks],
      [`[${two.v6}]`, http],
    ]) {
      expect(await fetched(`http://${host}/small`, scheme!)).toBe(sums.get('small'))
    }
    const args = [rig('many-connections.mjs'), `${PORT.socks}`, two.v4, '100', '50000']
    expect(await one.host.run(process.execPath, args, { seconds: 200 })).toContain('100 right')
    for (const { host } of [one, two]) await host.run('nft', ['delete', 'table', 'inet', 'lossy'])
    // It did lose.
    const metrics = await curl(`http://127.0.0.1:${PORT.info}/metrics`)
    expect(Number(/^wireweave_netstack_tcp_retransmits_total\{.*\} (\d+)$/m.exec(metrics)![1])).toBeGreaterThan(0)
  })

  test('/metrics counts it, nothing is left open, and it ends on a signal', async () => {
    const metrics = await curl(`http://127.0.0.1:${PORT.info}/metrics`)
    expect(metrics).toMatch(/^wireguard_peer_connected\{interface="provider".*\} 1$/m)
    expect(Number(/^wireguard_received_bytes_total\{.*\} (\d+)$/m.exec(metrics)![1])).toBeGreaterThan(MEGABYTES * 1e6)
    await eventually('only this connection is open', async () => {
      const text = await curl(`http://127.0.0.1:${PORT.info}/metrics`)
      return /^wireweave_proxy_open_connections\{.*\} 1$/m.test(text)
    })
    expect(await pair.one.host.run('cat', [`/proc/net/dev`])).not.toMatch(/wg|tun/)
    await proxy.signal('SIGINT')
    expect(await proxy.exit).toBe(0)
  })
})
