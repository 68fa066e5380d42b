/**
 * What the stack alone allows: two of them in this process, their packets handed over in batches, without time passing
 * by a clock. Needs the package built. Usage: node bench/stack.mjs [megabytes] [mtu]
 */
import { createBatch } from '@wireweave/tunnel/packets'
import { Stack } from '../dist/core/stack.js'

const megabytes = Number(process.argv[2] ?? 1000)
const mtu = Number(process.argv[3] ?? 1420)
const REGION = 64 * (mtu + 128)
const bytes = new Uint8Array(2 * REGION)
const make = (last) =>
  new Stack({
    addresses: [Uint8Array.of(10, 0, 0, last)],
    mtu,
    random: (target) => crypto.getRandomValues(target),
    onOutput: () => {},
    onHandlerError: (error) => {
      throw error
    },
  })
const client = make(1)
const server = make(2)
const batches = [createBatch({ bytes, memory: null }, 64), createBatch({ bytes, memory: null }, 64)]

const total = megabytes * 1e6
const chunk = new Uint8Array(64 * 1024).fill(7)
const sink = new Uint8Array(64 * 1024)
let received = 0
let written = 0
server.listen(null, 80, {
  onConnection(connection) {
    connection.handler = {
      onConnect() {},
      onReadable() {
        while (connection.readableBytes > 0) received += connection.read(sink)
      },
      onWritable() {},
      onEnd() {},
      onClose() {},
    }
  },
})
const write = () => {
  for (;;) {
    const taken = connection.write(chunk)
    written += taken
    if (taken < chunk.length || written >= total) return
  }
}
const connection = client.connect(
  {
    remote: Uint8Array.of(10, 0, 0, 2),
    remotePort: 80,
    handler: { onConnect: write, onReadable() {}, onWritable: write, onEnd() {}, onClose() {} },
  },
  performance.now(),
)
const start = performance.now()
let packets = 0
while (received < total) {
  const now = performance.now()
  packets += client.transmit(batches[0], 0, REGION, now)
  server.receive(batches[0], 0, now)
  packets += server.transmit(batches[1], REGION, 2 * REGION, now)
  client.receive(batches[1], 0, now)
  client.advance(now)
  server.advance(now)
}
const seconds = (performance.now() - start) / 1000
const gigabits = ((received * 8) / 1e9 / seconds).toFixed(2)
console.log(
  `${gigabits} Gbit/s, ${packets} packets, ${((seconds * 1e6) / packets).toFixed(2)} us each (both ends), MTU ${mtu}`,
)
console.log(client.tcpStats)
