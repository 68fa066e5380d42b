/**
 * Times sealing a batch with 0 to 3 sealing workers, after a build: back to back, which is a tunnel under load, and with a
 * pause before each batch, after which the workers sleep. `always` shares every batch, `while faster` is what a tunnel
 * does by default. In many short rounds, every subject in turn. Prints µs of a batch, the least and the median of the
 * rounds, and the median ratio to one thread in the same round.
 *
 * More threads than the machine has idle processors show what sharing costs, not what it gains.
 *
 *   node bench/parallel.mjs [--packets 64] [--bytes 1420] [--rounds 200]
 */
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { parallelEngine, sealingBytes } from '../dist/parallel.js'
import { ENGINE_RESERVED_BYTES } from '../dist/suite.js'
import { wasmTransportEngine } from '../dist/wasm.js'

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '64' },
    bytes: { type: 'string', default: '1420' },
    rounds: { type: 'string', default: '200' },
  },
})
const [packets, length, rounds] = [values.packets, values.bytes, values.rounds].map(Number)
const SPACE = 2048 + length
const BATCHES = 40
/** Longer than workers look for work. */
const PAUSE_MS = 2

const subjects = [
  subject('one thread', 0, false),
  subject('1 worker, always', 1, true),
  subject('2 workers, always', 2, true),
  subject('3 workers, always', 3, true),
  subject('1 worker, while faster', 1, false),
]
for (const { run } of subjects) for (let i = 0; i < 400; i++) run()
await sleep(500)

console.log(`node ${process.version}, ${os.availableParallelism()} processors, ${packets} packets of ${length} bytes`)
await compare('back to back', () => 0, BATCHES)
await compare('after a pause', () => sleep(PAUSE_MS), 1)
for (const { close } of subjects) await close()

async function compare(title, pause, batches) {
  const times = subjects.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of subjects.entries()) {
      await pause()
      // The first batch after the others' turn wakes the workers up.
      if (batches > 1) run()
      const start = performance.now()
      for (let batch = 0; batch < batches; batch++) run()
      times[i].push(((performance.now() - start) * 1000) / batches)
      // Until the workers sleep.
      await sleep(1)
    }
  }
  for (const [i, own] of times.entries()) {
    const ratio = median(own.map((time, round) => time / times[0][round]))
    const columns = [Math.min(...own).toFixed(1), median(own).toFixed(1), ratio.toFixed(2)]
    console.log(`${title.padEnd(14)} ${subjects[i].name.padEnd(22)}  ${columns.join('  ')}`)
  }
}

function subject(name, workers, always) {
  const offset = ENGINE_RESERVED_BYTES
  const source = offset + sealingBytes(workers)
  const destination = source + packets * SPACE
  const pages = Math.ceil((destination + packets * SPACE) / 65536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const plain = wasmTransportEngine.create(memory)
  const parallel = workers === 0 ? null : parallelEngine({ memory, offset, workers, engine: plain, always })
  const sealer = parallel?.batch ?? plain
  const key = new Uint8Array(32).fill(7)
  return {
    name,
    run() {
      for (let i = 0; i < packets; i++) sealer.seal(key, i, 0, source + i * SPACE, length, destination + i * SPACE)
      parallel?.batch.settle()
    },
    close: () => parallel?.close(),
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
