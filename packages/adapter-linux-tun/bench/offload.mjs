/**
 * Nanoseconds per packet of what the adapter does between two system calls. Needs the package built.
 * Usage: node bench/offload.mjs [rounds]
 */
import { createBatch } from '@wireweave/tunnel/packets'
import { Coalescer, TCP4, UDP4 } from '../dist/coalesce.js'
import { Gatherer } from '../dist/gather.js'
import { layOut, regionBytes } from '../dist/layout.js'
import { javascriptRoutines } from '../dist/routines-js.js'
import { wasmRoutines } from '../dist/routines-wasm.js'
import { Segmenter } from '../dist/segment.js'

const rounds = Number(process.argv[2] ?? 7)
const MTU = 1420
const MSS = MTU - 52
const SEGMENTS = 47
const region = { offset: 4096, length: regionBytes(MTU) }

for (const name of ['wasm', 'js']) {
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 32 })
  const arena = { memory, bytes: new Uint8Array(memory.buffer) }
  const routines = name === 'wasm' ? wasmRoutines(memory) : javascriptRoutines(arena.bytes)
  const layout = layOut(region)
  const segmenter = new Segmenter(routines, arena.bytes, layout.staging)
  const large = writeLarge(arena.bytes, layout)
  const batch = createBatch(arena, 128)

  const segment = () => {
    batch.count = 0
    segmenter.begin(layout.stagingHeader, large)
    segmenter.take(batch, 128, layout.packets, layout.end)
  }
  segment()
  report(name, `sum of ${MTU} bytes`, 1, () => routines.sum(batch.offsets[0], MTU))
  report(name, 'cut 64 KiB of TCP', SEGMENTS, segment)

  const gatherer = new Gatherer(routines, arena.bytes, 4096, layout, true)
  const join = (plan) => {
    plan.plan(batch, 0, batch.count)
    for (let group = 0; group < plan.groupCount; group++) {
      if (plan.counts[group] === 1) gatherer.plain(batch.offsets[group], batch.lengths[group])
      else gatherer.joined(plan, group, batch)
    }
    return plan.groupCount
  }
  segment()
  const joining = new Coalescer(routines, arena.bytes, TCP4 | UDP4)
  if (join(joining) !== 1) throw new Error('not joined')
  report(name, 'check and join TCP', SEGMENTS, () => join(joining))

  const apart = new Coalescer(routines, arena.bytes, 0)
  report(name, 'the same, joining switched off', SEGMENTS, () => join(apart))
}

/** A packet as the kernel hands it over, with timestamps as TCP options. Returns its length. */
function writeLarge(bytes, { staging, stagingHeader }) {
  const length = 52 + SEGMENTS * MSS
  const view = new DataView(bytes.buffer)
  bytes.set([1, 1], stagingHeader)
  view.setUint16(stagingHeader + 2, 52, true)
  view.setUint16(stagingHeader + 4, MSS, true)
  view.setUint16(stagingHeader + 6, 20, true)
  view.setUint16(stagingHeader + 8, 16, true)
  bytes.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], staging)
  view.setUint16(staging + 2, length)
  bytes.set([0x13, 0x88, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x10, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10], staging + 20)
  for (let i = 52; i < length; i++) bytes[staging + i] = i * 7
  return length
}

/** The best of some rounds of about 50 ms: other work on the machine only ever adds. */
function report(name, what, packets, action) {
  let calls = 64
  let best = Infinity
  for (let round = -2; round < rounds; round++) {
    const start = performance.now()
    for (let i = 0; i < calls; i++) action()
    const ns = (performance.now() - start) * 1e6
    if (round >= 0) best = Math.min(best, ns / calls / packets)
    calls = Math.max(1, Math.round((calls * 5e7) / ns))
  }
  console.log(`${name.padEnd(4)}  ${what.padEnd(32)} ${best.toFixed(0).padStart(6)} ns a packet`)
}
