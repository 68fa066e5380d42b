import { EINVAL } from '@wireweave/ffi/errno'
import { TUNSETOFFLOAD } from '@wireweave/ffi/linux'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { System } from '../../src/abi.js'
import { closePorts, type OpenOptions, type Pair, systemWith, wiredPair } from './ports.js'
import { deleteNamespaces, isolate, makeNamespace, missing, pings, run, until } from './rig.js'
import { transfer } from './transfer.js'
import { UdpSocket } from './datagrams.js'
import { payloadOf } from '../packets.js'

const lacking = missing()
const TUN_F_USO = 0x60

/** A kernel before 6.2: it neither gives nor takes large UDP packets. */
const withoutUso = (): (() => System) =>
  systemWith((real, fail) => ({
    ioctl: (fd, request, argument) =>
      request === TUNSETOFFLOAD && (argument & TUN_F_USO) !== 0 ? fail(EINVAL) : real.ioctl(fd, request, argument),
  }))

/** A kernel that gives nothing large and takes nothing large, as far as it says so only when asked. */
const withoutAny = (): (() => System) =>
  systemWith((real, fail) => ({
    ioctl: (fd, request, argument) =>
      request === TUNSETOFFLOAD && argument !== 0 ? fail(EINVAL) : real.ioctl(fd, request, argument),
    writev: (fd, iovecs, count) => (count > 2 ? fail(EINVAL) : real.writev(fd, iovecs, count)),
  }))

const all = { checksum: true, tcpSegmentation: true, udpSegmentation: true, tcpCoalescing: true, udpCoalescing: true }
const none = {
  checksum: false,
  tcpSegmentation: false,
  udpSegmentation: false,
  tcpCoalescing: false,
  udpCoalescing: false,
}

const rows: [string, () => OpenOptions, object, object][] = [
  ['all offloads', () => ({}), all, all],
  ['all offloads switched off', () => none, none, none],
  [
    'no coalescing',
    () => ({ tcpCoalescing: false, udpCoalescing: false }),
    { ...all, tcpCoalescing: false, udpCoalescing: false },
    { ...all, tcpCoalescing: false, udpCoalescing: false },
  ],
  [
    'checksums only',
    () => ({ tcpSegmentation: false, udpSegmentation: false }),
    { ...all, tcpSegmentation: false, udpSegmentation: false },
    { ...all, tcpSegmentation: false, udpSegmentation: false },
  ],
  [
    'a kernel without USO',
    () => ({ system: withoutUso() }),
    { ...all, udpSegmentation: false, udpCoalescing: false },
    { ...all, udpSegmentation: false, udpCoalescing: false },
  ],
  ['a kernel without any offload', () => ({ system: withoutAny() }), { ...none, tcpCoalescing: true }, none],
]

describe.skipIf(lacking !== null)('traffic between two TUNs wired together', () => {
  let leave = (): void => {}
  let inside: [string, string]
  beforeAll(() => {
    leave = isolate()
  })
  afterAll(() => leave())
  beforeEach(() => {
    inside = [makeNamespace(), makeNamespace()]
  })
  afterEach(closePorts)

  describe.each(rows)('with %s', (_, options, before, after) => {
    let pair: Pair
    beforeEach(async () => {
      pair = await wiredPair(inside, options())
    })

    it('pings', async () => {
      expect(pair.a.port.offloads).toEqual(before)
      for (const address of [pair.v4[1], pair.v6[1]]) await pings(inside[0], 3, address)
    })

    it('carries TCP without changing a byte, over IPv4 and IPv6', { timeout: 300_000 }, async () => {
      expect(await transfer(inside, pair.v4[1], 24)).toBe(true)
      expect(await transfer(inside, pair.v6[1], 24)).toBe(true)
      expect(pair.b.port.offloads).toEqual(after)
      const { reads, packetsReceived, malformed } = pair.a.port.stats
      const { writes, packetsSent } = pair.b.port.stats
      expect(malformed).toBe(0)
      expect(packetsSent).toBeGreaterThan(30_000)
      if ('tcpSegmentation' in after && after.tcpSegmentation) expect(packetsReceived / reads).toBeGreaterThan(5)
      else expect(packetsReceived).toBe(reads)
      if ('tcpCoalescing' in after && after.tcpCoalescing) expect(packetsSent / writes).toBeGreaterThan(3)
    })

    it('carries UDP, in large pieces and in small ones', async () => {
      for (const [from, to] of [pair.v4, pair.v6]) {
        const sender = new UdpSocket(inside[0], from!, 4000)
        const receiver = new UdpSocket(inside[1], to!, 4001)
        try {
          const large = payloadOf(40 * 1000 + 17, 5)
          sender.segment(1000)
          for (let i = 0; i < 3; i++) sender.send(to!, 4001, large)
          sender.segment(0)
          for (const length of [0, 1, 17, 1300]) sender.send(to!, 4001, payloadOf(length, 1))
          const got: Uint8Array[] = []
          await until(() => {
            got.push(...receiver.receive())
            return got.length >= 3 * 41 + 4
          })
          const cut = Array.from({ length: 41 }, (_unused, i) => large.subarray(i * 1000, (i + 1) * 1000))
          const sent = [...cut, ...cut, ...cut, ...[0, 1, 17, 1300].map((length) => payloadOf(length, 1))]
          expect(got.map((datagram) => datagram.length)).toEqual(sent.map((datagram) => datagram.length))
          for (const [i, datagram] of sent.entries()) expect(Buffer.compare(got[i]!, datagram)).toBe(0)
        } finally {
          sender.close()
          receiver.close()
        }
      }
    })
  })

  it('uses large pieces for UDP in both directions where the kernel has them', async () => {
    const { a, b, v4 } = await wiredPair(inside)
    const sender = new UdpSocket(inside[0], v4[0], 4000)
    const receiver = new UdpSocket(inside[1], v4[1], 4001)
    sender.segment(1000)
    const [readsBefore, writesBefore] = [a.port.stats.reads, b.port.stats.writes]
    for (let i = 0; i < 10; i++) sender.send(v4[1], 4001, payloadOf(40_000))
    let got = 0
    await until(() => (got += receiver.receive().length) >= 400)
    expect(a.port.stats.reads - readsBefore).toBeLessThan(40)
    expect(b.port.stats.writes - writesBefore).toBeLessThan(60)
    sender.close()
    receiver.close()
  })

  it('carries packets of up to 65 535 bytes', { timeout: 300_000 }, async () => {
    const { v4, v6, a } = await wiredPair(inside, { mtu: 65_535 })
    expect(a.port.mtu).toBe(65_535)
    for (const [address, size] of [
      [v4[1], 65_507],
      [v6[1], 65_487],
    ] as const) {
      await pings(inside[0], 3, address, '-s', String(size), '-M', 'do')
    }
    expect(await transfer(inside, v4[1], 32)).toBe(true)
    expect(await transfer(inside, v6[1], 32)).toBe(true)
  })

  it('counts what a TUN that is down refuses, and goes on when it is up', async () => {
    const { a, b, v4 } = await wiredPair(inside)
    await run(inside[1], 5, 'ip', 'link', 'set', b.name, 'down')
    await until(() => !b.port.isUp)
    await run(inside[0], 5, 'ping', '-c', '2', '-i', '0.05', '-W', '1', v4[1]).catch(() => {})
    await until(() => b.port.stats.refused >= 2)
    await run(inside[1], 5, 'ip', 'link', 'set', b.name, 'up')
    await run(inside[0], 5, 'ping', '-c', '1', '-W', '3', v4[1])
    expect(a.port.stats.malformed).toBe(0)
  })

  afterAll(deleteNamespaces)
})
