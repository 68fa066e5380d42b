import { readdirSync } from 'node:fs'
import { EPERM } from '@wireweave/ffi/errno'
import { IFF_NO_PI, IFF_TUN, IFF_VNET_HDR, IFREQ, TUNSETIFF, TUNSETVNETHDRSZ } from '@wireweave/ffi/linux'
import { NativeMemory } from '@wireweave/ffi/memory'
import { createBatch } from '@wireweave/tunnel/packets'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { linuxSystem } from '../../src/abi.js'
import type { LinuxTunPort } from '../../src/adapter.js'
import { createTun, openDevice } from '../../src/binding.js'
import { closePorts, open, systemWith, wiredPair } from './ports.js'
import { freshName, ip, isolate, makeNamespace, missing, pings, until } from './rig.js'

const lacking = missing()

const IFF_TAP = 2

/** Events take microseconds, but this machine may be busy. */
const SOON_MS = 15_000

describe.skipIf(lacking !== null)('the interface of a port', () => {
  let leave = (): void => {}
  beforeAll(() => {
    leave = isolate()
  })
  afterAll(() => leave())
  afterEach(closePorts)

  it('is named, numbered, of the MTU asked for, and down', async () => {
    const { port, name } = await open({ mtu: 1300 })
    const index = Number(/^(\d+):/.exec(ip('link', 'show', name))![1])
    expect(port.interfaceRef).toEqual({ name, index })
    expect(port.mtu).toBe(1300)
    expect(port.isUp).toBe(false)
    expect((await open()).port.mtu).toBe(1420)
    expect((await open({ mtu: 65_535 })).port.mtu).toBe(65_535)
  })

  it('is numbered by the system when its name ends in %d', async () => {
    const first = await open({ name: 'wwn%d' })
    const second = await open({ name: 'wwn%d' })
    expect(first.port.interfaceRef.name).toBe('wwn0')
    expect(second.port.interfaceRef.name).toBe('wwn1')
  })

  it('cannot have a name that is taken', async () => {
    const { name } = await open()
    await expect(open({ name })).rejects.toMatchObject({ code: 'NAME_IN_USE', errno: 'EBUSY' })
    await expect(open({ name: 'lo' })).rejects.toMatchObject({ code: 'NAME_IN_USE', errno: 'EINVAL' })
    await expect(open({ name: 'a b' })).rejects.toMatchObject({ code: 'NAME_INVALID' })
    await closePorts()
    await open({ name })
  })

  it('may be a persistent one that is not in use', async () => {
    const name = freshName()
    ip('tuntap', 'add', 'dev', name, 'mode', 'tun')
    const { port } = await open({ name })
    expect(port.interfaceRef.name).toBe(name)
    await port.close()
    expect(ip('link', 'show', name)).toContain(name)
    ip('link', 'del', name)
  })

  it('is followed when it is set up and down, renamed, and given another MTU', async () => {
    const { port, name } = await open()
    const changes = record(port)
    ip('link', 'set', name, 'up')
    await until(() => port.isUp, SOON_MS)
    ip('link', 'set', name, 'down')
    await until(() => !port.isUp, SOON_MS)
    ip('link', 'set', name, 'mtu', '1280')
    await until(() => port.mtu === 1280, SOON_MS)
    const other = freshName()
    ip('link', 'set', name, 'name', other)
    await until(() => port.interfaceRef.name === other, SOON_MS)
    expect(port.isEventDriven).toBe(true)
    expect(changes).toContainEqual({ isUp: true, mtu: 1420 })
    expect(changes.at(-1)).toEqual({ isUp: false, mtu: 1280 })
  })

  it('is followed into other namespaces by a visit each second', async () => {
    const { port, name } = await open()
    const [one, two] = [makeNamespace(), makeNamespace()]
    ip('link', 'set', name, 'netns', one)
    ip('-n', one, 'link', 'set', name, 'up')
    await until(() => port.isUp, SOON_MS)
    ip('-n', one, 'link', 'set', name, 'mtu', '34736')
    await until(() => port.mtu === 34_736, SOON_MS)
    ip('-n', one, 'link', 'set', name, 'netns', two)
    // Moving sets an interface down.
    await until(() => !port.isUp, SOON_MS)
    ip('-n', two, 'link', 'set', name, 'name', 'moved')
    await until(() => port.interfaceRef.name === 'moved', SOON_MS)
    expect(port.interfaceRef.index).toBe(Number(/^(\d+):/.exec(ip('-n', two, 'link', 'show', 'moved'))![1]))
    ip('-n', two, 'link', 'set', 'moved', 'up')
    await until(() => port.isUp, SOON_MS)
    // A socket that stayed there would keep the namespace alive: see "with its namespace" below.
    expect(port.isEventDriven).toBe(false)
  })

  it('is looked at each second where its namespace is closed to us', async () => {
    const system = systemWith((_real, fail) => ({ setns: () => fail(EPERM) }))
    const { port, name } = await open({ system, mtu: 1300 })
    expect(port.isEventDriven).toBe(true)
    const inside = makeNamespace()
    ip('link', 'set', name, 'netns', inside)
    await until(() => !port.isEventDriven, SOON_MS)
    ip('-n', inside, 'link', 'set', name, 'up')
    await until(() => port.isUp)
    ip('-n', inside, 'link', 'set', name, 'down')
    await until(() => !port.isUp)
    expect(port.mtu).toBe(1300)
    ip('-n', inside, 'link', 'del', name)
    await port.closed
  })

  it.each(['here', 'in another namespace', 'with its namespace'])(
    'ends the port when it is deleted %s',
    async (where) => {
      const { port, name, arena } = await open()
      let inside: string | null = null
      if (where !== 'here') {
        inside = makeNamespace()
        ip('link', 'set', name, 'netns', inside)
        ip('-n', inside, 'link', 'set', name, 'up')
        // Only who has been there can have left something that keeps the namespace alive.
        await until(() => port.isUp, SOON_MS)
      }
      const waiting = expect(port.readable()).rejects.toMatchObject({ code: 'CLOSED' })
      if (where === 'with its namespace') ip('netns', 'del', inside!)
      else ip(...(inside === null ? [] : ['-n', inside]), 'link', 'del', name)
      const start = performance.now()
      await Promise.all([waiting.catch(() => {}), port.closed])
      // A namespace is torn down in the background.
      expect(performance.now() - start).toBeLessThan(SOON_MS)
      expect(() => port.receive(createBatch(arena, 1))).toThrow(expect.objectContaining({ code: 'CLOSED' }))
      await expect(port.readable()).rejects.toMatchObject({ code: 'CLOSED' })
      await open({ name })
    },
  )

  it('ends the port when it is deleted while nobody waits for packets', async () => {
    const { port, name } = await open()
    ip('link', 'del', name)
    await port.closed
  })

  it('leaves nothing behind', async () => {
    const before = readdirSync('/proc/self/fd').length
    for (let i = 0; i < 30; i++) {
      const { port, name } = await open()
      await Promise.all([port.close(), port.close()])
      expect(() => ip('link', 'show', name)).toThrow()
    }
    await expect(open({ name: 'lo' })).rejects.toThrow()
    await expect(open({ mtu: 67 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(readdirSync('/proc/self/fd').length).toBe(before)
  })
})

describe.skipIf(lacking !== null)('an adopted descriptor', () => {
  let leave = (): void => {}
  beforeAll(() => {
    leave = isolate()
  })
  afterAll(() => leave())
  afterEach(closePorts)

  it('keeps the name and MTU of its interface, wherever that is', async () => {
    const name = freshName()
    const { fd } = createTun(linuxSystem(), name)
    const inside = makeNamespace()
    ip('link', 'set', name, 'mtu', '1333')
    ip('link', 'set', name, 'netns', inside)
    ip('-n', inside, 'link', 'set', name, 'up')
    const { port } = await open({ fd, name: 'ignored' })
    expect(port.interfaceRef.name).toBe(name)
    expect(port.mtu).toBe(1333)
    expect(port.isUp).toBe(true)
    expect(port.offloads.tcpSegmentation).toBe(true)
    await port.close()
    await open({ name })
  })

  it('gets the MTU that is asked for', async () => {
    const { fd } = createTun(linuxSystem(), freshName())
    expect((await open({ fd, mtu: 1400 })).port.mtu).toBe(1400)
  })

  it('works without virtio headers', async () => {
    const inside = [makeNamespace(), makeNamespace()] as const
    const flags = IFF_TUN | IFF_NO_PI
    const pair = await wiredPair(inside, {}, [attach(flags), attach(flags)])
    expect(Object.values(pair.a.port.offloads)).toEqual([false, false, false, false, false])
    await pings(inside[0], 3, pair.v4[1], '-s', '1300')
  })

  it('may have had virtio headers of another size', async () => {
    const flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
    const fds = [attach(flags), attach(flags)] as const
    const size = new NativeMemory(4)
    size.view.setInt32(0, 12, true)
    for (const fd of fds) expect(linuxSystem().ioctl(fd, TUNSETVNETHDRSZ, size.address)).toBe(0)
    const inside = [makeNamespace(), makeNamespace()] as const
    const { v4 } = await wiredPair(inside, {}, fds)
    await pings(inside[0], 1, v4[1])
  })

  it('must be a TUN', async () => {
    await expect(open({ fd: 0 })).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
    const tap = attach(IFF_TAP | IFF_NO_PI)
    await expect(open({ fd: tap })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    linuxSystem().close(tap)
    const attachedToNothing = openDevice(linuxSystem())
    await expect(open({ fd: attachedToNothing })).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
    linuxSystem().close(attachedToNothing)
  })
})

/** A descriptor attached to a new interface with these flags. */
function attach(flags: number): number {
  const system = linuxSystem()
  const fd = openDevice(system)
  const request = new NativeMemory(IFREQ.size)
  request.bytes.set(new TextEncoder().encode(freshName()))
  request.view.setUint16(IFREQ.flags, flags, true)
  expect(system.ioctl(fd, TUNSETIFF, request.address)).toBe(0)
  return fd
}

function record(port: LinuxTunPort): { isUp: boolean; mtu: number }[] {
  const changes: { isUp: boolean; mtu: number }[] = []
  port.onChange(() => changes.push({ isUp: port.isUp, mtu: port.mtu }))
  return changes
}
