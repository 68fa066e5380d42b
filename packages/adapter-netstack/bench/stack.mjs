/**
 * What the stack alone allows: two of them in this process, their packets handed over in batches through one memory, as a
 * device would. CPU time counts, which other work on the machine does not change much. Needs the package built.
 * Usage: node bench/stack.mjs [megabytes] [mtu] [a folder with another build, run in turns with this one]
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createBatch } from '@wireweave/tunnel/packets'

const total = Number(process.argv[2] ?? 1000) * 1e6
const mtu = Number(process.argv[3] ?? 1420)
const other = process.argv[4]
const ROUNDS = 7
const REGION = 64 * (mtu + 128)

const ours = await import('../dist/core/stack.js')
const builds = { now: ours.Stack }
if (other !== undefined) {
  const { Stack } = await import(pathToFileURL(path.resolve(other, 'core/stack.js')).href)
  builds.other = Stack
}
const results = Object.fromEntries(Object.keys(builds).map((name) => [name, []]))
// The first round warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, Stack] of Object.entries(builds)) {
    const result = transfer(Stack)
    if (round > 0) results[name].push(result)
  }
}
for (const [name, rounds] of Object.entries(results)) {
  const { megabytes, nanoseconds } = rounds.toSorted((a, b) => a.megabytes - b.megabytes)[ROUNDS >> 1]
  console.log(
    `${name.padEnd(6)} ${megabytes.toFixed(0)} MB per CPU second, ${nanoseconds.toFixed(0)} ns for a packet at both ends`,
  )
}
if (other !== undefined) {
  const ratios = results.now.map(({ megabytes }, i) => megabytes / results.other[i].megabytes).toSorted((a, b) => a - b)
  const [least, median, most] = [0, ROUNDS >> 1, ROUNDS - 1].map((i) => ratios[i].toFixed(2))
  console.log(`now / other: ${median} (${least} to ${most}, ${ROUNDS} alternating rounds)`)
}

function transfer(Stack) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((2 * REGION) / 65536) })
  const arena = { bytes: new Uint8Array(memory.buffer), memory }
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
  const [client, server] = [make(1), make(2)]
  const batches = [createBatch(arena, 64), createBatch(arena, 64)]
  const chunk = new Uint8Array(64 * 1024).fill(7)
  const sink = new Uint8Array(64 * 1024)
  let [received, written, packets] = [0, 0, 0]
  const still = { onConnect() {}, onReadable() {}, onWritable() {}, onEnd() {}, onClose() {} }
  server.listen(null, 80, {
    onConnection(connection) {
      const onReadable = () => {
        while (connection.readableBytes > 0) received += connection.read(sink)
      }
      connection.handler = { ...still, onReadable }
    },
  })
  const write = () => {
    for (;;) {
      const taken = connection.write(chunk)
      written += taken
      if (taken < chunk.length || written >= total) return
    }
  }
  const handler = { ...still, onConnect: write, onWritable: write }
  const connection = client.connect({ remote: Uint8Array.of(10, 0, 0, 2), remotePort: 80, handler }, performance.now())
  const start = process.cpuUsage()
  while (received < total) {
    const now = performance.now()
    packets += client.transmit(batches[0], 0, REGION, now)
    server.receive(batches[0], 0, now)
    packets += server.transmit(batches[1], REGION, 2 * REGION, now)
    client.receive(batches[1], 0, now)
    client.advance(now)
    server.advance(now)
  }
  const { user, system } = process.cpuUsage(start)
  const { retransmits } = client.tcpStats
  if (retransmits > 0) throw new Error(`${retransmits} retransmits without loss`)
  return { megabytes: received / (user + system), nanoseconds: ((user + system) * 1000) / packets }
}
