/**
 * What a packet costs on its way through the rings, the stand-in's own work included: our copy between ring and arena and the
 * calls of three functions. `node interop/windows/run.mjs packages/adapter-wintun/bench/windows/rings.ts`
 */
import { createBatch } from '@wireweave/tunnel/packets'
import { wintunAdapter } from '../../src/adapter.js'
import { cleanUp, double, numbered, OPTIONS, portOptions } from '../../test/windows/double.js'

const ROUNDS = 60
const BATCH = 128

const options = portOptions()
const port = await wintunAdapter(OPTIONS).openPackets(options)
const batch = createBatch(options.arena, BATCH)
double.discard(1)

console.log(`node ${process.versions.node}, ns per packet: median of ${ROUNDS} rounds, and the best`)
for (const size of [64, 576, 1420]) {
  const received: number[] = []
  const sent: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    received.push(receiveRound(size))
    sent.push(sendRound(size))
  }
  console.log(`${String(size).padStart(5)} bytes: receive ${figures(received)}, send ${figures(sent)}`)
}
await port.close()
cleanUp()
process.exit(0)

/** A full ring of packets, emptied. */
function receiveRound(size: number): number {
  const count = double.burst(5000, size, 0)
  let left = count
  const started = performance.now()
  while (left > 0) left -= port.receive(batch)
  return ((performance.now() - started) * 1e6) / count
}

function sendRound(size: number): number {
  const base = 2 << 20
  for (let i = 0; i < BATCH; i++) {
    options.arena.bytes.set(numbered(i, size), base + i * 2048)
    batch.offsets[i] = base + i * 2048
    batch.lengths[i] = size
  }
  batch.count = BATCH
  const batches = 40
  const started = performance.now()
  for (let i = 0; i < batches; i++) port.send(batch, 0)
  return ((performance.now() - started) * 1e6) / (batches * BATCH)
}

function figures(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  return `${Math.round(sorted[sorted.length >> 1]!)} (${Math.round(sorted[0]!)})`
}
