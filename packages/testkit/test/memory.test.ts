import { expect, test } from 'vitest'
import { PacketArena } from '@wireweave/device/core/arena'
import { DatagramBatch } from '@wireweave/device/core/datagrams'
import { readEndpoint, writeEndpoint } from '@wireweave/device/core/endpoint'
import { formatEndpoint, parseEndpoint } from '@wireweave/tunnel/ip'
import type { PacketPort } from '@wireweave/tunnel/packets'
import { packetPortConformance } from '../src/conformance/packet-port.js'
import { MemoryAdapter, MemoryPort } from '../src/memory-port.js'
import { MemoryWire } from '../src/memory-bind.js'

let names = 0

packetPortConformance('the interface in memory', () => {
  const adapter = new MemoryAdapter()
  return {
    adapter,
    freshName: () => `memory${names++}`,
    host: Uint8Array.of(10, 0, 0, 1),
    remote: Uint8Array.of(10, 0, 0, 2),
    hostSends: async (port, packet) => memory(port).put(packet),
    hostReceived: async (port) => memory(port).sent.filter((packet) => packet[9] === 253),
    leftovers: async (name) => [...adapter.ports.keys()].filter((key) => key === name),
    kill: async (port) => memory(port).die(),
    setMtu: async (port, mtu) => memory(port).change({ mtu }),
  }
})

function memory(port: PacketPort): MemoryPort {
  if (!(port instanceof MemoryPort)) throw new TypeError('not a port of this adapter')
  return port
}

test('a bind in memory carries datagrams from one to the other', async () => {
  const wire = new MemoryWire()
  const one = await open(wire, '192.0.2.1', 1000)
  const two = await open(wire, '[2001:db8::2]', 0)
  expect(two.bind.port).toBeGreaterThan(0)
  const outgoing = new DatagramBatch(one.arena, 4)
  one.arena.bytes.set([1, 2, 3], 5000)
  outgoing.offsets[0] = 5000
  outgoing.lengths[0] = 3
  outgoing.endpoints[0] = 0
  writeEndpoint(outgoing.records, 0, parseEndpoint(`[2001:db8::2]:${two.bind.port}`)!)
  outgoing.count = outgoing.recordCount = 1
  const waiting = two.bind.readable()
  expect(one.bind.send(outgoing, 0)).toBe(1)
  await waiting
  const batch = new DatagramBatch(two.arena, 4)
  expect(two.bind.receive(batch)).toBe(1)
  const at = batch.offsets[0]!
  expect([...two.arena.bytes.subarray(at, at + batch.lengths[0]!)]).toEqual([1, 2, 3])
  expect(formatEndpoint(readEndpoint(batch.records, 0)!)).toBe('192.0.2.1:1000')
  expect(two.bind.receive(batch)).toBe(0)
})

test('a port on the wire is given once, and freed by closing', async () => {
  const wire = new MemoryWire()
  const { bind } = await open(wire, '192.0.2.1', 1000)
  await expect(open(wire, '192.0.2.1', 1000)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
  const waiting = expect(bind.readable()).rejects.toMatchObject({ code: 'CLOSED' })
  await bind.close()
  await waiting
  await open(wire, '192.0.2.1', 1000)
})

async function open(wire: MemoryWire, host: string, port: number) {
  const arena = new PacketArena(1 << 20)
  const bind = await wire.openBindAt(host)({ port, mark: 0, arena, region: arena.take(65536) })
  return { arena, bind }
}
