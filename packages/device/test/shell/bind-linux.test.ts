/** What the Linux bind does beyond the common promises, with the real kernel and with kernels that refuse. */
import { afterEach, describe, expect, test } from 'vitest'
import * as errnos from '@wireweave/ffi/errno'
import * as linux from '@wireweave/ffi/linux'
import { linuxBind, linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import type { LinuxBind, LinuxBindOptions } from '../../src/shell/bind-linux.js'
import { runLength } from '../../src/shell/internal/run-length.js'
import { BindRig } from './support/bind-rig.js'
import { FickleKernel } from './support/kernel.js'

const worksHere = linuxBindWorksHere()
const open: BindRig[] = []
async function rig(options?: LinuxBindOptions, bindOptions?: { port?: number; mark?: number }): Promise<BindRig> {
  const made = await BindRig.open(linuxBind(options), bindOptions)
  open.push(made)
  return made
}
afterEach(async () => {
  for (const made of open.splice(0)) await made.close()
})

const featuresOf = (made: BindRig) => (made.bind as LinuxBind).features
const refusedBy = (made: BindRig) => (made.bind as LinuxBind).stats.refused

/** A run that UDP_SEGMENT can carry: 40 datagrams, the last one shorter. */
async function sendRun(from: BindRig, to: BindRig): Promise<void> {
  const record = from.endpoint(`127.0.0.1:${to.bind.port}`)
  for (let i = 0; i < 40; i++) from.put(new Uint8Array(i === 39 ? 500 : 1000).fill(i), record)
  await from.send()
}

async function expectRun(at: BindRig, times = 1): Promise<void> {
  const received = await at.receive(40 * times)
  expect(received.map(({ bytes }) => [bytes[0], bytes.length])).toEqual(
    Array.from({ length: 40 * times }, (_, i) => [i % 40, i % 40 === 39 ? 500 : 1000]),
  )
}

describe.runIf(worksHere)('runs', () => {
  test('go out as one message and, coalesced, come in as one', async () => {
    const [sending, receiving] = [new FickleKernel(), new FickleKernel()]
    const [a, b] = [await rig({ calls: sending.calls }), await rig({ calls: receiving.calls })]
    expect(featuresOf(a)).toEqual({ segmentation: true, coalescing: true, stickySource: true, trafficClass: true })
    await sendRun(a, b)
    expect(sending.sent).toEqual([1])
    await expectRun(b)
    expect(receiving.made['recvmmsg']).toBeLessThan(5)
  })

  test('say all about themselves after a message that had less to say', async () => {
    const [a, b] = [await rig(), await rig()]
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'alone')
    await b.receive(1)
    const record = a.endpoint(`127.0.0.1:${b.bind.port}`)
    for (let i = 0; i < 10; i++) a.put(new Uint8Array(100), record, 2)
    await a.send()
    const run = (await b.receive(11)).slice(1)
    expect(run.map(({ trafficClass, local }) => [trafficClass, local[0], local[16]])).toEqual(
      run.map(() => [2, 127, 1]),
    )
  })

  test('end at a change of endpoint, class, place or length, at 64 datagrams and at 65 507 bytes', async () => {
    const a = await rig()
    const [one, two] = [a.endpoint('192.0.2.1:1'), a.endpoint('192.0.2.1:1')]
    const runs = (datagrams: [length: number, record: number, trafficClass?: number, gap?: number][]): number[] => {
      a.out.count = 0
      let at = 1 << 20
      for (const [length, record, trafficClass = 0, gap = 0] of datagrams) {
        const i = a.out.count++
        a.out.offsets[i] = at + gap
        a.out.lengths[i] = length
        a.out.endpoints[i] = record
        a.out.trafficClasses[i] = trafficClass
        at += gap + length
      }
      const found: number[] = []
      for (let i = 0; i < a.out.count; i += found.at(-1)!) found.push(runLength(a.out, i))
      return found
    }
    expect(
      runs([
        [100, one],
        [100, one],
        [60, one],
        [60, one],
      ]),
    ).toEqual([3, 1])
    expect(
      runs([
        [60, one],
        [100, one],
        [100, one],
      ]),
    ).toEqual([1, 2])
    expect(
      runs([
        [100, one],
        [100, two],
        [100, two],
      ]),
    ).toEqual([1, 2])
    expect(
      runs([
        [100, one],
        [100, one, 1],
        [100, one, 1],
        [100, one],
      ]),
    ).toEqual([1, 2, 1])
    expect(
      runs([
        [100, one],
        [100, one, 0, 16],
        [100, one],
      ]),
    ).toEqual([1, 2])
    expect(runs(Array.from({ length: 130 }, () => [100, one]))).toEqual([64, 64, 2])
    expect(runs(Array.from({ length: 64 }, () => [1452, one]))).toEqual([45, 19])
    expect(
      runs([
        [65_507, one],
        [1, one],
      ]),
    ).toEqual([1, 1])
    expect(
      runs([
        [65_506, one],
        [1, one],
      ]),
    ).toEqual([2])
  })
})

describe.runIf(worksHere)('a kernel that refuses', () => {
  test('to segment on this route (EIO): segmentation ends for good and nothing is lost', async () => {
    const kernel = new FickleKernel()
    const [a, b] = [await rig({ calls: kernel.calls }), await rig()]
    kernel.refuse('sendmmsg', errnos.EIO, () => true, 1)
    await sendRun(a, b)
    await expectRun(b)
    expect(kernel.sent).toEqual([1, 40])
    expect(featuresOf(a).segmentation).toBe(false)
    await sendRun(a, b)
    await expectRun(b, 2)
  })

  test.each([
    ['EMSGSIZE', errnos.EMSGSIZE],
    ['EINVAL', errnos.EINVAL],
  ])('segments of this length (%s): those go one by one, the next run is a run', async (_name, errno) => {
    const kernel = new FickleKernel()
    const [a, b] = [await rig({ calls: kernel.calls }), await rig()]
    kernel.refuse('sendmmsg', errno, () => true, 1)
    await sendRun(a, b)
    await expectRun(b)
    expect(featuresOf(a).segmentation).toBe(true)
    await sendRun(a, b)
    await expectRun(b, 2)
    expect(kernel.sent).toEqual([1, 40, 1])
  })

  test.each([
    ['EAGAIN', errnos.EAGAIN],
    ['ENOBUFS', errnos.ENOBUFS],
    ['EINTR', errnos.EINTR],
  ])('for a moment (%s): the rest follows', async (_name, errno) => {
    const kernel = new FickleKernel()
    const [a, b] = [await rig({ calls: kernel.calls }), await rig()]
    kernel.refuse('sendmmsg', errno, () => true, 3)
    await sendRun(a, b)
    await expectRun(b)
  })

  test.each([
    ['EPERM', errnos.EPERM],
    ['ECONNREFUSED', errnos.ECONNREFUSED],
    ['ENETUNREACH', errnos.ENETUNREACH],
    ['EHOSTUNREACH', errnos.EHOSTUNREACH],
    ['EACCES', errnos.EACCES],
  ])('one message (%s): it is counted, and the next goes', async (_name, errno) => {
    const kernel = new FickleKernel()
    const [a, b] = [await rig({ calls: kernel.calls }), await rig()]
    kernel.refuse('sendmmsg', errno, () => true, 1)
    await sendRun(a, b)
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'next')
    expect((await b.receive(1))[0]!.text).toBe('next')
    expect(refusedBy(a)).toBe(40)
  })

  test('every option that may be missing: it works without', async () => {
    const optional: [level: number, option: number][] = [
      [linux.IPPROTO_UDP, linux.UDP_SEGMENT],
      [linux.IPPROTO_UDP, linux.UDP_GRO],
      [linux.IPPROTO_IP, linux.IP_PKTINFO],
      [linux.IPPROTO_IP, linux.IP_RECVTOS],
      [linux.IPPROTO_IPV6, linux.IPV6_RECVPKTINFO],
      [linux.IPPROTO_IPV6, linux.IPV6_RECVTCLASS],
      [linux.IPPROTO_IP, linux.IP_MTU_DISCOVER],
      [linux.SOL_SOCKET, linux.SO_RCVBUFFORCE],
      [linux.SOL_SOCKET, linux.SO_SNDBUFFORCE],
    ]
    const kernel = new FickleKernel()
    for (const [level, option] of optional) {
      kernel.refuse('setsockopt', errnos.ENOPROTOOPT, (args) => args[1] === level && args[2] === option)
    }
    const [a, b] = [await rig({ calls: kernel.calls }), await rig({ calls: kernel.calls })]
    expect(featuresOf(a)).toEqual({ segmentation: false, coalescing: false, stickySource: false, trafficClass: false })
    await sendRun(a, b)
    await expectRun(b)
  })

  test.each([
    ['socket', errnos.EAFNOSUPPORT],
    ['bind', errnos.EADDRNOTAVAIL],
  ] as const)('IPv6 (%s): IPv4 alone will do', async (call, code) => {
    const kernel = new FickleKernel()
    const isV6 = (args: readonly number[]): boolean => (call === 'socket' ? args[0] === linux.AF_INET6 : args[2] === 28)
    kernel.refuse(call, code, isV6)
    const [a, b] = [await rig({ calls: kernel.calls }), await rig({ calls: kernel.calls })]
    a.put(new Uint8Array(9), a.endpoint(`[::1]:${b.bind.port}`))
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'v4')
    expect((await b.receive(1))[0]!.text).toBe('v4')
    expect(refusedBy(a)).toBe(1)
  })

  test('both families: NOT_SUPPORTED', async () => {
    const kernel = new FickleKernel()
    kernel.refuse('socket', errnos.EAFNOSUPPORT)
    await expect(rig({ calls: kernel.calls })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  })

  test('the random port in IPv6: another is tried, up to a hundred times', async () => {
    const kernel = new FickleKernel()
    kernel.refuse('bind', errnos.EADDRINUSE, (args) => args[2] === 28, 5)
    await rig({ calls: kernel.calls })
    expect(kernel.made['bind']).toBe(12)
    const hopeless = new FickleKernel()
    hopeless.refuse('bind', errnos.EADDRINUSE, (args) => args[2] === 28)
    await expect(rig({ calls: hopeless.calls })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
    expect(hopeless.made['bind']).toBe(200)
    expect(hopeless.open.size).toBe(0)
  })

  test('a mark: PERMISSION_DENIED, and both sockets keep the one they had', async () => {
    const kernel = new FickleKernel()
    const isMark = (args: readonly number[]): boolean => args[2] === linux.SO_MARK
    let marks = 0
    kernel.refuse('setsockopt', errnos.EPERM, (args) => isMark(args) && ++marks === 2)
    const a = await rig({ calls: kernel.calls })
    expect(() => a.bind.setMark(7)).toThrow(expect.objectContaining({ code: 'PERMISSION_DENIED' }))
    // Set on IPv4, refused on IPv6, put back on IPv4.
    expect(marks).toBe(3)
    const always = new FickleKernel()
    always.refuse('setsockopt', errnos.EPERM, isMark)
    await expect(rig({ calls: always.calls }, { mark: 7 })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    expect(always.open.size).toBe(0)
  })

  test('to receive now and then: nothing happens; always: the socket counts as dead', async () => {
    const kernel = new FickleKernel()
    const [a, b] = [await rig({ calls: kernel.calls }), await rig()]
    kernel.refuse('recvmmsg', errnos.ECONNREFUSED, () => true, 3)
    await b.sendTo(`127.0.0.1:${a.bind.port}`, 'one')
    expect((await a.receive(1))[0]!.text).toBe('one')
    kernel.refuse('recvmmsg', errnos.ENOMEM)
    await b.sendTo(`127.0.0.1:${a.bind.port}`, 'two')
    await expect(a.receive(2)).rejects.toMatchObject({ code: 'CLOSED', errno: 'ENOMEM' })
  })

  test.each(['recvmmsg', 'sendmmsg'] as const)('everything (EBADF from %s): throws CLOSED', async (call) => {
    const kernel = new FickleKernel()
    const [a, b] = [await rig({ calls: kernel.calls }), await rig()]
    kernel.refuse(call, errnos.EBADF)
    await b.sendTo(`127.0.0.1:${a.bind.port}`, 'x')
    const use = call === 'recvmmsg' ? a.receive(1) : a.sendTo(`127.0.0.1:${b.bind.port}`, 'x')
    await expect(use).rejects.toMatchObject({ code: 'CLOSED', errno: 'EBADF' })
  })
})

describe.runIf(worksHere)('traffic classes', () => {
  test.each(['127.0.0.1', '[::1]'])('travel with each datagram over %s, in runs and alone', async (host) => {
    const [a, b] = [await rig(), await rig()]
    const record = a.endpoint(`${host}:${b.bind.port}`)
    const classes = [0, 1, 2, 2, 2, 3, 0x88, 0, 0xff, 0xfe]
    for (const [i, trafficClass] of classes.entries()) a.put(new Uint8Array(100).fill(i), record, trafficClass)
    await a.send()
    expect((await b.receive(classes.length)).map((one) => one.trafficClass)).toEqual(classes)
  })
})

describe.runIf(worksHere)('sticky sources', () => {
  test('a datagram tells at which local address and interface it arrived', async () => {
    const [a, b] = [await rig(), await rig()]
    await a.sendTo(`127.0.0.77:${b.bind.port}`, 'v4')
    await a.sendTo(`[::1]:${b.bind.port}`, 'v6')
    const local = (await b.receive(2)).map((one) => one.local)
    expect([...local[0]!.subarray(0, 4)]).toEqual([127, 0, 0, 77])
    expect([...local[1]!.subarray(0, 16)]).toEqual([...new Uint8Array(15), 1])
    expect(local.map((one) => one[16])).toEqual([1, 1])
  })

  test('the local address of a record is where its datagrams come from', async () => {
    const [a, b] = [await rig(), await rig()]
    a.put(new Uint8Array(9), a.endpoint(`127.0.0.1:${b.bind.port}`, Uint8Array.of(127, 0, 0, 55)))
    await a.send()
    expect((await b.receive(1))[0]!.from).toBe(`127.0.0.55:${a.bind.port}`)
  })

  test.each(['127.0.0.1', '[::1]'])(
    'one that is not ours any more is cleared, and the datagram goes out over %s',
    async (host) => {
      const [a, b] = [await rig(), await rig()]
      const gone =
        host === '[::1]' ? Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(11), 1) : Uint8Array.of(192, 0, 2, 9)
      const record = a.endpoint(`${host}:${b.bind.port}`, gone)
      for (let i = 0; i < 40; i++) a.put(new Uint8Array(i === 39 ? 500 : 1000).fill(i), record)
      await a.send()
      await expectRun(b)
      expect([...a.out.records.subarray(record * 48 + 24, record * 48 + 48)]).toEqual([...new Uint8Array(24)])
      expect(refusedBy(a)).toBe(0)
    },
  )
})
