/** `node guards-program.js SCENARIO guarded|bare`: what guards.test.ts describes. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { bind } from '@wireweave/ffi/library'
import { DllLogger } from '@wireweave/ffi/win32/dll-logger'
import { EventReadiness } from '@wireweave/ffi/win32/event-readiness'
import { loadDll } from '@wireweave/ffi/win32/library'
import { createEvent } from '@wireweave/ffi/win32/wait'
import { native, THREADS, THREADS_SLOW } from './native.js'

const [scenario, guard] = isMainThread ? process.argv.slice(2) : (workerData as string[])
const isGuarded = guard === 'guarded'
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const load = (): ReturnType<typeof loadDll<typeof THREADS, typeof THREADS_SLOW>> =>
  loadDll(native('threads.dll'), 'unverified', THREADS, THREADS_SLOW)

function startThread(name: string): Worker {
  return new Worker(new URL(import.meta.url), { workerData: [name, guard] })
}

function startLogging(): DllLogger {
  const { call } = load()
  const logger = new DllLogger((callback) => call.setLogger(callback))
  call.startLogging(1)
  return logger
}

async function join(): Promise<void> {
  const { call, slow } = load()
  const logger = startLogging()
  await sleep(50)
  const result = isGuarded ? (await slow.stopLogging()).result : call.stopLogging()
  console.log(`joined ${result}`)
  await sleep(50)
  console.log(`last: ${logger.lines.at(-1)?.message}`)
}

async function unload(): Promise<void> {
  if (!isMainThread) {
    const { startTicking } = isGuarded ? load().call : bind(native('threads.dll'), THREADS)
    startTicking(1500)
    return
  }
  const worker = startThread(scenario!)
  await new Promise((resolve) => worker.once('exit', resolve))
  await sleep(700)
  console.log('still ticking')
  process.exit(0)
}

async function exit(): Promise<void> {
  if (isGuarded) {
    const readiness = new EventReadiness(createEvent('by itself'))
    void readiness.wait()
  } else {
    const worker = startThread('wait')
    await new Promise((resolve) => worker.once('message', resolve))
  }
  await sleep(500)
  process.exit(7)
}

/** What a thread must not do. */
function wait(): void {
  const table = { wait: ['WaitForSingleObject', 'uint32_t', ['uintptr_t', 'uint32_t']] } as const
  const kernel32 = bind('C:\\windows\\system32\\kernel32.dll', table)
  const event = createEvent('by itself')
  // Loading koffi takes its time on a busy machine: only the wait is left.
  parentPort!.postMessage('about to wait')
  kernel32.wait(event, 0xffff_ffff)
}

async function exitWhileLogging(): Promise<void> {
  startLogging()
  await sleep(200)
  process.exit(7)
}

async function workerEndsWhileLogging(): Promise<void> {
  if (!isMainThread) {
    startLogging()
    await sleep(200)
    process.exit(0)
  }
  const worker = startThread(scenario!)
  await new Promise((resolve) => worker.once('exit', resolve))
  await sleep(300)
  console.log('the main thread goes on')
  process.exit(0)
}

const scenarios: Record<string, () => void | Promise<void>> = {
  join,
  unload,
  exit,
  wait,
  'exit-while-logging': exitWhileLogging,
  'worker-ends-while-logging': workerEndsWhileLogging,
}
await scenarios[scenario!]!()
if (isMainThread) process.exit(0)
