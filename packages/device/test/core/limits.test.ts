import { randomBytes } from 'node:crypto'
import { nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeSuite } from '@wireweave/crypto/node'
import { SEND_REJECT_AFTER_MESSAGES, SEND_REKEY_AFTER_MESSAGES } from '@wireweave/noise/constants'
import { Keypair } from '@wireweave/noise/keypair'
import { parseEndpoint } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { createBatch, type PacketBatch } from '@wireweave/tunnel/packets'
import { expect, test } from 'vitest'
import { PacketArena } from '../../src/core/arena.js'
import { applyUpdate } from '../../src/core/configuration.js'
import { DatagramBatch } from '../../src/core/datagrams.js'
import { writeEndpoint } from '../../src/core/endpoint.js'
import type { Peer } from '../../src/core/peer.js'
import { receiveDatagrams } from '../../src/core/receiving.js'
import { sendPackets, sendStaged } from '../../src/core/sending.js'
import { DeviceState, deviceArenaBytes } from '../../src/core/state.js'
import { DATA, INITIATION, packet4 } from './harness.js'

const ENDPOINT = parseEndpoint('192.0.2.2:2')!
const KEY = new Uint8Array(32).fill(1)

/** A device with one peer and a session made up, so that a counter can stand anywhere. */
function withKeypair(isInitiator: boolean): { state: DeviceState; peer: Peer; keypair: Keypair; batch: PacketBatch } {
  const arena = new PacketArena(deviceArenaBytes(16) + 65536)
  const state = new DeviceState({
    suite: nodeSuite,
    engine: nobleTransportEngine.create(arena.memory),
    arena,
    random: (bytes) => bytes.set(randomBytes(bytes.length)),
    unixTimeMs: () => 0,
    mtu: 1420,
    batchSize: 16,
    flush: () => {},
  })
  const publicKey = nodeSuite.x25519.importPrivateKey(randomBytes(32)).publicKey as PublicKey
  const allowedIps = [{ address: Uint8Array.of(10, 0, 0, 2), length: 32 }]
  applyUpdate(
    state,
    { privateKey: randomBytes(32) as Uint8Array as PrivateKey, peers: [{ publicKey, endpoint: ENDPOINT, allowedIps }] },
    0,
  )
  state.isUp = true
  const peer = state.peers.find(publicKey)!
  const keypair = new Keypair(KEY, KEY, state.indices.allocate(peer), 7, isInitiator, 0)
  peer.keypairs.current = keypair
  const batch = createBatch(arena, 16)
  const { offset } = arena.take(16 * 2048)
  const packet = packet4('10.0.0.1', '10.0.0.2', 60)
  for (let i = 0; i < 16; i++) {
    batch.offsets[i] = offset + i * 2048
    batch.lengths[i] = packet.length
    arena.bytes.set(packet, batch.offsets[i])
  }
  return { state, peer, keypair, batch }
}

function sentTypes(state: DeviceState): number[] {
  const { outbound } = state
  return Array.from({ length: outbound.count }, (_, i) => outbound.arena.bytes[outbound.offsets[i]!]!)
}

test('REKEY_AFTER_MESSAGES: either role starts a handshake once it has sent so many, and goes on sending', () => {
  for (const isInitiator of [true, false]) {
    const { state, keypair, batch } = withKeypair(isInitiator)
    keypair.sendCounter = SEND_REKEY_AFTER_MESSAGES - 1
    batch.count = 1
    sendPackets(state, batch, 0)
    expect(sentTypes(state)).toEqual([DATA])
    sendPackets(state, batch, 0)
    expect(sentTypes(state)).toEqual([DATA, DATA, INITIATION])
  }
})

test('REJECT_AFTER_MESSAGES: the counter stops hard, no nonce is used twice, and packets wait', () => {
  const { state, peer, keypair, batch } = withKeypair(true)
  keypair.sendCounter = SEND_REJECT_AFTER_MESSAGES - 2
  batch.count = 5
  sendPackets(state, batch, 0)
  expect(sentTypes(state).filter((type) => type === DATA)).toHaveLength(2)
  expect(state.staged.countOf(peer)).toBe(3)
  const counters = sentTypes(state).flatMap((type, i) =>
    type === DATA
      ? [new DataView(state.outbound.arena.bytes.buffer).getBigUint64(state.outbound.offsets[i]! + 8, true)]
      : [],
  )
  expect(counters).toEqual([BigInt(SEND_REJECT_AFTER_MESSAGES) - 2n, BigInt(SEND_REJECT_AFTER_MESSAGES) - 1n])
})

test('REJECT_AFTER_MESSAGES: packets that waited stop there too, and go on waiting', () => {
  const { state, peer, keypair } = withKeypair(true)
  for (let i = 0; i < 5; i++) state.staged.add(peer, packet4('10.0.0.1', '10.0.0.2', 60), 0, 60)
  keypair.sendCounter = SEND_REJECT_AFTER_MESSAGES - 2
  sendStaged(state, peer, 0)
  expect(sentTypes(state).filter((type) => type === DATA)).toHaveLength(2)
  expect(state.staged.countOf(peer)).toBe(3)
})

test('counters are accepted over all 64 bits up to REJECT_AFTER_MESSAGES', () => {
  const { state, keypair } = withKeypair(false)
  const { arena, engine } = state.options
  const { offset } = arena.take(2048)
  const batch = new DatagramBatch(arena, 1)
  const receive = (low: number, high: number): void => {
    const view = new DataView(arena.bytes.buffer)
    view.setUint32(offset, 4, true)
    view.setInt32(offset + 4, keypair.localIndex, true)
    view.setUint32(offset + 8, low, true)
    view.setUint32(offset + 12, high, true)
    arena.bytes.set(packet4('10.0.0.2', '10.0.0.1', 64), offset + 16)
    engine.seal(KEY, low, high, offset + 16, 64, offset + 16)
    batch.offsets[0] = offset
    batch.lengths[0] = 96
    batch.count = batch.recordCount = 1
    writeEndpoint(batch.records, 0, ENDPOINT)
    state.inbound.count = 0
    receiveDatagrams(state, batch, 0)
  }
  for (const [low, high, delivered] of [
    [0, 0, 1],
    [0xffff_ffff, 0, 1],
    [0, 1, 1],
    [5, 0x0020_0000, 1],
    [6, 0x0020_0000, 1],
    [0xffff_dffe, 0xffff_ffff, 1],
    [0xffff_dfff, 0xffff_ffff, 0],
    [0xffff_ffff, 0xffff_ffff, 0],
    [5, 0x0020_0000, 0],
  ] as const) {
    receive(low, high)
    expect([low, high, state.inbound.count]).toEqual([low, high, delivered])
  }
})
