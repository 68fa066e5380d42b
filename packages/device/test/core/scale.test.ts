import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nodeSuite } from '@wireweave/crypto/node'
import type { TransportEngine } from '@wireweave/crypto/suite'
import { parsePrefix } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { createBatch, type PacketBatch } from '@wireweave/tunnel/packets'
import { expect, test } from 'vitest'
import { PacketArena } from '../../src/core/arena.js'
import { DatagramBatch } from '../../src/core/datagrams.js'
import { Device, deviceArenaBytes } from '../../src/core/device.js'
import { writeEndpoint } from '../../src/core/endpoint.js'
import { BATCH, Host, packet4, Pair, withJitter } from './harness.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function used(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function addPeers(host: Host, count: number): void {
  for (let first = 0; first < count; first += 1000) {
    const peers = Array.from({ length: Math.min(1000, count - first) }, (_, i) => {
      const n = first + i
      return {
        publicKey: randomBytes(32) as Uint8Array as PublicKey,
        endpoint: { address: Uint8Array.of(192, n >>> 16, n >>> 8, n), port: 1 },
        allowedIps: [
          { address: Uint8Array.of(11 + (n >>> 16), n >>> 8, n, 0), length: 24 },
          parsePrefix(`fd00:0:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}::/64`)!,
        ],
      }
    })
    host.device.apply({ peers }, 0)
  }
  host.events.length = 0
}

test('an idle peer with two prefixes takes at most 4 KiB', () => {
  const host = new Host('192.0.2.1:1')
  addPeers(host, 1000)
  const before = used()
  addPeers(host, 10_000)
  expect((used() - before) / 10_000).toBeLessThan(4096)
  expect(host.device.snapshot().peers).toHaveLength(11_000)
})

test('100 000 idle peers need no wake-up, and a session among them works', { timeout: 300_000 }, () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  addPeers(pair.bob, 100_000)
  expect(pair.bob.device.nextDeadline()).toBe(null)
  pair.connect()
  const packet = pair.pong()
  pair.exchange()
  expect(pair.alice.delivered).toEqual([packet])
  // Every one of them is asked for a handshake, and gives up in the end.
  pair.bob.send([packet4('10.0.0.2', '11.0.5.9', 60)], 0)
  expect(pair.bob.takeSent()[0]!.to.address).toEqual(Uint8Array.of(192, 0, 0, 5))
  pair.bob.apply({ replacePeers: true }, 0)
  expect(pair.bob.device.nextDeadline()).toBe(null)
})

/** Less than any object, or number in the heap, for every fourth packet. */
const MOST_BYTES = 4

test('sending and receiving allocate nothing per packet', () => {
  const { device, arena, batch, datagrams } = deviceWithoutCipher()
  const view = new DataView(arena.bytes.buffer)
  let now = 0
  let counter = 0
  let sent = 0
  const send = (): void => {
    sent += BATCH
    device.sendPackets(batch, now)
    device.outbound.clear()
  }
  const receive = (): void => {
    for (let i = 0; i < BATCH; i++) {
      const at = datagrams.offsets[i]!
      view.setUint32(at + 8, counter++, true)
      arena.bytes[at + 16] = 0x45
    }
    device.receiveDatagrams(datagrams, now)
    device.inbound.count = 0
  }
  const bytesPerPacket = (step: () => void): number => {
    // The least of several: what is left is what every packet costs, not what the compiler does in between, nor code that
    // a busy machine has not compiled yet.
    let least = Infinity
    for (let run = 0; run < 5 || (run < 100 && least >= MOST_BYTES); run++) {
      collect()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < 500; i++) {
        now += 0.01
        step()
      }
      least = Math.min(least, (process.memoryUsage().heapUsed - before) / (500 * BATCH))
    }
    return least
  }
  for (let i = 0; i < 3000; i++) {
    send()
    receive()
  }
  expect(bytesPerPacket(send)).toBeLessThan(MOST_BYTES)
  expect(bytesPerPacket(receive)).toBeLessThan(MOST_BYTES)
  expect(device.stats.sentPackets).toBe(sent)
  expect(device.stats.receivedPackets).toBe(counter)
})

/** A session in which nothing is encrypted, so that only the device itself is measured. */
function deviceWithoutCipher(): { device: Device; arena: PacketArena; batch: PacketBatch; datagrams: DatagramBatch } {
  const arena = new PacketArena(deviceArenaBytes(BATCH) + BATCH * 4096)
  const engine: TransportEngine = {
    name: 'none',
    bytes: arena.bytes,
    seal: () => {},
    open: () => true,
    forgetKey: () => {},
  }
  const random = (bytes: Uint8Array): void => {
    bytes.set(randomBytes(bytes.length))
    // Indices that are no small integers as unsigned numbers: half of all.
    if (bytes.length === 4) bytes[3]! |= 0x80
  }
  const options = {
    suite: nodeSuite,
    engine,
    arena,
    random,
    unixTimeMs: () => 0,
    mtu: 1420,
    batchSize: BATCH,
    flush: () => {},
  }
  const device = new Device(options)
  const bob = new Host('192.0.2.2:2')
  const privateKey = randomBytes(32) as Uint8Array as PrivateKey
  const publicKey = nodeSuite.x25519.importPrivateKey(privateKey).publicKey as PublicKey
  device.apply(
    {
      privateKey,
      peers: [{ publicKey: bob.publicKey, endpoint: bob.endpoint, allowedIps: [parsePrefix('10.0.0.2/32')!] }],
    },
    0,
  )
  bob.apply({ peers: [{ publicKey }] }, 0)
  device.up(0)
  bob.up(0)

  const batch = createBatch(arena, BATCH)
  const datagrams = new DatagramBatch(arena, BATCH)
  const { offset } = arena.take(BATCH * 4096)
  for (let i = 0; i < BATCH; i++) {
    batch.offsets[i] = offset + i * 4096
    batch.lengths[i] = 1420
    arena.bytes.set(packet4('10.0.0.1', '10.0.0.2', 1420), batch.offsets[i])
    datagrams.offsets[i] = offset + i * 4096 + 2048
    datagrams.lengths[i] = 1452
  }
  writeEndpoint(datagrams.records, 0, bob.endpoint)
  datagrams.recordCount = 1
  batch.count = 1
  device.sendPackets(batch, 0)
  const { outbound } = device
  const initiation = arena.bytes.slice(outbound.offsets[0]!, outbound.offsets[0]! + 148)
  outbound.clear()
  bob.receive(initiation, { address: Uint8Array.of(192, 0, 2, 1), port: 1 }, 0)
  const response = bob.takeSent()[0]!.bytes
  arena.bytes.set(response, datagrams.offsets[0]!)
  datagrams.lengths[0] = 92
  datagrams.count = 1
  device.receiveDatagrams(datagrams, 0)
  device.processHandshakes(1, 0)
  outbound.clear()
  device.stats.sentPackets = 0

  // Data to the index that the device chose for itself.
  for (let i = 0; i < BATCH; i++) {
    const at = datagrams.offsets[i]!
    arena.bytes.fill(0, at, at + 16)
    arena.bytes[at] = 4
    arena.bytes.set(initiation.subarray(4, 8), at + 4)
    arena.bytes.set(packet4('10.0.0.2', '10.0.0.1', 1420), at + 16)
  }
  datagrams.lengths.fill(1452)
  datagrams.count = batch.count = BATCH
  return { device, arena, batch, datagrams }
}
