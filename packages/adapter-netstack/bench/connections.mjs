/**
 * Memory of idle connections: as many as asked for, opened between two stacks of this process, each having exchanged a
 * message. With `sockets` every one has a TunnelSocket on both ends. Needs the package built.
 * Usage: node --expose-gc bench/connections.mjs [connections] [sockets]
 */
import { createBatch } from '@wireweave/tunnel/packets'
import { Stack } from '../dist/core/stack.js'
import { TunnelSocket } from '../dist/node/socket.js'

const count = Number(process.argv[2] ?? 10_000)
const withSockets = process.argv[3] === 'sockets'
const REGION = 64 * 1536
const bytes = new Uint8Array(2 * REGION)
const make = (last) =>
  new Stack({
    addresses: [Uint8Array.of(10, 0, 0, last)],
    mtu: 1420,
    random: (target) => crypto.getRandomValues(target),
    onOutput: () => {},
    onHandlerError: (error) => {
      throw error
    },
  })
const client = make(1)
const server = make(2)
const host = (stack) => ({ stack, now: () => performance.now(), isUp: true, arm() {}, onDown: () => () => {} })
const batches = [createBatch({ bytes, memory: null }, 64), createBatch({ bytes, memory: null }, 64)]
const message = new Uint8Array(100).fill(1)
const kept = []
let received = 0

const handlerOf = (connection) => ({
  onConnect: () => connection().write(message),
  onReadable() {
    received += connection().read(new Uint8Array(1024))
  },
  onWritable() {},
  onEnd() {},
  onClose() {},
})
const wrap = (stack, connection, isConnected) => {
  const socket = new TunnelSocket(host(stack))
  socket.attach(connection, isConnected)
  socket.on('data', (data) => (received += data.length))
  socket.write(message)
  kept.push(socket)
}

server.listen(null, 80, {
  onConnection(connection) {
    if (withSockets) wrap(server, connection, true)
    else {
      connection.handler = handlerOf(() => connection)
      connection.write(message)
    }
  },
})

const turn = () => {
  const now = performance.now()
  let busy = 0
  busy += client.transmit(batches[0], 0, REGION, now)
  server.receive(batches[0], 0, now)
  busy += server.transmit(batches[1], REGION, 2 * REGION, now)
  client.receive(batches[1], 0, now)
  client.advance(now)
  server.advance(now)
  return busy
}
const memory = () => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const before = memory()
const start = performance.now()
for (let i = 0; i < count; i++) {
  let connection
  connection = client.connect(
    { remote: Uint8Array.of(10, 0, 0, 2), remotePort: 80, handler: handlerOf(() => connection) },
    performance.now(),
  )
  if (typeof connection === 'string') throw new Error(connection)
  if (withSockets) wrap(client, connection, false)
  if (i % 32 === 31) while (turn() > 0);
}
for (const end = performance.now() + 20_000; received < 2 * count * message.length && performance.now() < end;) {
  if (turn() === 0) await new Promise((resolve) => setTimeout(resolve, 5))
}
const ms = performance.now() - start
const each = (memory() - before) / count / 2
console.log(`${client.load.connections} connections open, ${((count / ms) * 1000).toFixed(0)} a second`)
console.log(`${each.toFixed(0)} bytes for each end of an idle connection${withSockets ? ', sockets included' : ''}`)
console.log(`buffers: ${client.load.bufferBytes + server.load.bufferBytes} bytes; received ${received}`)
kept.length = 0
