/** Everything that can go wrong between us and the driver, one test each. */
import { ipInterfaceTable, MIB_IPINTERFACE_ROW, readIpInterface } from '@wireweave/ffi/win32/ip-interface'
import { systemDll } from '@wireweave/ffi/win32/system'
import { manyPeers, prefix, privateKey, publicKey } from '@wireweave/testkit/conformance/values'
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceSnapshot } from '@wireweave/tunnel/config'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { afterEach, describe, expect, test } from 'vitest'
import { wgntBackend } from '../../src/backend.js'
import {
  adapterCount,
  backend,
  freshName,
  handleCount,
  IPHLPAPI,
  isUp,
  kill,
  logged,
  networkRule,
  OPTIONS,
  reset,
  rule,
  traffic,
  violations,
  WRONG_ARCHITECTURE,
} from './double.js'

afterEach(() => {
  expect(violations()).toEqual([])
  expect([adapterCount(), handleCount()]).toEqual([0, 0])
  reset()
})

function code(wanted: string, ...parts: (string | RegExp)[]): (error: unknown) => boolean {
  return (error) => {
    if (!isWireGuardError(error) || error.code !== wanted) return false
    for (const part of parts) expect(error.message).toMatch(part)
    return true
  }
}

async function withTunnel<T>(name: string, work: (tunnel: Tunnel) => Promise<T>): Promise<T> {
  const tunnel = await backend().open({ name })
  try {
    return await work(tunnel)
  } finally {
    await tunnel.close()
  }
}

/** The longest time for which no timer ran meanwhile. */
async function longestPause(work: () => Promise<unknown>): Promise<number> {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 5)
  await work()
  clearInterval(timer)
  return longest
}

describe('the library', () => {
  test('that is not there is named, with where to get it', async () => {
    const missing = wgntBackend({ ...OPTIONS, library: 'C:\\nowhere\\wireguard.dll' })
    expect(await missing.probe()).toMatchObject({
      available: false,
      reason: 'there is no C:\\nowhere\\wireguard.dll',
      remedy: expect.stringContaining('download.wireguard.com/wireguard-nt/'),
    })
    const opening = missing.open({ name: freshName() })
    await expect(opening).rejects.toSatisfy(code('NOT_SUPPORTED', /C:\\nowhere\\wireguard\.dll.*not there/))
  })

  test('that nobody installed is said to be missing, and where it was looked for', async () => {
    const availability = await wgntBackend().probe()
    expect(availability).toMatchObject({ available: false, reason: expect.stringContaining('System32'.toLowerCase()) })
  })

  test('for another processor is found out before it is loaded, and when it is', async () => {
    const wrong = wgntBackend({ ...OPTIONS, library: WRONG_ARCHITECTURE })
    expect(await wrong.probe()).toMatchObject({ available: false, reason: expect.stringContaining('made for ia32') })
    const opening = wrong.open({ name: freshName() })
    await expect(opening).rejects.toSatisfy(code('NOT_SUPPORTED', 'another processor', 'amd64'))
  })

  test('is not asked for where pointers have 4 bytes', async () => {
    const { arch } = process
    Object.defineProperty(process, 'arch', { value: 'ia32' })
    const availability = await backend().probe()
    Object.defineProperty(process, 'arch', { value: arch })
    expect(availability).toMatchObject({ available: false, reason: 'it is not supported on ia32' })
  })

  test('that lacks a function is another version', async () => {
    const opening = wgntBackend({ ...OPTIONS, library: IPHLPAPI }).open({ name: freshName() })
    await expect(opening).rejects.toSatisfy(code('NOT_SUPPORTED', 'WireGuard', 'another version'))
  })

  test('without the right signature is not loaded', async () => {
    const { trust: _trust, ...options } = OPTIONS
    const refused = async (): Promise<void> =>
      expect(wgntBackend(options).open({ name: freshName() })).rejects.toSatisfy(code('NOT_SUPPORTED', 'is not loaded'))
    await refused()
    // Also when somebody has loaded it unchecked before.
    await withTunnel(freshName(), async () => {})
    await refused()
  })
})

describe('creating', () => {
  test('without rights says which are needed, and is not tried again', async () => {
    rule('create=5*1')
    const opening = backend().open({ name: freshName() })
    await expect(opening).rejects.toSatisfy(code('PERMISSION_DENIED', 'elevated administrator', 'ERROR_ACCESS_DENIED'))
  })

  test.each([183, 2, 4319, 1170])('is tried again after error %d, which a second attempt cures', async (number) => {
    rule(`create=${number}*1`)
    await withTunnel(freshName(), (tunnel) => tunnel.up())
  })

  test('gives up after three attempts, with what the library logged', async () => {
    rule('create=183')
    const opening = backend().open({ name: freshName() })
    await expect(opening).rejects.toSatisfy(code('SYSTEM', 'ERROR_ALREADY_EXISTS', 'problem code 0x1F', 'pnputil'))
  })

  test('that takes long does not stop the event loop', async () => {
    rule('create-delay=1500')
    const pause = await longestPause(() => withTunnel(freshName(), async () => {}))
    expect(pause).toBeLessThan(750)
  })

  test('that is aborted is answered at once and leaves nothing', async () => {
    rule('create-delay=700')
    const name = freshName()
    const controller = new AbortController()
    const opening = backend().open({ name, signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(opening).rejects.toSatisfy(code('ABORTED'))
    expect(isUp(name)).toBeNull()
    await expect.poll(() => logged().at(-1), { timeout: 60_000 }).toBe(`Removing adapter ${name}`)
    // It says so, and then does it.
    await expect.poll(() => [adapterCount(), handleCount()]).toEqual([0, 0])
  })

  test('by the name of another interface is refused: it would rename that one', async () => {
    await expect(backend().open({ name: 'Ethernet' })).rejects.toSatisfy(code('NAME_IN_USE', 'Ethernet'))
  })

  test.each(['NUL', 'com1.x', '.wg', 'wg.', 'a/b'])('as %s is refused', async (name) => {
    await expect(backend().open({ name })).rejects.toSatisfy(code('NAME_INVALID'))
  })

  test('with %d takes the first number that is free, also of several at once', async () => {
    const tunnels = await Promise.all([1, 2, 3].map(() => backend().open({ name: 'num%d' })))
    expect(tunnels.map(({ interfaceRef }) => interfaceRef!.name).toSorted()).toEqual(['num0', 'num1', 'num2'])
    for (const tunnel of tunnels) await tunnel.close()
  })
})

describe('the MTU', () => {
  const iphlpapi = systemDll(IPHLPAPI, ipInterfaceTable).call
  const mtuOf = (tunnel: Tunnel, family: number): number | string => {
    const luid = (53n << 48n) | (BigInt(tunnel.interfaceRef!.index) << 24n)
    const row = readIpInterface(iphlpapi, luid, family)
    return typeof row === 'number' ? `error ${row}` : row.getUint32(MIB_IPINTERFACE_ROW.nlMtu, true)
  }

  test('is set once TCP/IP has bound to the adapter', async () => {
    networkRule('appear=150')
    const tunnel = await backend().open({ name: freshName(), mtu: 1380 })
    expect([mtuOf(tunnel, 2), mtuOf(tunnel, 23)]).toEqual([1380, 1380])
    await tunnel.close()
  })

  test('is set for IPv4 alone where IPv6 is switched off', async () => {
    networkRule('no-ipv6')
    const tunnel = await backend().open({ name: freshName(), mtu: 1280 })
    expect([mtuOf(tunnel, 2), mtuOf(tunnel, 23)]).toEqual([1280, 'error 1168'])
    await tunnel.close()
  })
})

describe('an update', () => {
  const summary = ({ publicKey: key, peers }: DeviceSnapshot): unknown => [
    key,
    peers.map(({ publicKey: peer, allowedIps }) => [peer, allowedIps.map(formatPrefix)]),
  ]

  test('that stops at a peer is taken back, and says so', () =>
    withTunnel(freshName(), async (tunnel) => {
      await tunnel.apply({ privateKey: privateKey(1), peers: manyPeers(3) })
      const before = summary(await tunnel.snapshot())
      rule('set-peer=3*1')
      const peers = [
        { publicKey: publicKey(1000), replaceAllowedIps: true, allowedIps: [prefix('10.0.1.0/24')] },
        { publicKey: publicKey(1), allowedIps: [prefix('10.0.2.0/24')] },
        { publicKey: publicKey(2) },
      ]
      const applying = tunnel.apply({ privateKey: null, peers })
      await expect(applying).rejects.toSatisfy(code('SYSTEM', 'ERROR_NOT_ENOUGH_MEMORY', 'was taken back'))
      expect(summary(await tunnel.snapshot())).toEqual(before)
    }))

  test('that can neither go on nor be taken back says that a part of it took effect', () =>
    withTunnel(freshName(), async (tunnel) => {
      rule('set-peer=2')
      await tunnel.apply({ peers: manyPeers(1) })
      const applying = tunnel.apply({ replacePeers: true, peers: [1, 2, 3].map((n) => ({ publicKey: publicKey(n) })) })
      await expect(applying).rejects.toSatisfy(code('SYSTEM', 'could not be taken back'))
      expect((await tunnel.snapshot()).peers).not.toHaveLength(3)
    }))

  test('removes an allowed IP of a driver that can only replace the whole list', async () => {
    rule('version=10')
    await withTunnel(freshName(), async (tunnel) => {
      const publicKeyOfIt = publicKey(1)
      const two = ['10.0.0.0/8', '10.0.0.0/9'].map(prefix)
      await tunnel.apply({ peers: [{ publicKey: publicKeyOfIt, allowedIps: two }] })
      await tunnel.apply({ peers: [{ publicKey: publicKeyOfIt, allowedIps: [{ ...two[0]!, remove: true }] }] })
      expect((await tunnel.snapshot()).peers[0]!.allowedIps.map(formatPrefix)).toEqual(['10.0.0.0/9'])
    })
  })
})

test('reading copes with a configuration that grows between question and answer', () =>
  withTunnel(freshName(), async (tunnel) => {
    await tunnel.apply({ privateKey: privateKey(1), peers: manyPeers(10) })
    rule('grow=1*3')
    const { peers, publicKey: key } = await tunnel.snapshot()
    expect(key).not.toBeNull()
    expect(peers.length).toBeGreaterThan(10)
  }))

test('counters and the time of the last handshake are told', () =>
  withTunnel(freshName(), async (tunnel) => {
    await tunnel.apply({ peers: manyPeers(1) })
    traffic(tunnel.interfaceRef!.name, 5n, 1n << 40n, 133_444_736_001_234_567n)
    expect((await tunnel.snapshot()).peers[0]).toMatchObject({
      ...{ rxBytes: 5n, txBytes: 1n << 40n, lastHandshakeTimeNs: 1_700_000_000_123_456_700n },
    })
  }))

test.each([2, 24, 1167, 4319])('an adapter that is gone, as error %d tells, ends the tunnel', async (number) => {
  const tunnel = await backend().open({ name: freshName() })
  rule(`gone=${number}`)
  kill(tunnel.interfaceRef!.name)
  await expect(tunnel.snapshot()).rejects.toSatisfy(code('CLOSED', 'gone'))
  await tunnel.closed
  await tunnel.close()
})

describe('the log', () => {
  test('arrives by interface, a thousand lines a second, and closing waits for its last line', async () => {
    rule('lograte=1000')
    const events: [TunnelEvent[], TunnelEvent[]] = [[], []]
    const tunnels = await Promise.all(
      events.map((list) => backend().open({ name: freshName(), onEvent: (event) => list.push(event) })),
    )
    await expect.poll(() => Math.min(...events.map((list) => list.length)), { timeout: 60_000 }).toBeGreaterThan(100)
    for (const tunnel of tunnels) await tunnel.close()
    for (const list of events) {
      expect(list.at(-1)).toEqual({ tag: 'log', level: 'verbose', message: 'Interface destroyed' })
      expect(list).toContainEqual({ tag: 'log', level: 'error', message: 'Sending keepalive packet to peer 1 (9)' })
      const numbers = list.flatMap((event) => ('message' in event ? (/\((\d+)\)/.exec(event.message)?.[1] ?? []) : []))
      expect(numbers).toEqual(numbers.map((_, i) => String(i)))
    }
  })
})
