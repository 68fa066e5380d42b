/**
 * `node tun-relay.mjs TUN PORT`: the system behind the stand-in for wintun.dll (its rule relay=PORT). What it sends to this UDP port
 * comes out of a TUN of Linux, whose own sockets programs under Wine use; what goes into that is sent to it. Says `ready`, and on
 * SIGTERM how many bytes went each way in each tenth of a second, as JSON.
 */
import { createSocket } from 'node:dgram'
import { linuxTunAdapter } from '@wireweave/adapter-linux-tun/adapter'
import { createBatch } from '@wireweave/tunnel/packets'

const [name, port] = process.argv.slice(2)
const ROOM = 4 << 20

const adapter = linuxTunAdapter()
const length = adapter.regionBytes(1420)
const arena = { bytes: new Uint8Array(length + 65_536), memory: null }
const tun = await adapter.openPackets({ name, mtu: 1420, arena, region: { offset: 0, length } })
const socket = createSocket({ type: 'udp4', recvBufferSize: ROOM, sendBufferSize: ROOM })
/** Who said hello first: a program that is started only to time it comes later. */
let stand = null

const counts = { toTunnel: [], fromTunnel: [] }
function count(way, bytes) {
  const slot = Math.floor(performance.now() / 100)
  counts[way][slot] = (counts[way][slot] ?? 0) + bytes
}
process.once('SIGTERM', () => {
  console.log(JSON.stringify(counts))
  process.exit()
})

const out = createBatch(arena, 1)
socket.on('message', (packet, from) => {
  stand ??= from.port
  if (packet.length === 0) return
  count('fromTunnel', packet.length)
  arena.bytes.set(packet, length)
  out.offsets[0] = length
  out.lengths[0] = packet.length
  out.count = 1
  tun.send(out, 0)
})
await new Promise((resolve) => socket.bind(Number(port), '127.0.0.1', resolve))
console.log('ready')

const batch = createBatch(arena, tun.batchSize)
for (;;) {
  await tun.readable()
  while (tun.receive(batch) > 0) {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i]
      count('toTunnel', batch.lengths[i])
      // Copied: the arena is filled again before it is sent.
      if (stand !== null) socket.send(arena.bytes.slice(start, start + batch.lengths[i]), stand, '127.0.0.1')
    }
  }
}
