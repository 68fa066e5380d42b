/**
 * What a packet costs, and what a peer weighs, in a device with many peers, each with a session and four prefixes.
 *
 *   node bench/many-peers.mjs [--peers 10000] [--packets 300000] [--rounds 5] [--size 1420]
 *
 * Peers take turns in a random order, so that no cache helps: with each packet, the worst that a server can meet, or
 * with each 16, as a stream arrives that the kernel coalesced. Beside them the same device with one peer, in alternating
 * rounds; ratios are those of the medians. Datagrams to open are sealed outside of the time that is taken.
 */
import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseArgs } from 'node:util'
import { nodeSuite } from '@wireweave/crypto/node'
import { wasmTransportEngine } from '@wireweave/crypto/wasm'
import { PacketArena } from '@wireweave/device/core/arena'
import { DatagramBatch } from '@wireweave/device/core/datagrams'
import { Device, deviceArenaBytes } from '@wireweave/device/core/device'
import { ENDPOINT_BYTES, writeEndpoint } from '@wireweave/device/core/endpoint'
import { CookieGenerator } from '@wireweave/noise/cookie'
import { consumeInitiation, createIdentity, createResponse, deriveKeypair } from '@wireweave/noise/handshake'
import { sealTransport } from '@wireweave/noise/transport'
import { createBatch } from '@wireweave/tunnel/packets'

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '10000' },
    packets: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '5' },
    size: { type: 'string', default: '1420' },
  },
})
const [peers, packets, rounds, size] = [values.peers, values.packets, values.rounds, values.size].map(Number)
const BATCH = 64
const RESPONSE_BYTES = 92

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const memory = () => {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Of the processor, so that other work on the machine counts less. */
const microseconds = (started) => {
  const { user, system } = process.cpuUsage(started)
  return user + system
}

function deviceWith(count) {
  const arena = new PacketArena(deviceArenaBytes(BATCH) + BATCH * 4096)
  const engine = wasmTransportEngine.create(arena.memory)
  const device = new Device({
    suite: nodeSuite,
    engine,
    arena,
    random: (bytes) => bytes.set(randomBytes(bytes.length)),
    unixTimeMs: () => Date.now(),
    mtu: 1420,
    batchSize: BATCH,
    flush: () => device.outbound.clear(),
  })
  const slots = arena.take(BATCH * 4096).offset
  const hubSecret = new Uint8Array(randomBytes(32))
  const publicKey = nodeSuite.x25519.importPrivateKey(hubSecret).publicKey
  device.apply({ privateKey: hubSecret.slice() }, 0)
  const identities = Array.from({ length: count }, () => createIdentity(nodeSuite, new Uint8Array(randomBytes(32))))
  const before = memory()
  const addresses = (n) => [
    { address: Uint8Array.of(10, n >>> 16, n >>> 8, n), length: 32 },
    { address: Uint8Array.of(11, n >>> 16, n >>> 8, n), length: 32 },
    { address: Uint8Array.of(100 + (n >>> 16), n >>> 8, n, 0), length: 24 },
    { address: Uint8Array.of(0xfd, 0, 0, 0, 0, n >>> 16, n >>> 8, n, 0, 0, 0, 0, 0, 0, 0, 0), length: 64 },
  ]
  for (let n = 0; n < count; n++) {
    const endpoint = { address: Uint8Array.of(192, n >>> 16, n >>> 8, n), port: 1 }
    device.apply({ peers: [{ publicKey: identities[n].privateKey.publicKey, endpoint, allowedIps: addresses(n) }] }, 0)
  }
  device.up(0)
  const idle = (memory() - before) / count

  const batch = createBatch(arena, BATCH)
  const datagrams = new DatagramBatch(arena, BATCH)
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = randomBytes(4).readUInt32LE() % (i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  const head = [0x45, 0, size >>> 8, size & 255, 0, 0, 0x40, 0, 64, 17, 0, 0]
  const writePacket = (slot, n) => {
    const at = slots + slot * 4096
    arena.bytes.set([...head, 9, 9, 9, 9, 10, n >>> 16, n >>> 8, n], at)
    batch.offsets[slot] = at
    batch.lengths[slot] = size
  }
  const theirKeypairs = []
  const writeDatagram = (slot, n, now) => {
    const at = slots + slot * 4096
    arena.bytes.set([...head, 10, n >>> 16, n >>> 8, n, 9, 9, 9, 9], at + 16)
    datagrams.offsets[slot] = at
    datagrams.lengths[slot] = sealTransport(engine, theirKeypairs[n], at + 16, size, size, at, now)
    writeEndpoint(datagrams.records, slot * ENDPOINT_BYTES, {
      address: Uint8Array.of(192, n >>> 16, n >>> 8, n),
      port: 1,
    })
    datagrams.endpoints[slot] = slot
  }

  // One handshake each: what the device sends first is an initiation.
  const response = new Uint8Array(RESPONSE_BYTES)
  for (let n = 0; n < count; n++) {
    writePacket(0, n)
    batch.count = 1
    device.sendPackets(batch, 1)
    const { outbound } = device
    const initiation = arena.bytes.slice(outbound.offsets[0], outbound.offsets[0] + outbound.lengths[0])
    outbound.clear()
    const hubKey = nodeSuite.x25519.importPublicKey(publicKey)
    const staticStatic = nodeSuite.x25519.deriveSharedSecret(identities[n].privateKey, hubKey)
    const remote = { publicKey: hubKey, staticStatic, presharedKey: null }
    const consumed = consumeInitiation(identities[n], initiation, 0, () => remote)
    if (typeof consumed === 'number') throw new Error(`no initiation for peer ${n}: ${consumed}`)
    const input = { ephemeralSecret: new Uint8Array(randomBytes(32)), senderIndex: n + 1 }
    const created = createResponse(identities[n], remote, consumed.state, input, response, 0)
    theirKeypairs.push(deriveKeypair(nodeSuite, created, 1))
    new CookieGenerator(nodeSuite, publicKey).addMacs(response, 0, RESPONSE_BYTES, 1)
    arena.bytes.set(response, slots)
    writeEndpoint(datagrams.records, 0, { address: Uint8Array.of(192, n >>> 16, n >>> 8, n), port: 1 })
    Object.assign(datagrams, { recordCount: 1, count: 1 })
    datagrams.offsets[0] = slots
    datagrams.lengths[0] = RESPONSE_BYTES
    datagrams.endpoints[0] = 0
    device.receiveDatagrams(datagrams, 1)
    device.processHandshakes(10, 1)
    device.outbound.clear()
  }
  let next = 0
  let now = 2
  const peerOf = (slot, burst) => {
    const n = order[next]
    if (slot % burst === burst - 1) next = next + 1 === count ? 0 : next + 1
    return n
  }
  const send = (total, burst) => {
    const sealedBefore = device.stats.sentPackets
    const started = process.cpuUsage()
    for (let done = 0; done < total; done += BATCH) {
      for (let slot = 0; slot < BATCH; slot++) writePacket(slot, peerOf(slot, burst))
      batch.count = BATCH
      device.sendPackets(batch, (now += 0.01))
      device.outbound.clear()
    }
    const spent = microseconds(started)
    if (device.stats.sentPackets - sealedBefore < total) throw new Error('not every packet was sealed')
    return spent / (Math.ceil(total / BATCH) * BATCH)
  }
  const receive = (total, burst) => {
    const openedBefore = device.stats.receivedPackets
    let spent = 0
    for (let done = 0; done < total; done += BATCH) {
      now += 0.01
      for (let slot = 0; slot < BATCH; slot++) writeDatagram(slot, peerOf(slot, burst), now)
      Object.assign(datagrams, { recordCount: BATCH, count: BATCH })
      const started = process.cpuUsage()
      device.receiveDatagrams(datagrams, now)
      spent += microseconds(started)
      device.inbound.count = 0
    }
    if (device.stats.receivedPackets - openedBefore < total) throw new Error('not every datagram was opened')
    return spent / (Math.ceil(total / BATCH) * BATCH)
  }
  return { send, receive, idle }
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]
const few = deviceWith(1)
const many = deviceWith(peers)
const modes = [
  { what: '1 peer', device: few, burst: 1 },
  { what: `${peers} peers x 4 prefixes, 16 packets each in turn`, device: many, burst: 16 },
  { what: `${peers} peers x 4 prefixes, each packet another peer`, device: many, burst: 1 },
]
console.log(
  `engine ${wasmTransportEngine.name}, ${size} B packets, medians of ${rounds} alternating rounds of ${packets} packets`,
)
for (const [way, work] of [
  ['send', 'routing, sealing'],
  ['receive', 'opening, source check'],
]) {
  const costs = modes.map(() => [])
  for (const { device, burst } of modes) device[way](packets / 4, burst)
  for (let round = 0; round < rounds; round++)
    for (const [i, { device, burst }] of modes.entries()) costs[i].push(device[way](packets, burst))
  for (const [i, { what }] of modes.entries()) {
    const ratio = median(costs[i]) / median(costs[0])
    console.log(`${what}: ${median(costs[i]).toFixed(3)} µs a packet (${work}), ${ratio.toFixed(2)}x`)
  }
}
console.log(`an idle peer with 4 prefixes: ${Math.round(many.idle)} bytes`)
