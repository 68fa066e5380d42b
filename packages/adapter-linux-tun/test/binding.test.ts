import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, EPERM } from '@wireweave/ffi/errno'
import { TUNSETOFFLOAD } from '@wireweave/ffi/linux'
import { describe, expect, it } from 'vitest'
import type { System } from '../src/abi.js'
import { tunAdapter } from '../src/adapter.js'
import { checkName, createTun, setOffloads } from '../src/binding.js'
import { regionBytes } from '../src/layout.js'
import { probe } from '../src/probe.js'
import { arenaOf } from './packets.js'

/** A system that knows only what the test says, and what was called. */
function fake(calls: Partial<System>, code = 0): System & { closed: number[] } {
  const closed: number[] = []
  const refuse = (): never => {
    throw new Error('not expected')
  }
  return {
    closed,
    open: () => 7,
    close: (fd) => closed.push(fd),
    fcntl: () => 0,
    ioctl: refuse,
    read: refuse,
    write: refuse,
    writev: refuse,
    poll: refuse,
    setns: refuse,
    errno: () => code,
    ...calls,
  }
}

const wanted = { checksum: true, tcpSegmentation: true, udpSegmentation: true }

describe('names of interfaces', () => {
  it.each(['wg0', 'a', 'wg%d', 'Az09_=+.-', '0123456789abcde', '0123456789abc%d'])('may be %s', (name) => {
    expect(() => checkName(name)).not.toThrow()
  })

  it.each([
    '',
    '.',
    '..',
    'a b',
    'a/b',
    'a:b',
    'wg%',
    '%dwg',
    'wg%s',
    '0123456789abcdef',
    '0123456789abcd%d',
    'wg\n',
    'ü',
  ])('may not be %j', (name) => {
    expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
  })
})

describe('opening', () => {
  it.each([
    [ENOENT, 'NOT_SUPPORTED', 'modprobe tun'],
    [ENODEV, 'NOT_SUPPORTED', '--device /dev/net/tun'],
    [EACCES, 'PERMISSION_DENIED', 'CAP_NET_ADMIN'],
    [EPERM, 'PERMISSION_DENIED', 'CAP_NET_ADMIN'],
    [23, 'SYSTEM', 'ENFILE'],
  ])('the device fails with errno %d as %s', (errno, code, text) => {
    const system = fake({ open: () => -1 }, errno)
    expect(() => createTun(system, 'wg0')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    )
  })

  it.each([
    [EPERM, 'PERMISSION_DENIED', 'CAP_NET_ADMIN'],
    [EBUSY, 'NAME_IN_USE', 'choose another name'],
    [EINVAL, 'NAME_IN_USE', 'not a TUN'],
    [12, 'SYSTEM', 'ENOMEM'],
  ])('an interface fails with errno %d as %s, and closes the device', (errno, code, text) => {
    const system = fake({ ioctl: () => -1 }, errno)
    expect(() => createTun(system, 'wg0')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    )
    expect(system.closed).toEqual([7])
  })

  it('rejects what cannot be an MTU before anything is opened', async () => {
    const adapter = tunAdapter({}, () => fake({ open: () => expect.unreachable() }))
    const arena = arenaOf(1)
    const region = { offset: 0, length: 0 }
    for (const mtu of [0, 67, 65_536, 1.5, Number.NaN]) {
      await expect(adapter.openPackets({ name: 'wg0', mtu, arena, region })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
    }
    const signal = AbortSignal.abort()
    await expect(adapter.openPackets({ name: 'wg0', arena, region, signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('offloads', () => {
  /** Takes these flags and no others. */
  const knowing = (flags: number): { system: System; asked: number[] } => {
    const asked: number[] = []
    const ioctl: System['ioctl'] = (_fd, request, value) => {
      if (request !== TUNSETOFFLOAD) return 0
      asked.push(value)
      return (value & ~flags) === 0 ? 0 : -1
    }
    return { system: fake({ ioctl }, EINVAL), asked }
  }

  it.each([
    [0x6f, wanted],
    [0x0f, { ...wanted, udpSegmentation: false }],
    [0x01, { checksum: true, tcpSegmentation: false, udpSegmentation: false }],
    [0x00, { checksum: false, tcpSegmentation: false, udpSegmentation: false }],
  ])('of a kernel that takes flags %d are used as far as they go', (flags, expected) => {
    expect(setOffloads(knowing(flags).system, 7, wanted)).toEqual(expected)
  })

  it('are none when even none is refused', () => {
    const system = fake({ ioctl: () => -1 }, EINVAL)
    expect(setOffloads(system, 7, wanted)).toEqual({ checksum: false, tcpSegmentation: false, udpSegmentation: false })
  })

  it('are asked for as wanted', () => {
    const { system, asked } = knowing(0x6f)
    setOffloads(system, 7, { ...wanted, tcpSegmentation: false })
    setOffloads(system, 7, { ...wanted, udpSegmentation: false })
    setOffloads(system, 7, { ...wanted, checksum: false })
    expect(asked).toEqual([0x61, 0x0f, 0])
  })
})

describe('a probe', () => {
  it('says what is missing and how to get it, without throwing', () => {
    expect(probe(() => expect.unreachable(), null, 'win32')).toMatchObject({
      available: false,
      reason: expect.stringContaining('win32'),
    })
    const broken = (): never => {
      throw new Error('cannot load koffi: install it')
    }
    expect(probe(broken, null, 'linux')).toMatchObject({ available: false, remedy: 'cannot load koffi: install it' })
    const noDevice = probe(() => fake({ open: () => -1 }, ENOENT), null, 'linux')
    expect(noDevice).toMatchObject({
      available: false,
      reason: expect.stringContaining('ENOENT'),
      remedy: expect.stringContaining('modprobe tun'),
    })
    const forbidden = probe(() => fake({ open: () => -1 }, EACCES), null, 'linux')
    expect(forbidden).toMatchObject({ available: false, remedy: expect.stringContaining('CAP_NET_ADMIN') })
    const notTun = probe(() => fake({ ioctl: () => -1 }, 77), 5, 'linux')
    expect(notTun).toMatchObject({ available: false, reason: 'descriptor 5 is not an open TUN' })
  })

  it.skipIf(process.platform !== 'linux')('closes the device again', () => {
    const system = fake({})
    probe(() => system, null, 'linux')
    expect(system.closed).toEqual([7])
  })
})

it('the region that is asked for holds any MTU', () => {
  for (const mtu of [68, 1280, 1420, 9000, 65_535]) expect(regionBytes(mtu)).toBeLessThan(1 << 20)
})
