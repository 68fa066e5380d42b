/** What only the bind on node:dgram has: a queue of its own. */
import { createSocket } from 'node:dgram'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { PacketArena } from '../../src/core/arena.js'
import { DatagramBatch } from '../../src/core/datagrams.js'
import { openDgramBind } from '../../src/shell/bind-dgram.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const DATAGRAM_BYTES = 16_384

test('keeps nothing of what it has handed over, also when the queue never runs dry', { timeout: 300_000 }, async () => {
  const arena = new PacketArena(4 << 20)
  const bind = await openDgramBind({ port: 0, mark: 0, arena, region: arena.take(2 << 20) })
  const batch = new DatagramBatch(arena, 16)
  const sender = createSocket('udp4')
  const used = (): number => {
    collect()
    return process.memoryUsage().arrayBuffers
  }
  // What the collector found is freed by a thread of its own, when that gets a turn.
  const usedAtLast = async (limit: number): Promise<number> => {
    for (let tries = 0; tries < 200 && used() > limit; tries++) await setTimeout(50)
    return used()
  }
  try {
    const before = used()
    let handedOver = 0
    // Two more each time than are taken, so that some always wait.
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 18; i++) sender.send(new Uint8Array(DATAGRAM_BYTES), bind.port, '127.0.0.1')
      await bind.readable()
      for (let i = 0; i < 5; i++) await setImmediate()
      handedOver += bind.receive(batch)
    }
    expect(handedOver).toBeGreaterThan(1000)
    const limit = before + (handedOver / 2) * DATAGRAM_BYTES
    expect(await usedAtLast(limit)).toBeLessThan(limit)
  } finally {
    sender.close()
    await bind.close()
  }
})
