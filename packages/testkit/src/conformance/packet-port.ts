/** What every packet adapter promises: run once for each. */
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { createBatch, PACKET_TAILROOM } from '@wireweave/tunnel/packets'
import type { Arena, PacketAdapter, PacketBatch, PacketPort } from '@wireweave/tunnel/packets'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { innerPacket } from '../inner-packet.js'

export interface PacketPortFixture {
  readonly adapter: PacketAdapter
  /** A name nobody uses, different at each call. */
  freshName(): string
  /** Makes the open interface usable by the host, if it needs that: up, an address, a route. */
  prepare?(port: PacketPort): Promise<void>
  /** Two addresses such that the host sends what goes from the first to the second out of the interface. */
  readonly host: Uint8Array
  readonly remote: Uint8Array
  /** The host sends this packet; it comes out unaltered. */
  hostSends(port: PacketPort, packet: Uint8Array): Promise<void>
  /** The packets of protocol 253 that the host got from the interface so far, oldest first. */
  hostReceived(port: PacketPort): Promise<readonly Uint8Array[]>
  setMtu?(port: PacketPort, mtu: number): Promise<void>
  /** Ends the interface from outside. */
  kill?(port: PacketPort): Promise<void>
  /** What an interface of this name left on the machine. */
  leftovers?(name: string): Promise<readonly string[]>
}

const MTU = 1420
const ARENA_BYTES = 8 << 20
/** Packets for the interface are laid out from here; the port's region is below. */
const OUTGOING = 6 << 20
const REGION_OFFSET = 4096

/** `create` makes a fixture for each test; `destroy` is told to undo what is left. */
export function packetPortConformance(
  title: string,
  create: () => Promise<PacketPortFixture> | PacketPortFixture,
  destroy: (fixture: PacketPortFixture) => Promise<void> | void = () => {},
): void {
  describe(`${title} keeps the contract of a packet adapter`, () => {
    let fixture: PacketPortFixture
    let arena: Arena
    let region: { readonly offset: number; readonly length: number }
    let opened: PacketPort[]

    beforeEach(async () => {
      fixture = await create()
      opened = []
      region = { offset: REGION_OFFSET, length: fixture.adapter.regionBytes(MTU) }
      expect(region.length).toBeLessThanOrEqual(OUTGOING - REGION_OFFSET)
      const pages = ARENA_BYTES / 65536
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
      arena = { bytes: new Uint8Array(memory.buffer), memory }
    })
    afterEach(async () => {
      for (const port of opened) await port.close()
      await destroy(fixture)
    })

    async function open(name = fixture.freshName()): Promise<PacketPort> {
      const port = await fixture.adapter.openPackets({ name, arena, region })
      opened.push(port)
      await fixture.prepare?.(port)
      return port
    }

    test('a probe says that it works here, and leaves nothing behind', async () => {
      const name = fixture.freshName()
      expect(await fixture.adapter.probe()).toMatchObject({ available: true })
      expect(await fixture.leftovers?.(name)).toEqual(fixture.leftovers && [])
    })

    test('an open port knows its name and its MTU, and has nothing to say', async () => {
      const name = fixture.freshName()
      const port = await open(name)
      if (fixture.adapter.reach === 'process') expect(port.interfaceRef).toBeNull()
      else expect(port.interfaceRef).toMatchObject({ name })
      expect(port.mtu).toBe(MTU)
      expect(port.batchSize).toBeGreaterThan(0)
      const batch = createBatch(arena, port.batchSize)
      await receiveAll(port, batch, () => true)
      expect(port.receive(batch)).toBe(0)
      expect(batch.count).toBe(0)
    })

    test('a name is given once at a time; closing twice frees it and leaves nothing behind', async () => {
      const name = fixture.freshName()
      const port = await open(name)
      await expect(fixture.adapter.openPackets({ name, arena, region })).rejects.toSatisfy(
        (error) => isWireGuardError(error) && error.code === 'NAME_IN_USE',
      )
      port.receive(createBatch(arena, port.batchSize))
      await Promise.all([port.close(), port.close()])
      await port.close()
      await port.closed
      expect(await fixture.leftovers?.(name)).toEqual(fixture.leftovers && [])
      await open(name)
    })

    test('a closed port throws CLOSED, and who waits for it is told', async () => {
      const port = await open()
      const batch = createBatch(arena, port.batchSize)
      await receiveAll(port, batch, () => true)
      const waiting = expect(untilForever(port, batch)).rejects.toSatisfy(isClosed)
      await port.close()
      await waiting
      expect(() => port.receive(batch)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
      expect(() => port.send(batch, 0)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
      await expect(port.readable()).rejects.toSatisfy(isClosed)
      await expect(port.writable()).rejects.toSatisfy(isClosed)
    })

    test('waiting can be given up', async () => {
      const port = await open()
      const batch = createBatch(arena, port.batchSize)
      await receiveAll(port, batch, () => true)
      const giveUp = new AbortController()
      const waiting = expect(untilForever(port, batch, giveUp.signal)).rejects.toSatisfy(
        (error) => isWireGuardError(error) && error.code === 'ABORTED',
      )
      giveUp.abort()
      await waiting
      await expect(port.readable(giveUp.signal)).rejects.toMatchObject({ code: 'ABORTED' })
    })

    test('what the host sends arrives as it was, in order, with room behind it', async () => {
      const port = await open()
      const count = port.batchSize * 2 + 3
      const packets = Array.from({ length: count }, (_, i) => fromHost(i, (i * 37) % 1300))
      const batch = createBatch(arena, port.batchSize)
      const got: Uint8Array[] = []
      for (const packet of packets) {
        await fixture.hostSends(port, packet)
        if (got.length % 7 === 0) drain(port, batch, got)
      }
      await receiveAll(port, batch, () => got.length >= count, got)
      expect(got.map(hex)).toEqual(packets.map(hex))
    })

    test('what is sent reaches the host as it was, in order', async () => {
      const port = await open()
      const packets = Array.from({ length: 40 }, (_, i) => fromRemote(i, (i * 41) % 1300))
      const batch = fill(arena, packets)
      for (let first = 0; first < packets.length;) {
        const taken = port.send(batch, first)
        first += taken
        if (taken === 0) await port.writable()
      }
      await expect.poll(async () => (await fixture.hostReceived(port)).length, { timeout: 60_000 }).toBe(packets.length)
      expect((await fixture.hostReceived(port)).map(hex)).toEqual(packets.map(hex))
    })

    test('`first` says where to begin', async () => {
      const port = await open()
      const packets = [0, 1, 2, 3].map((i) => fromRemote(i, 50))
      expect(port.send(fill(arena, packets), 2)).toBe(2)
      expect(port.send(fill(arena, packets), 4)).toBe(0)
      await expect.poll(async () => (await fixture.hostReceived(port)).map(hex)).toEqual(packets.slice(2).map(hex))
    })

    test('a packet that is none does not stop those behind it', async () => {
      const port = await open()
      const good = fromRemote(1, 100)
      const bad = [Uint8Array.of(0x45), Uint8Array.of(0xff, 0xff, 0xff), new Uint8Array(60)]
      const batch = fill(arena, [...bad, good])
      for (let first = 0; first < 4; first += port.send(batch, first)) await port.writable()
      await expect.poll(async () => (await fixture.hostReceived(port)).map(hex)).toEqual([hex(good)])
    })

    test('a change of the MTU is told', async (context) => {
      if (fixture.setMtu === undefined)
        return void (await context.annotate('the MTU of this interface cannot be changed'))
      const port = await open()
      const changed = new Promise<void>((resolve) => port.onChange(() => port.mtu === 1300 && resolve()))
      await fixture.setMtu(port, 1300)
      await changed
    })

    test('death from outside settles `closed`', async (context) => {
      if (fixture.kill === undefined)
        return void (await context.annotate('nothing outside can end a port of this adapter'))
      const port = await open()
      const batch = createBatch(arena, port.batchSize)
      const waiting = expect(untilForever(port, batch)).rejects.toSatisfy(isClosed)
      await fixture.kill(port)
      await waiting
      await port.closed
      await port.close()
    })

    function fromHost(nth: number, length: number): Uint8Array {
      return innerPacket({ source: fixture.host, destination: fixture.remote, payload: pattern(nth, length) })
    }

    function fromRemote(nth: number, length: number): Uint8Array {
      return innerPacket({ source: fixture.remote, destination: fixture.host, payload: pattern(nth, length) })
    }
  })
}

/** Takes what is ready. Packets of other protocols are the system's own chatter. */
function drain(port: PacketPort, batch: PacketBatch, into: Uint8Array[]): void {
  while (port.receive(batch) > 0) {
    expect(batch.count).toBeLessThanOrEqual(port.batchSize)
    for (let i = 0; i < batch.count; i++) {
      const [offset, length] = [batch.offsets[i]!, batch.lengths[i]!]
      expect(offset).toBeGreaterThanOrEqual(REGION_OFFSET)
      expect(offset + length + PACKET_TAILROOM).toBeLessThanOrEqual(OUTGOING)
      const packet = batch.arena.bytes.slice(offset, offset + length)
      // The room behind is the reader's: what stands there must be no part of the packet after it.
      batch.arena.bytes.fill(0xee, offset + length, offset + length + PACKET_TAILROOM)
      if (protocolOf(packet) === 253) into.push(packet)
    }
  }
}

async function receiveAll(
  port: PacketPort,
  batch: PacketBatch,
  isDone: () => boolean,
  into: Uint8Array[] = [],
): Promise<void> {
  drain(port, batch, into)
  while (!isDone()) {
    await port.readable(AbortSignal.timeout(5000))
    drain(port, batch, into)
  }
}

/** Waits until the port or the signal ends it, whatever the system sends in between. */
async function untilForever(port: PacketPort, batch: PacketBatch, signal?: AbortSignal): Promise<never> {
  for (;;) {
    await port.readable(signal)
    port.receive(batch)
  }
}

function fill(arena: Arena, packets: readonly Uint8Array[]): PacketBatch {
  const batch = createBatch(arena, packets.length)
  let at = OUTGOING
  for (const packet of packets) {
    arena.bytes.set(packet, at)
    batch.offsets[batch.count] = at
    batch.lengths[batch.count] = packet.length
    batch.count++
    at += packet.length + PACKET_TAILROOM
  }
  return batch
}

function pattern(nth: number, length: number): Uint8Array {
  return Uint8Array.from({ length: length + 2 }, (_, i) => (i === 0 ? nth >>> 8 : nth * (i + 1)))
}

function protocolOf(packet: Uint8Array): number {
  return packet[packet[0]! >>> 4 === 4 ? 9 : 6] ?? 0
}

function isClosed(error: unknown): boolean {
  return isWireGuardError(error) && error.code === 'CLOSED'
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
