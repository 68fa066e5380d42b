/** Which packets go to and come from which peer. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../rig/command.js'
import { ours } from '../rig/implementations.js'
import { generateKeyPair } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import { describeWith } from '../rig/needs.js'
import { connect, loopbackPair, startBoth, wiredPair } from '../rig/topologies.js'
import { ping, pingLoss, reaches, sendUdp, UdpSink } from '../rig/traffic.js'
import { End } from '../rig/tunnel.js'

describeWith('routing', [ours.need], () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await Lab.open()
  })
  afterEach(() => lab.close())

  test('a packet from an address that routes to another peer is dropped, until it routes to its sender again', async () => {
    const pair = await loopbackPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    await two.wg(`set peer ${one.keys.publicKey} allowed-ips 192.168.241.0/24,fd00::/64`)
    await using sink = await UdpSink.open(two.host, two.v4, 1111)
    await using sink6 = await UdpSink.open(two.host, two.v6, 1111)
    const send = async (text: string): Promise<void> => {
      await sendUdp(one.host, two.v4, 1111, text)
      await sendUdp(one.host, two.v6, 1111, text)
    }
    await send('before')
    await eventually('the datagrams arrive', () => sink.received.length === 1 && sink6.received.length === 1)

    // The tunnel of `one` stays as it was; its addresses are somebody else's now.
    const thief = generateKeyPair().publicKey
    await two.wg(`set peer ${thief} allowed-ips ${one.v4}/32,${one.v6}/128`)
    await send('meanwhile')
    await two.wg(`set peer ${thief} remove`)
    await send('after')
    await eventually('the datagrams arrive', () => sink.received.length >= 2 && sink6.received.length >= 2)
    expect([sink.received, sink6.received]).toEqual([
      ['before', 'after'],
      ['before', 'after'],
    ])
  })

  test('an allowed IP moves to the peer that was given it last, and the longest prefix wins', async () => {
    const pair = await loopbackPair(lab)
    const { one } = pair
    await startBoth(pair)
    const [a, b] = [generateKeyPair().publicKey, generateKeyPair().publicKey]
    await one.wg(`set peer ${a} allowed-ips 10.0.0.0/8,0.0.0.0/0,::/0`)
    await one.wg(`set peer ${b} allowed-ips 10.1.0.0/16,0.0.0.0/0`)
    expect((await one.peer(a)).allowedIps.toSorted()).toEqual(['10.0.0.0/8', '::/0'])
    expect((await one.peer(b)).allowedIps.toSorted()).toEqual(['0.0.0.0/0', '10.1.0.0/16'])
  })

  test('a packet for nobody is answered: no route to host', async () => {
    const pair = await loopbackPair(lab)
    const { one } = pair
    await startBoth(pair)
    await connect(pair)
    const { stdout } = await one.host.attempt('ping', ['-c', '1', '-W', '2', '192.168.241.77'])
    expect(stdout).toContain('Destination Host Unreachable')
    const six = await one.host.attempt('ping', ['-c', '1', '-W', '2', 'fd00::77'])
    expect(six.stdout).toMatch(/Destination unreachable: (Address unreachable|No route)/)
  })

  test('a tunnel inside a tunnel', async () => {
    const pair = await loopbackPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    const inner = [
      new End({
        host: one.host,
        implementation: ours,
        interfaceName: 'wg3',
        port: 30000,
        v4: '192.168.99.1',
        v6: 'fd03::1',
        mtu: 1340,
      }),
      new End({
        host: two.host,
        implementation: ours,
        interfaceName: 'wg4',
        port: 40000,
        v4: '192.168.99.2',
        v6: 'fd03::2',
        mtu: 1340,
      }),
    ] as const
    for (const [i, end] of inner.entries()) {
      const other = inner[1 - i]!
      await end.start()
      await end.up()
      await end.configure({
        publicKey: other.keys.publicKey,
        allowedIps: other.allowedIps,
        endpoint: `${i === 0 ? two.v4 : one.v4}:${other.port}`,
      })
    }
    expect(await reaches(one.host, inner[1].v4)).toBe(true)
    expect(await pingLoss(one.host, inner[1].v6, '-c 50 -f -W 2 -s 1200')).toBeLessThanOrEqual(0.04)
  })

  test('a tunnel whose own datagrams are routed into it sends a bounded number of them', async () => {
    const pair = await wiredPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    expect(await reaches(one.host, two.v4)).toBe(true)
    await one.wg(`set peer ${two.keys.publicKey} allowed-ips 0.0.0.0/0`)
    await one.host.ip('route add 10.99.0.2/32 dev wg1')
    const before = (await one.peer(two.keys.publicKey)).txBytes
    await ping(one.host, two.v4, '-c 10 -f -W 1')
    await sleep(1_000)
    const sent = (await one.peer(two.keys.publicKey)).txBytes - before
    // Each datagram that comes back is longer than the one it carries, until it is longer than any may be.
    expect(sent).toBeLessThan(1_000_000)
    await sleep(1_000)
    const { txBytes } = await one.peer(two.keys.publicKey)
    await sleep(1_000)
    expect((await one.peer(two.keys.publicKey)).txBytes).toBe(txBytes)
  })

  test('a firewall mark keeps our datagrams out of a tunnel that takes everything', async () => {
    const pair = await wiredPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    await one.wg(`set fwmark 51820 peer ${two.keys.publicKey} allowed-ips 0.0.0.0/0,::/0`)
    await one.host.ip('route add default dev wg1 table 51820')
    await one.host.ip('rule add not fwmark 51820 table 51820')
    await one.host.ip('rule add table main suppress_prefixlength 0')
    await two.host.ip('address add 203.0.113.5/32 dev lo')
    expect(await reaches(one.host, '203.0.113.5')).toBe(true)
    expect(await pingLoss(one.host, '203.0.113.5', '-c 100 -f -W 2')).toBeLessThanOrEqual(0.02)
    expect(await one.wg('show fwmark')).toBe('0xca6c\n')
  })

  test('130 560 allowed IPs go in with one set and come out again, and packets still find their way', async () => {
    const pair = await loopbackPair(lab)
    const { one, two } = pair
    await startBoth(pair)
    await connect(pair)
    const many = generateKeyPair().publicKey
    const prefixes: string[] = []
    for (let a = 0; a < 255; a++)
      for (let b = 1; b <= 256; b++)
        prefixes.push(`10.${a}.${b - 1}.0/24`, `fd01:${a.toString(16)}:${b.toString(16)}::/48`)
    expect(prefixes).toHaveLength(130_560)
    const file = ['[Peer]', `PublicKey = ${many}`]
    for (let i = 0; i < prefixes.length; i += 100) file.push(`AllowedIPs = ${prefixes.slice(i, i + 100).join(',')}`)
    await one.host.wg(`addconf ${one.interfaceName} /dev/stdin`, `${file.join('\n')}\n`)
    const rows = (await one.wg('show allowed-ips')).split('\n').map((row) => row.split('\t'))
    const found = rows.find(([key]) => key === many)![1]!.split(' ')
    expect(found.toSorted().join() === prefixes.toSorted().join()).toBe(true)
    expect(await reaches(one.host, two.v4)).toBe(true)
  })

  test('70 peers with prefixes of all lengths are told as they were set', async () => {
    const pair = await loopbackPair(lab)
    const { one } = pair
    await startBoth(pair)
    const wanted = new Map<string, string[]>()
    const file: string[] = []
    for (let p = 0; p < 70; p++) {
      const key = generateKeyPair().publicKey
      const prefixes = Array.from({ length: 52 }, (_, i) =>
        i % 2 === 0 ? `10.${p}.${i}.0/${24 + (i % 9)}` : `fd00:${p.toString(16)}:${i.toString(16)}::/${48 + i}`,
      )
      wanted.set(key, prefixes)
      file.push('[Peer]', `PublicKey = ${key}`, `AllowedIPs = ${prefixes.join(', ')}`)
    }
    await one.wg('setconf /dev/stdin', `${file.join('\n')}\n`)
    const rows = (await one.wg('show allowed-ips'))
      .trim()
      .split('\n')
      .map((row) => row.split('\t'))
    expect(rows).toHaveLength(70)
    for (const [key, prefixes] of rows) expect(prefixes!.split(' ').toSorted()).toEqual(wanted.get(key!)!.toSorted())
  })

  test('the key of a point of low order sends nothing', async () => {
    const pair = await loopbackPair(lab)
    const { one } = pair
    await startBoth(pair)
    await connect(pair)
    for (const [i, key] of LOW_ORDER.entries()) {
      await one.wg(
        `set peer ${key} endpoint 127.0.0.1:${31000 + i} allowed-ips 172.16.${i}.0/24 persistent-keepalive 1`,
      )
      void ping(one.host, `172.16.${i}.1`, '-c 1 -W 1').catch(() => {})
    }
    await sleep(2_000)
    for (const key of LOW_ORDER) expect((await one.peer(key)).txBytes).toBe(0)
    const log = readFileSync(path.join(lab.folder, 'wg1.log'), 'utf8')
    expect(log.split('\n').length).toBeLessThan(300)
  })
})

/** Curve25519 points whose multiples are of an order up to 8, as base64; three of them are not reduced. */
const LOW_ORDER = [
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  '4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=',
  'X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=',
  '7P///////////////////////////////////////38=',
  '7f///////////////////////////////////////38=',
  '7v///////////////////////////////////////38=',
]
