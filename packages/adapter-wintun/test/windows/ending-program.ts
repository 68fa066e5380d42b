/** `node ending-program.js SCENARIO`: what ending.test.ts describes. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { WintunPort } from '../../src/adapter.js'
import { batchFor, double, openPort } from './double.js'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function read(port: WintunPort): Promise<never> {
  const batch = batchFor(port, new Uint8Array(0))
  for (;;) {
    await port.readable()
    port.receive(batch)
  }
}

const scenarios: Record<string, () => Promise<void>> = {
  async 'exit-while-waiting'() {
    const port = await openPort()
    read(port).catch(() => undefined)
    await sleep(300)
    console.log(`exit at ${Date.now()}`)
    process.exit(7)
  },
  async 'exit-in-traffic'() {
    const port = await openPort()
    double.stream(1e9, 1400)
    read(port).catch(() => undefined)
    await sleep(300)
    process.exit(7)
  },
  async 'terminate-worker'() {
    if (!isMainThread) {
      const port = await openPort()
      double.stream(1e9, 1400)
      parentPort!.postMessage('open')
      return read(port)
    }
    const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
    await new Promise((resolve) => worker.once('message', resolve))
    await sleep(100)
    await worker.terminate()
    await sleep(500)
    console.log('alive after the worker')
    process.exit(0)
  },
  async chatter() {
    double.rule('lograte=1000')
    for (let i = 0; i < 10; i++) await (await openPort()).close()
    console.log(`opened and closed 10 times, violations ${double.violations()}`)
    process.exit(7)
  },
  async 'stay-until-closed'() {
    const port = await openPort()
    setTimeout(() => {
      void port.close().then(() => console.log('closed'))
    }, 500).unref()
  },
}
await scenarios[process.argv[2]!]!()
