/** The loop itself: fair, bounded, and idle when there is nothing to do. */
import { afterEach, describe, expect, test } from 'vitest'
import { MemoryWire } from '@wireweave/testkit/memory-bind'
import type { MemoryBind } from '@wireweave/testkit/memory-bind'
import { MemoryAdapter } from '@wireweave/testkit/memory-port'
import type { MemoryPort } from '@wireweave/testkit/memory-port'
import { createBatch } from '@wireweave/tunnel/packets'
import { PacketArena } from '../../src/core/arena.js'
import { DatagramBatch } from '../../src/core/datagrams.js'
import type { Device } from '../../src/core/device.js'
import { writeEndpoint } from '../../src/core/endpoint.js'
import type { Bind, ParkableBind } from '../../src/shell/bind.js'
import { openClock } from '../../src/shell/clock.js'
import { Driver } from '../../src/shell/driver.js'
import { OTHERS } from '../../src/shell/parker.js'
import type { Parker } from '../../src/shell/parker.js'
import { FakeClock } from './support/fake-clock.js'
import { connect, End, PATIENCE_MS } from './support/pair.js'

/** A device that moves packets unchanged and says when it was asked what. */
class FakeDevice {
  readonly arena = new PacketArena(4 << 20)
  readonly outbound = new DatagramBatch(this.arena, 16)
  readonly inbound = createBatch(this.arena, 16)
  readonly trace: string[] = []
  queuedHandshakes = 0
  handshakeMs = 0
  deadline: number | null = null
  onSend: () => void = () => undefined

  receiveDatagrams(batch: DatagramBatch): void {
    this.trace.push('receive')
    for (let i = 0; i < batch.count; i++) {
      this.inbound.offsets[this.inbound.count] = batch.offsets[i]!
      this.inbound.lengths[this.inbound.count++] = batch.lengths[i]!
    }
  }

  sendPackets(batch: { offsets: Uint32Array; lengths: Uint32Array; count: number }): void {
    this.trace.push('send')
    for (let i = 0; i < batch.count; i++) this.emit(batch.offsets[i]!, batch.lengths[i]!)
    this.onSend()
  }

  emit(offset: number, length: number): void {
    const { outbound } = this
    writeEndpoint(outbound.records, 0, { address: Uint8Array.of(192, 0, 2, 9), port: 9 })
    outbound.recordCount = 1
    outbound.offsets[outbound.count] = offset
    outbound.lengths[outbound.count] = length
    outbound.endpoints[outbound.count++] = 0
  }

  processHandshakes(budget: number): void {
    const end = performance.now() + this.handshakeMs * budget
    while (performance.now() < end);
    this.queuedHandshakes -= budget
    this.trace.push('handshake')
  }

  nextDeadline(): { at: number; reason: string } | null {
    if (this.queuedHandshakes > 0) return { at: 0, reason: 'handshakeQueue' }
    return this.deadline === null ? null : { at: this.deadline, reason: 'sendKeepalive' }
  }

  advance(now: number): void {
    if (this.deadline !== null && now >= this.deadline) {
      this.trace.push('advance')
      this.deadline = null
    }
  }

  networkChanged(): void {
    this.trace.push('networkChanged')
  }
}

interface Rig {
  device: FakeDevice
  driver: Driver
  port: MemoryPort
  bind: MemoryBind
  deaths: unknown[]
}

const drivers: Driver[] = []
async function rig(clock = undefined as FakeClock | undefined, parker: Parker | null = null): Promise<Rig> {
  const device = new FakeDevice()
  const [portRegion, bindRegion] = [device.arena.take(1 << 20), device.arena.take(1 << 20)]
  const port = await new MemoryAdapter().openPackets({ name: 'x', arena: device.arena, region: portRegion })
  const deaths: unknown[] = []
  const driver = new Driver({
    device: device as unknown as Device,
    port,
    clock: clock ?? (await openClock()),
    batchSize: 16,
    parker,
    onBindDeath: (error) => deaths.push(error),
    onPortDeath: (error) => deaths.push(error),
  })
  drivers.push(driver)
  const wire = new MemoryWire()
  const bind = await wire.openBindAt('192.0.2.1')({ port: 1, mark: 0, arena: device.arena, region: bindRegion })
  driver.attach(bind)
  driver.run()
  return { device, driver, port, bind: bind as MemoryBind, deaths }
}

/** A parker whose waits a test tells: each finds what its step returns; after the last one, time runs out. */
class ScriptedParker implements Parker {
  isFree = true
  readonly begun: (readonly number[])[] = []
  readonly steps: (() => number)[] = []
  parks = 0
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  begin(descriptors: readonly number[]): void {
    this.begun.push(descriptors)
  }

  park(ms: number): number {
    this.parks++
    const step = this.steps.shift()
    if (step === undefined) this.#clock.time += ms
    return step?.() ?? 0
  }
}

const [PORT, FIRST_SOCKET, SECOND_SOCKET] = [1, 2, 4]

/** As those of Linux, with descriptors of which nothing is asked but that they differ. */
function parkable(bind: Bind, descriptors: readonly number[]): ParkableBind & { arrivals: number[] } {
  const arrivals: number[] = []
  return Object.assign(bind, { descriptors, arrivals, arrived: (index: number) => void arrivals.push(index) })
}

async function parkedRig() {
  const clock = new FakeClock()
  const parker = new ScriptedParker(clock)
  const made = await rig(clock, parker)
  Object.assign(made.port, { descriptor: 3 })
  const bind = parkable(made.bind, [4, 5])
  made.driver.attach(bind)
  made.driver.run()
  await aMoment()
  expect(parker.parks).toBe(0)
  return { ...made, clock, parker, arrivals: bind.arrivals }
}

const ends: End[] = []
afterEach(async () => {
  for (const driver of drivers.splice(0)) driver.close()
  for (const end of ends.splice(0)) await end.tunnel.close()
})

const datagram = { from: '192.0.2.9:9', to: '192.0.2.1:1', bytes: new Uint8Array(50) }
const packet = new Uint8Array(60)
const aMoment = (ms = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('fairness', () => {
  test('both directions and handshakes take turns', async () => {
    const { device, port, bind } = await rig()
    device.queuedHandshakes = 200
    device.handshakeMs = 0.2
    port.put(...Array.from({ length: 16 * 20 }, () => packet))
    for (let i = 0; i < 16 * 20; i++) bind.arrive(datagram)
    await expect.poll(() => device.queuedHandshakes, { timeout: PATIENCE_MS }).toBe(0)
    const { trace } = device
    // Data is through long before the handshakes are, and those did not wait for data to end.
    expect(trace.indexOf('handshake')).toBeLessThan(6)
    expect(trace.lastIndexOf('send')).toBeLessThan(trace.length - 20)
    const betweenData = trace.slice(0, trace.lastIndexOf('receive')).filter((entry) => entry === 'handshake')
    expect(betweenData.length).toBeGreaterThan(10)
    // Whoever woke first was alone for a turn, and the other is at the end.
    const data = trace.filter((entry) => entry !== 'handshake')
    const both = data.slice(data.indexOf('receive'), data.lastIndexOf('send')).join(' ')
    expect(both.length).toBeGreaterThan(100)
    expect(both).not.toMatch(/send send|receive receive/)
  })

  test('endless traffic leaves room for the rest of the event loop', async () => {
    const { device, port, bind } = await rig()
    let isOver = false
    device.onSend = () => {
      if (isOver) return
      port.put(...Array.from({ length: 16 }, () => packet))
      for (let i = 0; i < 16; i++) bind.arrive(datagram)
    }
    port.put(packet)
    for (let i = 0; i < 20; i++) await aMoment(1)
    isOver = true
    expect(device.trace.length).toBeGreaterThan(20)
  })

  test('what the system answers while it takes a packet is sent in the same turn', async () => {
    const { device, driver, port, bind } = await rig()
    const [receive, send] = [device.receiveDatagrams.bind(device), device.sendPackets.bind(device)]
    const turns: Record<string, number> = {}
    device.receiveDatagrams = (batch) => {
      turns.receive = driver.stats.turns
      receive(batch)
    }
    device.sendPackets = (batch) => {
      turns.send = driver.stats.turns
      send(batch)
    }
    const take = port.send.bind(port)
    port.send = (batch, first) => {
      port.put(packet)
      return take(batch, first)
    }
    bind.arrive(datagram)
    await expect.poll(() => turns.send, { timeout: PATIENCE_MS }).toBeGreaterThan(0)
    expect(turns.send).toBe(turns.receive)
  })

  test.each(['send', 'receive'])(
    'a direction that has run dry is not starved by endless traffic in the other (%s)',
    async (late) => {
      const { device, port, bind } = await rig()
      const feed = (): void => {
        if (late === 'send') for (let i = 0; i < 16; i++) bind.arrive(datagram)
        else port.put(...Array.from({ length: 16 }, () => packet))
      }
      let isOver = false
      const [receive, send] = [device.receiveDatagrams.bind(device), device.sendPackets.bind(device)]
      device.receiveDatagrams = (batch) => {
        receive(batch)
        if (late === 'send' && !isOver) feed()
      }
      device.sendPackets = (batch) => {
        send(batch)
        if (late === 'receive' && !isOver) feed()
      }
      feed()
      await aMoment()
      for (let i = 1; i <= 3; i++) {
        if (late === 'send') port.put(packet)
        else bind.arrive(datagram)
        const steps = (): number => device.trace.filter((step) => step === late).length
        await expect.poll(steps, { timeout: PATIENCE_MS / 4 }).toBe(i)
      }
      isOver = true
    },
  )
})

describe('waiting', () => {
  test('a driver with nothing to do sets no alarm and takes no turn', async () => {
    const clock = new FakeClock()
    const { driver, device, port } = await rig(clock)
    port.put(packet)
    await expect.poll(() => device.trace).toEqual(['send'])
    await aMoment()
    const { turns } = driver.stats
    const sets = clock.sets
    await aMoment(200)
    expect(driver.stats.turns).toBe(turns)
    expect(clock.sets).toBe(sets)
    expect(clock.next).toBeNull()
  })

  test('one alarm: set for an earlier deadline, left alone for a later one, put off when it rings too early', async () => {
    const clock = new FakeClock()
    const { driver, device } = await rig(clock)
    device.deadline = clock.time + 100
    driver.run()
    expect(clock.next).toBe(clock.time + 100)
    device.deadline = clock.time + 50
    driver.run()
    expect(clock.next).toBe(clock.time + 50)
    const { sets } = clock
    device.deadline = clock.time + 500
    driver.run()
    expect(clock.sets).toBe(sets)
    clock.ringNext()
    expect(device.trace).toEqual([])
    expect(clock.next).toBe(clock.time + 450)
    clock.ringNext()
    expect(device.trace).toEqual(['advance'])
    expect(clock.next).toBeNull()
  })

  test('a machine that woke up tells the device, once', async () => {
    const clock = new FakeClock()
    const { driver, device } = await rig(clock)
    clock.resumes++
    driver.run()
    driver.run()
    expect(device.trace).toEqual(['networkChanged'])
  })

  test('two real devices fall silent for good once their last timer has run', async () => {
    const clock = new FakeClock()
    const wire = new MemoryWire()
    for (const number of [1, 2]) {
      ends.push(await End.open(number, { bind: wire.openBindAt(`192.0.2.${number}`), clock }))
    }
    const [a, b] = [ends[0]!, ends[1]!]
    await connect(a, b, '192.0.2.2')
    a.send(b, 'one')
    await b.received(1)
    const start = clock.time
    let rings = 0
    for (await aMoment(); clock.next !== null; await aMoment(5)) {
      clock.ringNext()
      expect(++rings).toBeLessThan(40)
    }
    // Keys are wiped 540 s after the session began; nothing is due after that.
    expect(clock.time - start).toBeGreaterThan(530_000)
    expect(clock.time - start).toBeLessThan(600_000)
    const turns = [a, b].map((end) => end.tunnel.driver.stats.turns)
    await aMoment(100)
    expect([a, b].map((end) => end.tunnel.driver.stats.turns)).toEqual(turns)
  })
})

describe('parked', () => {
  test('what arrives goes through in both directions without a turn of the event loop', async () => {
    const { device, port, bind, parker, arrivals } = await parkedRig()
    const steps: string[] = []
    parker.steps.push(
      () => {
        device.trace.length = 0
        port.put(packet)
        return PORT
      },
      () => {
        steps.push(device.trace.join(' '))
        bind.arrive(datagram)
        return SECOND_SOCKET
      },
      () => {
        steps.push(device.trace.join(' '))
        port.put(packet)
        bind.arrive(datagram)
        return PORT | FIRST_SOCKET | OTHERS
      },
    )
    port.put(packet)
    await expect.poll(() => parker.steps, { timeout: PATIENCE_MS }).toEqual([])
    await aMoment()
    expect(steps).toEqual(['send', 'send receive'])
    expect(device.trace.join(' ')).toMatch(/^send receive (receive send|send receive)$/)
    expect([arrivals, port.sent.length]).toEqual([[1, 0], 2])
    expect(parker.begun[0]).toEqual([3, 4, 5])
  })

  test('what came while it was parked, and what comes afterwards, is not waited for twice or forgotten', async () => {
    const { device, driver, port, bind, parker } = await parkedRig()
    port.put(packet)
    // Until it is idle.
    await expect.poll(() => parker.parks, { timeout: PATIENCE_MS }).toBe(20)
    const { turns } = driver.stats
    await aMoment()
    expect([parker.parks, driver.stats.turns]).toEqual([20, turns])
    for (let i = 1; i <= 3; i++) {
      device.trace.length = 0
      bind.arrive(datagram)
      await expect.poll(() => device.trace, { timeout: PATIENCE_MS }).toEqual(['receive'])
      port.put(packet)
      await expect.poll(() => device.trace, { timeout: PATIENCE_MS }).toEqual(['receive', 'send'])
      await aMoment()
    }
  })

  test('sockets that die under it end the wait; it parks again over those that replace them', async () => {
    const { device, driver, port, bind, parker, arrivals, deaths } = await parkedRig()
    const fresh = parkable(
      await new MemoryWire().openBindAt('192.0.2.1')({
        ...{ port: 1, mark: 0, arena: device.arena },
        region: { offset: 3 << 20, length: 65_536 },
      }),
      [6],
    )
    parker.steps.push(() => {
      bind.die()
      return FIRST_SOCKET
    })
    port.put(packet)
    await expect.poll(() => deaths, { timeout: PATIENCE_MS }).toHaveLength(1)
    await aMoment()
    expect(parker.parks).toBe(1)
    driver.attach(fresh)
    driver.run()
    device.trace.length = 0
    parker.steps.push(() => {
      ;(fresh as Bind as MemoryBind).arrive(datagram)
      return FIRST_SOCKET
    })
    port.put(packet)
    await expect.poll(() => device.trace, { timeout: PATIENCE_MS }).toEqual(['send', 'receive'])
    expect(parker.begun).toContainEqual([3, 6])
    expect([arrivals, fresh.arrivals]).toEqual([[0], [0]])
  })

  test('sockets that are replaced under it end the wait', async () => {
    const { device, driver, port, bind, parker } = await parkedRig()
    const other = parkable(bind, [7])
    device.onSend = () => {
      device.onSend = () => undefined
      driver.attach(other)
    }
    parker.steps.push(
      () => {
        port.put(packet)
        return PORT
      },
      () => OTHERS,
    )
    // The first packet comes by the event loop.
    const { onSend } = device
    device.onSend = () => {
      device.onSend = onSend
    }
    port.put(packet)
    await expect.poll(() => parker.steps, { timeout: PATIENCE_MS }).toEqual([])
    expect(parker.begun.slice(0, 2)).toEqual([
      [3, 4, 5],
      [3, 7],
    ])
  })

  test.each([2, 3, 4, 5])('a burst of %i turns ends before the next wait, which then begins', async (turns) => {
    const { device, port, parker, clock } = await parkedRig()
    let left = turns
    device.onSend = () => {
      // Longer than a turn may last.
      clock.time += 2
      if (--left > 0) port.put(packet)
    }
    let sentBefore = 0
    parker.steps.push(() => {
      sentBefore = device.trace.length
      return OTHERS
    })
    port.put(packet)
    await expect.poll(() => parker.steps, { timeout: PATIENCE_MS }).toEqual([])
    expect(sentBefore).toBe(turns)
  })

  test('full sockets are waited for in the event loop', async () => {
    const { device, port, bind, parker } = await parkedRig()
    parker.steps.push(() => {
      bind.room = 0
      port.put(packet)
      return PORT
    })
    port.put(packet)
    await expect.poll(() => bind.room, { timeout: PATIENCE_MS }).toBe(0)
    await aMoment()
    expect([parker.parks, device.outbound.count]).toEqual([1, 1])
    bind.makeRoom(10)
    await expect.poll(() => device.outbound.count, { timeout: PATIENCE_MS }).toBe(0)
    port.put(packet)
    await expect.poll(() => parker.parks, { timeout: PATIENCE_MS }).toBeGreaterThan(1)
  })

  test('an interface that dies under it ends it for good', async () => {
    const { port, parker, deaths } = await parkedRig()
    parker.steps.push(() => {
      port.die()
      return PORT
    })
    port.put(packet)
    await expect.poll(() => deaths, { timeout: PATIENCE_MS }).toHaveLength(1)
    await aMoment()
    expect(parker.parks).toBe(1)
  })

  test('without descriptors of both there is nothing to park over', async () => {
    const clock = new FakeClock()
    const parker = new ScriptedParker(clock)
    const { driver, device, port, bind } = await rig(clock, parker)
    port.put(packet)
    await expect.poll(() => device.trace, { timeout: PATIENCE_MS }).toEqual(['send'])
    driver.attach(parkable(bind, [4]))
    driver.run()
    port.put(packet)
    await expect.poll(() => device.trace, { timeout: PATIENCE_MS }).toEqual(['send', 'send'])
    await aMoment()
    expect(parker.parks).toBe(0)
  })
})

describe('trouble', () => {
  test('a step that overflows a full socket drops the rest and counts it', async () => {
    const { driver, device, bind } = await rig()
    bind.room = 3
    for (let i = 0; i < 16; i++) device.emit(1 << 20, 20)
    driver.run()
    driver.flush()
    expect(device.outbound.count).toBe(0)
    expect(driver.stats.unsentDatagrams).toBe(13)
    device.emit(1 << 20, 20)
    bind.makeRoom(1)
    await aMoment()
    expect(device.outbound.count).toBe(0)
    expect(driver.stats.unsentDatagrams).toBe(13)
  })

  test('without sockets packets stay in the interface, and what timers send is counted as unsent', async () => {
    const { driver, device, port } = await rig()
    driver.detach()
    port.put(packet)
    device.emit(1 << 20, 20)
    driver.run()
    await aMoment()
    expect(port.waiting).toBe(1)
    expect(driver.stats.unsentDatagrams).toBe(1)
  })

  test('dead sockets are let go and told of once; the interface goes on when there are new ones', async () => {
    const { driver, device, bind, port, deaths } = await rig()
    bind.die()
    await aMoment()
    expect(deaths).toHaveLength(1)
    port.put(packet)
    driver.run()
    const fresh = await new MemoryWire().openBindAt('192.0.2.1')({
      port: 1,
      mark: 0,
      arena: device.arena,
      region: { offset: 3 << 20, length: 65_536 },
    })
    driver.attach(fresh)
    driver.run()
    await aMoment()
    expect(port.waiting).toBe(0)
    expect(deaths).toHaveLength(1)
  })

  test('a dead interface ends the driver', async () => {
    const { driver, port, bind, deaths } = await rig()
    port.die()
    await aMoment()
    expect(deaths).toHaveLength(1)
    const { turns } = driver.stats
    bind.arrive(datagram)
    driver.run()
    await aMoment()
    expect(driver.stats.turns).toBe(turns)
  })
})
