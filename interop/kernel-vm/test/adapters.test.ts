/** Which adapter is taken, what the others say, and a tunnel that goes from one to another. */
import { execFileSync } from 'node:child_process'
import { comparable } from '@wireweave/testkit/conformance/values'
import { openTunnel, readHostState, up } from 'wireweave'
import type { OpenTunnelOptions, Selection, Tunnel, UpOptions } from 'wireweave'
import { expect, inject, onTestFinished, test } from 'vitest'
import { attempt, eventually } from '../../rig/command.js'
import { generateKeyPair } from '../../rig/keys.js'

const ADAPTERS = ['linux-wg', 'linux-tun'] as const

function run(script: string, input = ''): string {
  return execFileSync('sh', ['-ec', script], { input, encoding: 'utf8' })
}

async function selectionFor(options: Partial<OpenTunnelOptions>): Promise<Selection> {
  let selection: Selection | null = null
  await using _ = await openTunnel({ name: 'wws%d', ...options, onSelection: (made) => (selection = made) })
  return selection!
}

test('auto takes the kernel where it has WireGuard, and user space when told to pass the kernel over', async () => {
  expect(await selectionFor({})).toMatchObject({ backend: { name: 'linux-wg' }, skipped: [] })
  expect(await selectionFor({ kernel: false })).toMatchObject({ backend: { name: 'linux-tun' }, skipped: [] })
  expect(await selectionFor({ adapter: 'linux-tun' })).toMatchObject({
    backend: { name: 'linux-tun' },
    why: 'asked for by the adapter option',
  })
})

test('WIREWEAVE_ADAPTER says which where the caller does not, and must name one that there is', async () => {
  onTestFinished(() => void delete process.env['WIREWEAVE_ADAPTER'])
  const why = 'asked for by the WIREWEAVE_ADAPTER variable'
  for (const name of ADAPTERS) {
    process.env['WIREWEAVE_ADAPTER'] = name
    expect(await selectionFor({})).toMatchObject({ backend: { name }, why })
  }
  expect(await selectionFor({ adapter: 'linux-wg' })).toMatchObject({ backend: { name: 'linux-wg' } })
  process.env['WIREWEAVE_ADAPTER'] = 'linux-wq'
  await expect(selectionFor({})).rejects.toThrow(
    /WIREWEAVE_ADAPTER variable names the unknown adapter "linux-wq"; known: auto, linux-wg, linux-tun/,
  )
})

test('without the module auto takes user space and says why, and whoever names the kernel is told', () => {
  const reason = 'the kernel has no wireguard module loaded'
  const remedy = 'Try `modprobe wireguard`; it is part of Linux since 5.6.'
  expect(inject('withoutModule')).toEqual({
    probe: { available: false, reason, remedy },
    open: 'opening wwa1: the kernel has no wireguard module; try `modprobe wireguard`; it is part of Linux since 5.6',
    taken: 'linux-tun',
    skipped: [{ name: 'linux-wg', reason, remedy }],
    named: `adapter linux-wg: ${reason}. ${remedy}`,
  })
})

test('who may not administer the network is told how to get the right', () => {
  const script = `
    import { registry } from 'wireweave'
    const said = []
    for (const backend of (await registry()).filter(({ name }) => name.startsWith('linux-'))) {
      const refusal = await backend.open({ name: 'wwr0' }).catch(({ code, message }) => [code, message])
      said.push([backend.name, await backend.probe(), refusal])
    }
    console.log(JSON.stringify(said))`
  const capability = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
  const args = [...capability, process.execPath, '--input-type=module', '-e', script]
  const said = JSON.parse(execFileSync('setpriv', args, { encoding: 'utf8' })) as unknown
  const reason = 'the process lacks CAP_NET_ADMIN'
  const remedy = expect.stringMatching(/^Run as root, or give the process CAP_NET_ADMIN/)
  const refusal = ['PERMISSION_DENIED', expect.stringMatching(/run as root, or give the process CAP_NET_ADMIN/)]
  expect(said).toEqual(ADAPTERS.map((name) => [name, { available: false, reason, remedy }, refusal]))
})

test.each(ADAPTERS)('%s refuses a name that an interface of another kind has', async (adapter) => {
  run('ip link add wwd0 type dummy')
  try {
    const refusal = expect(openTunnel({ name: 'wwd0', adapter })).rejects
    await refusal.toMatchObject({ code: 'NAME_IN_USE', message: expect.stringMatching(/choose another/) })
    expect(run('ip -d link show wwd0')).toContain('dummy')
  } finally {
    run('ip link delete wwd0')
  }
})

test('a tunnel goes from adapter to adapter by down and up, with the same file, and its peer goes on with it', async () => {
  const [we, they] = [generateKeyPair(), generateKeyPair()]
  // The socket of the peer's interface stays where that was made, on this loopback.
  run('ip netns add peer; ip link add wwp0 type wireguard; ip link set wwp0 netns peer')
  const there = (script: string, input?: string): string => run(`ip netns exec peer sh -ec '${script}'`, input)
  try {
    there('cat | wg set wwp0 listen-port 20000 private-key /dev/stdin', they.privateKey)
    there(`wg set wwp0 peer ${we.publicKey} allowed-ips 192.168.78.1/32,fd78::1/128`)
    there('ip address add 192.168.78.2/24 dev wwp0; ip address add fd78::2/64 dev wwp0 nodad; ip link set wwp0 up')
    const text = `
      [Interface]
      PrivateKey = ${we.privateKey}
      ListenPort = 10000
      Address = 192.168.78.1/24, fd78::1/64
      [Peer]
      PublicKey = ${they.publicKey}
      Endpoint = 127.0.0.1:20000
      AllowedIPs = 192.168.78.2/32, fd78::2/128`
    const shown: object[] = []
    for (const adapter of ['linux-wg', 'linux-tun', 'linux-wg'] as const) {
      const { tunnel, down } = await upFor({ config: { name: 'wwm0', text }, adapter })
      expect(tunnel.backend).toBe(adapter)
      // Of the session with the adapter before nothing is left here; the next packet makes another.
      await eventually(`pings go out over ${adapter}`, () => pings('ping -c 1 -W 2 192.168.78.2'), 5)
      expect(await pings('ip netns exec peer ping -c 3 -i 0.2 -W 5 fd78::1')).toBe(true)
      const snapshot = await tunnel.snapshot()
      const { routes, isUp } = (await readHostState('wwm0'))!
      shown.push({ ...comparable(snapshot), routes, isUp })
      const dump = there('wg show wwp0 transfer').split(/\s/)
      expect(Number(dump[1])).toBeGreaterThan(0)
      expect(snapshot.peers[0]!.rxBytes).toBeGreaterThan(300n)
      await down()
      expect(await readHostState('wwm0')).toBeNull()
    }
    expect(shown[1]).toEqual(shown[0])
    expect(shown[2]).toEqual(shown[0])
  } finally {
    run('ip netns delete peer')
  }
})

/** Down again at the latest when the test is over. */
async function upFor(options: UpOptions): Promise<{ tunnel: Tunnel; down(): Promise<void> }> {
  const opened = await up(options)
  onTestFinished(() => opened.down())
  return { tunnel: opened.tunnel, down: () => opened.down() }
}

/** Not with `execFileSync`: our device serves the ping from this thread. */
async function pings(words: string): Promise<boolean> {
  const [file, ...args] = words.split(' ')
  return (await attempt(file!, args)).code === 0
}
