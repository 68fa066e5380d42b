/** A tunnel that lives in a worker, seen from the thread that opened it. */
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { InterfaceOptions, InterfaceRef, Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { PacketAdapter } from '@wireweave/tunnel/packets'
import type { NetworkAware, UserspaceOptions } from '../userspace-backend.js'
import { revivedError, withMovableSecrets } from './internal/worker-messages.js'
import type { Wake } from './internal/linux/wake.js'
import type { FromWorker, ToWorker, PlainCall, WorkerOrder } from './internal/worker-messages.js'

/** False in a bundle, which has not taken the worker's own file along. */
export function isWorkerHere(): boolean {
  // Absent in a bundle of CommonJS.
  if (!import.meta.url) return false
  const program = programUrl()
  return program.protocol === 'file:' && existsSync(program)
}

function programUrl(): URL {
  return new URL('./worker-entry.js', import.meta.url)
}

/** Rejects as opening on this thread would, and leaves nothing behind. */
export async function openWorkerTunnel(
  adapter: PacketAdapter,
  { name, mtu, onEvent, signal }: InterfaceOptions,
  { bind, sealingWorkers, onHandshakeSecrets }: UserspaceOptions,
): Promise<Tunnel> {
  if (signal?.aborted) throw new WireGuardError('ABORTED', 'opening the tunnel was aborted', { cause: signal.reason })
  const wake = await openWake()
  const order: WorkerOrder = {
    adapterModule: adapter.module!,
    name,
    ...(mtu !== undefined && { mtu }),
    bind: bind as WorkerOrder['bind'],
    ...(sealingWorkers !== undefined && { sealingWorkers }),
    tellsEvents: onEvent !== undefined,
    tellsSecrets: onHandshakeSecrets !== undefined,
    wakeFd: wake?.fd ?? -1,
    released: new Int32Array(new SharedArrayBuffer(4)),
  }
  const worker = startWorker(order, wake)
  const post = (message: ToWorker, move: ArrayBuffer[] = []): void => {
    worker.postMessage(message, move)
    wake?.wake()
  }
  worker.once('exit', () => wake?.close())
  releaseAtExit(worker, post, order.released)
  const tunnel = new WorkerTunnel(adapter.name, worker, post)
  worker.on('message', (message: FromWorker) => {
    if (message.tag === 'event') onEvent?.(message.event)
    else if (message.tag === 'secrets') onHandshakeSecrets?.(message.secrets)
  })
  // The worker itself decides whether it was too late, and cleans up.
  const abort = (): void => post({ tag: 'abort' })
  signal?.addEventListener('abort', abort, { once: true })
  // Meanwhile.
  if (signal?.aborted) abort()
  try {
    await tunnel.opened
    return tunnel
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** Only Linux's threads park, and only where koffi's native part is there. */
async function openWake(): Promise<Wake | null> {
  if (process.platform !== 'linux') return null
  try {
    return (await import('./internal/linux/wake.js')).openWake()
  } catch {
    return null
  }
}

/** Throws when the process may have no more threads. */
function startWorker(order: WorkerOrder, wake: Wake | null): Worker {
  try {
    // Flags and hooks of the application are for its own code.
    return new Worker(programUrl(), { workerData: order, name: `wireweave ${order.name}`, execArgv: [] })
  } catch (error) {
    wake?.close()
    throw error
  }
}

/** Of every worker that is alive, what makes it let go. */
const releases = new Set<() => void>()
const RELEASE_MS = 2000

/**
 * `process.exit` ends workers in the middle of whatever they do, which koffi's watchers do not survive: it would abort
 * the process. Waits until the worker has closed them.
 */
function releaseAtExit(worker: Worker, post: Post, released: Int32Array): void {
  const release = (): void => {
    post({ tag: 'release' })
    Atomics.wait(released, 0, 0, RELEASE_MS)
  }
  if (releases.size === 0) process.on('exit', releaseAll)
  releases.add(release)
  worker.once('exit', () => {
    releases.delete(release)
    if (releases.size === 0) process.off('exit', releaseAll)
  })
}

function releaseAll(): void {
  for (const release of releases) release()
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

type Post = (message: ToWorker, move?: ArrayBuffer[]) => void

class WorkerTunnel implements Tunnel, NetworkAware {
  readonly backend: string
  readonly opened: Promise<void>
  readonly closed: Promise<void>
  #interfaceRef: InterfaceRef | null = null
  readonly #postMessage: Post
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #closing: Promise<void> | null = null
  /** The worker's end of the tunnel, or of itself. */
  #failure: Error | null = null

  constructor(backend: string, worker: Worker, post: Post) {
    this.backend = backend
    this.#postMessage = post
    this.closed = new Promise((resolve) => worker.once('exit', () => resolve()))
    this.opened = new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.tag === 'failed') this.#failure = revivedError(message.error)
        if (message.tag !== 'opened') return
        this.#interfaceRef = message.interfaceRef
        resolve()
      })
      worker.once('exit', () => reject(this.#ended()))
    })
    worker.on('message', (message: FromWorker) => this.#told(message))
    worker.once('error', (error: Error) => {
      const message = `the tunnel's thread died: ${error.message}; open the tunnel again`
      this.#failure ??= new WireGuardError('CLOSED', message, { cause: error })
    })
    worker.once('exit', () => this.#rejectWaiting())
  }

  get interfaceRef(): InterfaceRef | null {
    return this.#interfaceRef
  }

  get failure(): Error | null {
    return this.#failure
  }

  apply(update: DeviceUpdate): Promise<void> {
    if (this.#closing !== null) return Promise.reject(this.#ended())
    const { update: movable, move } = withMovableSecrets(update)
    return this.#post<void>((id) => ({ tag: 'call', id, call: 'apply', update: movable }), move)
  }

  snapshot(): Promise<DeviceSnapshot> {
    return this.#call('snapshot')
  }

  secrets(): Promise<DeviceSecrets> {
    return this.#call('secrets')
  }

  up(): Promise<void> {
    return this.#call('up')
  }

  down(): Promise<void> {
    return this.#call('down')
  }

  networkChanged(): Promise<void> {
    return this.#call('networkChanged')
  }

  sendThrough(family: 4 | 6, index: number): Promise<boolean> {
    if (this.#closing !== null) return Promise.reject(this.#ended())
    return this.#post((id) => ({ tag: 'call', id, call: 'sendThrough', family, index }), [])
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      const done = this.#call<void>('close').catch(() => undefined)
      this.#closing = done.then(() => this.closed)
    }
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #call<T>(call: PlainCall): Promise<T> {
    if (this.#closing !== null) return Promise.reject(this.#ended())
    return this.#post((id) => ({ tag: 'call', id, call }), [])
  }

  #post<T>(message: (id: number) => ToWorker, move: ArrayBuffer[]): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      this.#postMessage(message(id), move)
    })
  }

  #told(message: FromWorker): void {
    if (message.tag !== 'done' && message.tag !== 'refused') return
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.tag === 'done') waiting?.resolve(message.result)
    else waiting?.reject(revivedError(message.error))
  }

  #rejectWaiting(): void {
    this.#closing ??= this.closed
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended())
    this.#waiting.clear()
  }

  #ended(): Error {
    return this.#failure ?? new WireGuardError('CLOSED', 'the tunnel is closed')
  }
}
