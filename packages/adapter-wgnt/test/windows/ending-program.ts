/** `node ending-program.js SCENARIO`: what ending.test.ts describes. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { backend, freshName, rule, violations } from './double.js'

const scenario = isMainThread ? process.argv[2] : (workerData as string)
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function exitWhileCreating(): Promise<void> {
  rule('create-delay=2000')
  void backend().open({ name: freshName() })
  await sleep(100)
  process.exit(7)
}

async function exitWhileLogging(): Promise<void> {
  rule('lograte=1000')
  await backend().open({ name: freshName(), onEvent: () => {} })
  await sleep(200)
  process.exit(7)
}

async function terminateWorker(): Promise<void> {
  if (!isMainThread) {
    await backend().open({ name: freshName() })
    return
  }
  const worker = new Worker(new URL(import.meta.url), { workerData: scenario })
  await sleep(700)
  await worker.terminate()
  await sleep(700)
  console.log(`alive ${violations().length}`)
  process.exit(0)
}

async function stayUntilClosed(): Promise<void> {
  const tunnel = await backend().open({ name: freshName() })
  setTimeout(() => void tunnel.close().then(() => console.log('closed')), 300).unref()
}

const scenarios = { exitWhileCreating, exitWhileLogging, terminateWorker, stayUntilClosed }
await scenarios[scenario as keyof typeof scenarios]()
