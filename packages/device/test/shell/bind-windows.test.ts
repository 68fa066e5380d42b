/** What the Windows bind does with each feature, over a model of Windows that has it, lacks it, or breaks it. */
import { afterEach, describe, expect, test } from 'vitest'
import { AF_INET, AF_INET6 } from '@wireweave/ffi/win32/sockaddr'
import * as winsock from '@wireweave/ffi/win32/winsock'
import { linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import { windowsBind } from '../../src/shell/bind-windows.js'
import type { SocketFeatures, WindowsBind } from '../../src/shell/bind-windows.js'
import type { SocketEvent } from '../../src/shell/internal/windows/calls.js'
import { BindRig } from './support/bind-rig.js'
import { FakeWinsock } from './support/winsock.js'

const open: BindRig[] = []
async function rig(fake: FakeWinsock, features?: Partial<SocketFeatures>): Promise<BindRig> {
  const made = await BindRig.open(windowsBind({ calls: fake.calls, ...(features && { features }) }))
  open.push(made)
  return made
}
afterEach(async () => {
  for (const made of open.splice(0)) await made.close()
})

const bindOf = (made: BindRig): WindowsBind => made.bind as WindowsBind

/** A run: 40 datagrams, the last one shorter. */
async function sendRun(from: BindRig, to: BindRig, host = '127.0.0.1'): Promise<void> {
  const record = from.endpoint(`${host}:${to.bind.port}`)
  for (let i = 0; i < 40; i++) from.put(new Uint8Array(i === 39 ? 500 : 1000).fill(i), record)
  await from.send()
}

async function expectRun(at: BindRig): Promise<void> {
  const received = await at.receive(40)
  expect(received.map(({ bytes }) => [bytes[0], bytes.length])).toEqual(
    Array.from({ length: 40 }, (_, i) => [i, i === 39 ? 500 : 1000]),
  )
}

// The model copies memory with libc.
describe.runIf(linuxBindWorksHere())('the Windows bind', () => {
  test.each(['127.0.0.1', '[::1]'])(
    'sends a run as one message and, asked to, receives it as one: %s',
    async (host) => {
      const fake = new FakeWinsock()
      const [a, b] = [await rig(fake), await rig(fake, { coalescing: true })]
      await sendRun(a, b, host)
      await expectRun(b)
      expect(fake.made).toMatchObject({ sendMessage: 1 })
      expect(fake.made['sendto']).toBeUndefined()
      expect(fake.made['recvfrom']).toBeUndefined()
      expect(fake.made['receiveMessage']).toBeLessThan(10)
      expect(bindOf(a).features).toEqual({ segmentation: true, coalescing: false })
      expect(bindOf(b).features).toEqual({ segmentation: true, coalescing: true })
    },
  )

  test('receives one by one unless asked: not every driver says where to cut', async () => {
    const fake = new FakeWinsock()
    const [a, b] = [await rig(fake), await rig(fake)]
    expect(fake.option(AF_INET, winsock.IPPROTO_UDP, winsock.UDP_RECV_MAX_COALESCED_SIZE)).toEqual([
      undefined,
      undefined,
    ])
    await sendRun(a, b)
    await expectRun(b)
  })

  test('takes a message that does not say where to cut as one datagram', async () => {
    const fake = new FakeWinsock()
    fake.forgetsSegments = true
    const [a, b] = [await rig(fake), await rig(fake, { coalescing: true })]
    await sendRun(a, b)
    expect((await b.receive(1)).map(({ bytes }) => bytes.length)).toEqual([39_500])
  })

  test('does without what this Windows does not have', async () => {
    const fake = new FakeWinsock()
    fake.refuse('getsockopt', winsock.WSAENOPROTOOPT)
    fake.refuse('setsockopt', winsock.WSAENOPROTOOPT, ([, level]) => level !== winsock.IPPROTO_IPV6)
    fake.refuse('control', winsock.WSAEOPNOTSUPP)
    const [a, b] = [await rig(fake), await rig(fake, { coalescing: true })]
    expect(bindOf(b).features).toEqual({ segmentation: false, coalescing: false })
    await sendRun(a, b)
    await expectRun(b)
    expect(fake.made).toMatchObject({ sendto: 40 })
    expect(fake.made['sendMessage']).toBeUndefined()
  })

  test.each([
    ['too long for the path: this one goes in parts', winsock.WSAEMSGSIZE, true],
    ['without a way: this one goes in parts', winsock.WSAENETUNREACH, true],
    ['blocked by a firewall: this one goes in parts', winsock.WSAEACCES, true],
    ['anything else: all go in parts from then on', winsock.WSAEINVAL, false],
  ])('a run that is refused as %s', async (_what, code, segments) => {
    const fake = new FakeWinsock()
    fake.refuse('sendMessage', code, () => true, 1)
    const [a, b] = [await rig(fake), await rig(fake)]
    await sendRun(a, b)
    await expectRun(b)
    expect(fake.made['sendto']).toBe(40)
    expect(bindOf(a).features.segmentation).toBe(segments)
    await sendRun(a, b)
    expect(fake.made['sendMessage']).toBe(segments ? 2 : 1)
    expect(bindOf(a).stats.refused).toBe(0)
  })

  test('waits while a socket or the system takes no more, and loses nothing', async () => {
    const fake = new FakeWinsock()
    const [a, b] = [await rig(fake, { segmentation: false }), await rig(fake)]
    let calls = 0
    fake.refuse('sendto', winsock.WSAEWOULDBLOCK, () => calls++ === 10)
    fake.refuse('sendto', winsock.WSAENOBUFS, () => calls === 20 && calls++ === 20)
    await sendRun(a, b)
    await expectRun(b)
    expect(bindOf(a).stats.refused).toBe(0)
  })

  test('finds what comes between the last look and the reset of the event', async () => {
    const fake = new FakeWinsock()
    const a = await rig(fake)
    let atReset = (): void => undefined
    const openEvent = (): SocketEvent => {
      const event = fake.calls.openEvent()
      return {
        ...event,
        reset: () => {
          atReset()
          event.reset()
        },
      }
    }
    const b = await BindRig.open(windowsBind({ calls: { ...fake.calls, openEvent } }))
    open.push(b)
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'one')
    await b.receive(1)
    atReset = () => void a.sendTo(`127.0.0.1:${b.bind.port}`, 'two')
    expect(b.takeReady()).toBe(1)
    expect(b.received.at(-1)!.text).toBe('two')
  })

  test('errors about datagrams do no harm to a socket, however many; others end it when they stay', async () => {
    const fake = new FakeWinsock()
    const [a, b] = [await rig(fake), await rig(fake)]
    fake.refuse('recvfrom', winsock.WSAECONNRESET, () => true, 100)
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'x')
    expect((await b.receive(1))[0]!.text).toBe('x')
    fake.refuse('recvfrom', winsock.WSAENETDOWN)
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'y')
    await expect(b.receive(2)).rejects.toMatchObject({ code: 'CLOSED', errno: 'ENETDOWN' })
  })

  test.each(['recvfrom', 'sendto'] as const)('%s on a socket that is none any more throws CLOSED', async (call) => {
    const fake = new FakeWinsock()
    const [a, b] = [await rig(fake), await rig(fake)]
    const use = async (): Promise<unknown> => {
      await a.sendTo(`127.0.0.1:${b.bind.port}`, 'x')
      return b.receive(1)
    }
    fake.refuse(call, winsock.WSAENOTSOCK)
    await expect(use()).rejects.toMatchObject({ code: 'CLOSED', errno: 'ENOTSOCK' })
  })

  test('keeps each family to an interface: IPv4 in network byte order, IPv6 in that of the machine', async () => {
    const fake = new FakeWinsock()
    const bind = bindOf(await rig(fake))
    expect([bind.sendThrough(4, 0x12), bind.sendThrough(6, 0x34)]).toEqual([true, true])
    expect(fake.option(AF_INET, winsock.IPPROTO_IP, winsock.IP_UNICAST_IF)).toEqual([0x1200_0000])
    expect(fake.option(AF_INET6, winsock.IPPROTO_IPV6, winsock.IPV6_UNICAST_IF)).toEqual([0x34])
    expect([bind.outgoingInterface(4), bind.outgoingInterface(6)]).toEqual([0x12, 0x34])
    fake.refuse('setsockopt', winsock.WSAEINVAL)
    expect(bind.sendThrough(4, 99)).toBe(false)
    expect(bind.outgoingInterface(4)).toBe(0x12)
    await bind.close()
    expect(bind.sendThrough(4, 1)).toBe(false)
  })

  test('serves with IPv4 alone; with neither family it is NOT_SUPPORTED, and nothing stays open', async () => {
    const fake = new FakeWinsock()
    fake.refuse('socket', winsock.WSAEAFNOSUPPORT, ([domain]) => domain === AF_INET6)
    const a = await rig(fake)
    expect(fake.open.size).toBe(1)
    expect(bindOf(a).sendThrough(6, 1)).toBe(false)
    await a.sendTo('[::1]:9', 'x')
    expect(bindOf(a).stats.refused).toBe(1)
    await a.close()
    fake.refuse('socket', winsock.WSAEAFNOSUPPORT)
    await expect(rig(fake)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    expect(fake.open.size).toBe(0)
  })

  test('an error while opening leaves no socket behind', async () => {
    const fake = new FakeWinsock()
    fake.refuse('bind', winsock.WSAEACCES, ([, , length]) => length === 28)
    await expect(rig(fake)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    expect(fake.open.size).toBe(0)
    await expect(BindRig.open(windowsBind({ calls: fake.calls }), { mark: 7 })).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
    })
  })
})
