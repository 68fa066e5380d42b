/** Runs in a worker: opens the tunnel that `workerData` orders, does what it is told, and ends with it. */
import { parentPort, workerData } from 'node:worker_threads'
import { closeAll } from '@wireweave/ffi/poll'
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import type { PacketAdapter } from '@wireweave/tunnel/packets'
import { buffersOf, plainError, wipeSecretsOf } from './internal/worker-messages.js'
import type { FromWorker, ToWorker, WorkerOrder } from './internal/worker-messages.js'
import { openUserspaceTunnel } from './open-tunnel.js'
import type { Parker } from './parker.js'
import type { UserspaceTunnel } from './userspace-tunnel.js'

const port = parentPort!
const order = workerData as WorkerOrder
const aborting = new AbortController()
let tunnel: UserspaceTunnel | null = null
/** Calls that are not answered yet. */
let unanswered = 0

// Whatever ends this thread: what it opened must not stay open in the process.
process.on('exit', release)
port.on('message', (message: ToWorker) => {
  if (message.tag === 'abort') aborting.abort()
  else if (message.tag === 'release') release()
  else void answer(message)
})
try {
  tunnel = await open()
  tell({ tag: 'opened', interfaceRef: tunnel.interfaceRef })
  await tunnel.closed
} catch (error) {
  tell({ tag: 'failed', error: plainError(error) })
}
// After the answers to calls that the end of the tunnel settled.
setImmediate(() => process.exit())

function release(): void {
  tunnel?.abandon()
  // Those of a tunnel that is just being opened.
  closeAll()
  Atomics.store(order.released, 0, 1)
  Atomics.notify(order.released, 0)
}

async function open(): Promise<UserspaceTunnel> {
  const { default: adapter } = (await import(order.adapterModule)) as { default: PacketAdapter }
  const { name, mtu, bind, sealingWorkers, tellsEvents, tellsSecrets } = order
  return openUserspaceTunnel(
    adapter,
    {
      name,
      signal: aborting.signal,
      ...(mtu !== undefined && { mtu }),
      ...(tellsEvents && { onEvent: (event) => tell({ tag: 'event', event }) }),
    },
    {
      bind,
      ...(sealingWorkers !== undefined && { sealingWorkers }),
      ...(tellsSecrets && { onHandshakeSecrets: (secrets) => tell({ tag: 'secrets', secrets }) }),
    },
    await openParker(),
  )
}

async function openParker(): Promise<Parker | null> {
  const { wakeFd } = order
  if (wakeFd < 0) return null
  const { pollParker } = await import('./internal/linux/poll-parker.js')
  return pollParker(wakeFd, () => tunnel !== null && unanswered === 0)
}

async function answer(message: Extract<ToWorker, { tag: 'call' }>): Promise<void> {
  const { id } = message
  unanswered++
  try {
    if (message.call === 'secrets') {
      const secrets = await tunnel!.secrets()
      tell({ tag: 'done', id, result: secrets }, buffersOf(secrets))
    } else {
      tell({ tag: 'done', id, result: await perform(message) })
    }
  } catch (error) {
    tell({ tag: 'refused', id, error: plainError(error) })
  } finally {
    unanswered--
  }
}

function perform(message: Extract<ToWorker, { tag: 'call' }>): Promise<unknown> {
  if (message.call === 'apply') return applyAndWipe(message.update)
  if (message.call === 'sendThrough') return tunnel!.sendThrough(message.family, message.index)
  return tunnel![message.call]()
}

/** The update is this thread's own copy. */
async function applyAndWipe(update: DeviceUpdate): Promise<void> {
  try {
    await tunnel!.apply(update)
  } finally {
    wipeSecretsOf(update)
  }
}

function tell(message: FromWorker, move: ArrayBuffer[] = []): void {
  port.postMessage(message, move)
}
