import { createBatch } from '@wireweave/tunnel/packets'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { payloadOf } from '../packets.js'
import { UdpSocket } from './datagrams.js'
import { closePorts, open } from './ports.js'
import { ip, isolate, makeNamespace, missing } from './rig.js'

const lacking = missing()

describe.skipIf(lacking !== null)('what one receive takes', () => {
  let leave = (): void => {}
  beforeAll(() => {
    leave = isolate()
  })
  afterAll(() => leave())
  afterEach(closePorts)

  /** An interface that IPv6 does not talk on by itself, and a way to put datagrams into it. */
  async function quiet() {
    const opened = await open({ mtu: 1500 })
    const { name } = opened
    const namespace = makeNamespace()
    ip('link', 'set', name, 'netns', namespace)
    ip('-n', namespace, 'link', 'set', name, 'addrgenmode', 'none')
    ip('-n', namespace, 'addr', 'add', '10.88.0.1/24', 'dev', name)
    ip('-n', namespace, 'link', 'set', name, 'up')
    const socket = new UdpSocket(namespace, '10.88.0.1', 4000)
    const batch = createBatch(opened.arena, opened.port.batchSize)
    const send = (bytes: number): void => socket.send('10.88.0.2', 4000, payloadOf(bytes, 1))
    const receive = (): number => opened.port.receive(batch)
    return { ...opened, socket, send, receive, batch }
  }

  it('after a pause is one packet, without a look at what follows; then all there is', async () => {
    const { port, send, receive, socket } = await quiet()
    try {
      expect(receive()).toBe(0)
      for (let i = 0; i < 5; i++) send(100)
      const before = port.stats.reads
      expect(receive()).toBe(1)
      expect(port.stats.reads).toBe(before + 1)
      expect(receive()).toBe(4)
      send(100)
      expect(receive()).toBe(1)
      expect(receive()).toBe(0)
      for (let i = 0; i < 2; i++) send(100)
      expect([receive(), receive(), receive()]).toEqual([1, 1, 0])
    } finally {
      socket.close()
    }
  })

  it('after a pause is all of a large packet and what follows it', async ({ skip }) => {
    const { port, send, receive, socket } = await quiet()
    try {
      skip(!port.offloads.udpSegmentation, 'this kernel has no USO')
      expect(receive()).toBe(0)
      socket.segment(1000)
      send(4000)
      send(3000)
      expect(receive()).toBe(7)
    } finally {
      socket.close()
    }
  })

  it('carries every byte of the payload, whatever its length', async () => {
    const { send, receive, socket, batch, arena } = await quiet()
    try {
      receive()
      for (const bytes of [1, 7, 64, 100, 575, 1472]) {
        send(bytes)
        expect(receive()).toBe(1)
        const at = batch.offsets[0]!
        expect(batch.lengths[0]).toBe(28 + bytes)
        expect(arena.bytes.slice(at + 28, at + 28 + bytes)).toEqual(payloadOf(bytes, 1))
      }
    } finally {
      socket.close()
    }
  })
})
