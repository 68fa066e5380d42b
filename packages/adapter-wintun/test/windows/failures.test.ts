/** What goes wrong with drivers, DLLs and rings, one test each. After each: nothing was done wrong, nothing is alive. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isWireGuardError, type WireGuardError } from '@wireweave/tunnel/errors'
import { afterEach, describe, expect, test } from 'vitest'
import { native } from '../../../ffi/test/windows/native.js'
import { wintunAdapter, type WintunOptions, type WintunPort } from '../../src/adapter.js'
import {
  batchFor,
  cleanUp,
  DLL,
  double,
  expectClean,
  freshName,
  ipRule,
  numbered,
  openPort,
  OPTIONS,
  portOptions,
  take,
  until,
  violations,
} from './double.js'

afterEach(() => {
  try {
    expectClean()
  } finally {
    cleanUp()
  }
})

const GET = `Take wintun.dll 0.14.1 from https://www.wintun.net, folder bin\\amd64, and put it beside ${process.execPath}.`

describe('a DLL', () => {
  const opening = (options: WintunOptions): Promise<WireGuardError> =>
    refused(wintunAdapter({ ...OPTIONS, ...options }).openPackets(portOptions()))

  test('that is not there is named, with where to get it', async () => {
    const file = native('nothing.dll')
    const error = await opening({ dll: file })
    expect(error.code).toBe('NOT_SUPPORTED')
    expect(error.message).toBe(`there is no ${file}. ${GET}`)
    expect(await wintunAdapter({ dll: file }).probe()).toEqual({
      ...{ available: false, reason: `there is no ${file}`, remedy: GET },
    })
  })

  test('that nobody named is looked for, and the places are told', async () => {
    const reason = `wintun.dll is neither in ${path.dirname(process.execPath)} nor in C:\\windows\\system32`
    expect(await wintunAdapter().probe()).toEqual({ available: false, reason, remedy: GET })
    const error = await refused(wintunAdapter().openPackets(portOptions()))
    expect([error.code, error.message]).toEqual(['NOT_SUPPORTED', `${reason}. ${GET}`])
  })

  test('for another processor says which one is needed, and is not loaded', async () => {
    const dll = native('wrong-architecture.dll')
    const reason = `${dll} is for ia32, node.exe for x64`
    const error = await opening({ dll })
    expect([error.code, error.message]).toEqual(['NOT_SUPPORTED', `${reason}. ${GET}`])
    expect(await wintunAdapter({ dll }).probe()).toEqual({ available: false, reason, remedy: GET })
  })

  test('of before 0.14 says so', async () => {
    const error = await opening({ dll: native('wintun-0.13-double.dll') })
    expect(error).toMatchObject({ code: 'NOT_SUPPORTED', errno: 'ERROR_PROC_NOT_FOUND' })
    expect(error.message).toMatch(/older than 0\.14/)
  })

  test('without a signature is refused, unless unsigned ones are allowed', async () => {
    const { dll, ipHelper } = OPTIONS
    const error = await refused(wintunAdapter({ dll: dll!, ipHelper: ipHelper! }).openPackets(portOptions()))
    expect(error).toMatchObject({ code: 'NOT_SUPPORTED' })
    expect(error.message).toMatch(/is not loaded: it is not signed/)
  })

  test('that is none is refused', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
    const dll = path.join(folder, 'wintun.dll')
    writeFileSync(dll, 'no DLL')
    expect(await opening({ dll })).toMatchObject({ code: 'NOT_SUPPORTED' })
    expect(await wintunAdapter({ dll }).probe()).toMatchObject({ available: false })
    rmSync(folder, { recursive: true })
  })

  test('cannot be replaced or written to while it is checked and loaded', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
    const dll = path.join(folder, 'wintun.dll')
    copyFileSync(DLL, dll)
    const port = await openPort({ dll })
    expect(() => writeFileSync(dll, 'another')).toThrow()
    await port.close()
  })
})

describe('creating', () => {
  test('without the rights says who may, and is not tried again', async () => {
    double.rule('create=5')
    const creates = await counted(async () => {
      expect(await refused(openPort())).toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringMatching(/run as administrator or as SYSTEM.*wintun\.dll says: Failed to setup adapter/),
      })
    })
    expect(creates).toBe(1)
  })

  test.each([183, 2, 3, 4319, 1169, 1170])('that fails with %i once is tried again', async (code) => {
    double.rule(`create=${code}*1`)
    await (await openPort()).close()
  })

  test('that keeps failing is given up, with what the DLL logged', async () => {
    double.rule('create=183')
    const error = await refused(openPort({ attempts: 2 }))
    expect(error).toMatchObject({ code: 'NAME_IN_USE', errno: 'ERROR_ALREADY_EXISTS', recoverable: true })
    expect(error.message).toMatch(/problem code: 0x1F/)
  })

  test.each([
    [8, 'LIMIT'],
    [1450, 'LIMIT'],
    [111, 'NAME_INVALID'],
    [4711, 'SYSTEM'],
  ])('that fails with %i is refused as %s', async (code, name) => {
    double.rule(`create=${code}`)
    expect(await refused(openPort())).toMatchObject({ code: name, recoverable: false })
  })

  test('for a long time keeps no timer waiting', async () => {
    double.rule('create-delay=600')
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 5)
    const port = await openPort()
    clearInterval(timer)
    await port.close()
    // Far below the creation, and far above what a busy machine does to a timer.
    expect(longest).toBeLessThan(400)
  })

  test('can be given up: the adapter that was made meanwhile is removed', async () => {
    double.rule('create-delay=200')
    const giveUp = new AbortController()
    const options = { ...portOptions(), signal: giveUp.signal }
    const opening = refused(wintunAdapter(OPTIONS).openPackets(options))
    setTimeout(() => giveUp.abort(), 50)
    expect(await opening).toMatchObject({ code: 'ABORTED' })
    expect(double.has(options.name)).toBe(0)
  })

  test('with a name that cannot be is refused before the DLL is asked', async () => {
    for (const name of ['', 'a b', 'a/b', 'x'.repeat(33), 'wg\0', 'NUL', 'com1.x', 'lpt9', '.wg', 'wg.']) {
      expect(await refused(openPort({}, name))).toMatchObject({ code: 'NAME_INVALID' })
    }
    await expect(wintunAdapter(OPTIONS).openPackets({ ...portOptions(), mtu: 500 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })

  test('with the name of another interface is refused: Windows would rename that one', async () => {
    expect(await refused(openPort({}, 'Ethernet'))).toMatchObject({ code: 'NAME_IN_USE' })
  })

  test('with %d takes the first number that is free', async () => {
    const ports = [await openPort({}, 'wg%d'), await openPort({}, 'wg%d')]
    expect(ports.map((port) => port.interfaceRef.name)).toEqual(['wg0', 'wg1'])
    await Promise.all(ports.map((port) => port.close()))
  })

  test('with com%d passes over the names of devices', async () => {
    const ports = [await openPort({}, 'com%d'), await openPort({}, 'com%d')]
    expect(ports.map((port) => port.interfaceRef.name)).toEqual(['com0', 'com10'])
    await Promise.all(ports.map((port) => port.close()))
  })

  test('gives an adapter the same GUID each time, and no two names the same', async () => {
    const guids: string[] = []
    for (const name of ['same', 'same', 'other']) {
      const port = await openPort({}, name)
      guids.push(port.guid)
      await port.close()
    }
    expect(guids[0]).toBe(guids[1])
    expect(guids[0]).not.toBe(guids[2])
    const guid = '{94C54307-B533-BB79-A583-062492199692}'
    const port = await openPort({ guid })
    expect(port.guid).toBe(guid)
    expect(port.luid >> 48n).toBe(53n)
    expect(port.interfaceRef.index).toBeGreaterThan(0)
    await port.close()
  })
})

describe('the MTU', () => {
  test('is set, whatever Windows thought of', async () => {
    const port = await wintunAdapter(OPTIONS).openPackets({ ...portOptions(), mtu: 1380 })
    expect(port.mtu).toBe(1380)
    // Nothing is told: what is read a second later is what was set.
    let isTold = false
    port.onChange(() => (isTold = true))
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(isTold).toBe(false)
    await port.close()
  })

  test('is set as soon as the interface appears', async () => {
    ipRule('appear=300')
    const port = await openPort()
    await port.close()
  })

  test('is set where IPv6 is switched off', async () => {
    ipRule('no-ipv6=1')
    const port = await openPort()
    await port.close()
  })

  test('that cannot be set removes the adapter again', async () => {
    ipRule('interface=5')
    expect(await refused(openPort())).toMatchObject({ code: 'PERMISSION_DENIED' })
  })
})

describe('starting', () => {
  test.each([
    [87, 'CONFIG_INVALID'],
    [1247, 'NAME_IN_USE'],
    [317, 'NAME_IN_USE'],
    [17, 'SYSTEM'],
    [5, 'PERMISSION_DENIED'],
    [1450, 'LIMIT'],
  ])('that fails with %i is refused as %s, and the adapter removed', async (code, name) => {
    double.rule(`start=${code}`)
    const adapter = freshName()
    expect(await refused(openPort({}, adapter))).toMatchObject({ code: name })
    expect(double.has(adapter)).toBe(0)
  })

  test('takes rings of a power of two only', () => {
    for (const ringBytes of [0, 65536, 0x2_0001, 0x800_0000, 1.5])
      expect(() => wintunAdapter({ ringBytes })).toThrow(RangeError)
    for (const ringBytes of [0x2_0000, 0x400_0000]) wintunAdapter({ ringBytes })
  })
})

describe('a ring', () => {
  let port: WintunPort
  afterEach(() => port.close())

  test('of a removed adapter ends the port with the reason, for reader and writer', async () => {
    port = await openPort()
    const options = portOptions()
    const batch = batchFor(port, options.arena.bytes)
    const waiting = refused(readForever(port))
    double.poison()
    expect(await waiting).toMatchObject({ code: 'CLOSED', errno: 'ERROR_HANDLE_EOF' })
    await port.closed
    expect(() => port.receive(batch)).toThrow(/removed or disabled: open it again/)
    expect(() => port.send(batch, 0)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('of a removed adapter is noticed by who only sends', async () => {
    const options = portOptions()
    port = await wintunAdapter(OPTIONS).openPackets(options)
    double.poison()
    const batch = batchFor(port, options.arena.bytes)
    batch.count = 1
    batch.lengths[0] = 100
    expect(port.send(batch, 0)).toBe(1)
    await port.closed
    expect(port.stats.packetsSent).toBe(0)
    expect(() => port.send(batch, 0)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('that is damaged ends the port', async () => {
    port = await openPort()
    const waiting = refused(readForever(port))
    double.corrupt()
    expect(await waiting).toMatchObject({ code: 'CLOSED', errno: 'ERROR_INVALID_DATA' })
    await port.closed
  })

  test('that is full drops and counts, and goes on when there is room', async () => {
    const options = portOptions()
    port = await wintunAdapter({ ...OPTIONS, ringBytes: 0x2_0000 }).openPackets(options)
    const batch = batchFor(port, options.arena.bytes)
    const send = (from: number, count: number): void => {
      for (let i = 0; i < count; i++) {
        options.arena.bytes.set(numbered(from + i, 1000), (2 << 20) + i * 1024)
        batch.offsets[i] = (2 << 20) + i * 1024
        batch.lengths[i] = 1000
      }
      batch.count = count
      expect(port.send(batch, 0)).toBe(count)
    }
    double.hold(1)
    send(0, 100)
    send(100, 100)
    // Records of 1004 bytes in a ring that keeps four free.
    const room = Math.floor((0x2_0000 - 4) / 1004)
    expect(port.stats).toMatchObject({ packetsSent: room, ringFull: 200 - room })
    double.hold(0)
    send(200, 3)
    expect(port.stats.packetsSent).toBe(room + 3)
    const sequence: number[] = []
    for (let packet = take(); packet !== null; packet = take()) {
      sequence.push(new DataView(packet.buffer).getUint32(20, true))
    }
    expect(sequence).toEqual([...Array.from({ length: room }, (_, i) => i), 200, 201, 202])
  })

  test('never gets a packet that the driver cannot take', async () => {
    const options = portOptions()
    port = await wintunAdapter(OPTIONS).openPackets(options)
    const batch = batchFor(port, options.arena.bytes)
    batch.lengths.set([0, 65536, 65535])
    batch.offsets.set([0, 1 << 20, 1 << 20])
    options.arena.bytes[1 << 20] = 0x45
    batch.count = 3
    expect(port.send(batch, 0)).toBe(3)
    expect(port.stats).toMatchObject({ malformed: 2, packetsSent: 1 })
    expect(take()?.length).toBe(65535)
  })

  test('with junk in it loses the junk only', async () => {
    const options = portOptions()
    port = await wintunAdapter(OPTIONS).openPackets(options)
    const good = numbered(7)
    for (const packet of [new Uint8Array(60), Uint8Array.of(0x45), Uint8Array.of(0x60, 0, 0), good]) {
      double.inject(packet, packet.length, 1)
    }
    const batch = batchFor(port, options.arena.bytes)
    expect(port.receive(batch)).toBe(1)
    expect(options.arena.bytes.slice(batch.offsets[0]!, batch.offsets[0]! + 100)).toEqual(good)
    expect(port.stats).toMatchObject({ packetsReceived: 1, malformed: 3 })
  })

  test('that signals for nothing, or not at all, loses nothing and keeps nobody busy', async () => {
    const options = portOptions()
    port = await wintunAdapter(OPTIONS).openPackets(options)
    const sequence = sequenceOf(port, options.arena.bytes)
    for (let i = 0; i < 20; i++) {
      double.signal()
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const packet = numbered(0)
    double.inject(packet, packet.length, 0)
    await until(() => sequence.count === 1)
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(500)
  })

  test('gives a burst of ten thousand packets in order', async () => {
    const options = portOptions()
    port = await wintunAdapter({ ...OPTIONS, ringBytes: 16 << 20 }).openPackets(options)
    const sequence = sequenceOf(port, options.arena.bytes)
    expect(double.burst(10_000, 1400, 0)).toBe(10_000)
    await until(() => sequence.count === 10_000)
    expect(sequence.outOfOrder).toBe(0)
  })

  test('with packets larger than the region is read in pieces', async () => {
    const options = portOptions()
    const adapter = wintunAdapter(OPTIONS)
    port = await adapter.openPackets({ ...options, region: { offset: 0, length: adapter.regionBytes(1420) } })
    const sequence = sequenceOf(port, options.arena.bytes)
    expect(double.burst(40, 65535, 0)).toBe(40)
    await until(() => sequence.count === 40)
    expect(sequence.outOfOrder).toBe(0)
  })

  test('is closed while packets are in flight and held: all are given back', async () => {
    const options = portOptions()
    const adapter = wintunAdapter(OPTIONS)
    port = await adapter.openPackets({ ...options, region: { offset: 0, length: adapter.regionBytes(1420) } })
    expect(double.burst(40, 65535, 0)).toBe(40)
    expect(port.receive(batchFor(port, options.arena.bytes))).toBeLessThan(40)
    await port.close()
  })
})

test('a session that outlives its adapter, and an adapter used after its end, would be found out', async () => {
  const port = await openPort()
  await port.close()
  const { loadWintun } = await import('../../src/abi.js')
  const wintun = loadWintun(DLL, 'unverified')
  wintun.call.release(1, 2)
  await wintun.slow.close(3)
  expect(violations()).toEqual([
    'WintunReleaseReceivePacket: no session, or one that has ended',
    'WintunCloseAdapter: no adapter, or one that was closed',
  ])
  double.reset()
})

async function refused(promise: Promise<unknown>): Promise<WireGuardError> {
  try {
    await promise
  } catch (error) {
    if (isWireGuardError(error)) return error
    throw error
  }
  throw new Error('it was not refused')
}

/** How often the DLL was asked to create an adapter. */
async function counted(action: () => Promise<void>): Promise<number> {
  const before = double.creates()
  await action()
  return double.creates() - before
}

async function readForever(port: WintunPort): Promise<never> {
  const batch = batchFor(port, new Uint8Array(0))
  for (;;) {
    await port.readable()
    port.receive(batch)
  }
}

/** Reads until the port ends, and looks at the numbers that the stand-in gave the packets. */
function sequenceOf(port: WintunPort, bytes: Uint8Array): { count: number; outOfOrder: number } {
  const found = { count: 0, outOfOrder: 0 }
  const view = new DataView(bytes.buffer)
  const batch = batchFor(port, bytes)
  const read = async (): Promise<void> => {
    for (;;) {
      await port.readable()
      while (port.receive(batch) > 0) {
        for (let i = 0; i < batch.count; i++) {
          if (view.getUint32(batch.offsets[i]! + 20, true) !== found.count) found.outOfOrder++
          found.count++
        }
      }
    }
  }
  read().catch(() => undefined)
  return found
}
