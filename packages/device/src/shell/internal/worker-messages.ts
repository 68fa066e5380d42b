/** What a tunnel's main thread and its worker say to each other. */
import type { InterfaceRef } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceUpdate } from '@wireweave/tunnel/config'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import type { WireGuardErrorCode } from '@wireweave/tunnel/errors'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import type { HandshakeSecrets } from '../../core/device.js'
import type { NamedBind } from '../../userspace-backend.js'

/** `workerData`: what to open. */
export interface WorkerOrder {
  /** URL of the module whose default export is the adapter. */
  readonly adapterModule: string
  readonly name: string
  readonly mtu?: number
  readonly bind: NamedBind
  readonly sealingWorkers?: number
  readonly tellsEvents: boolean
  readonly tellsSecrets: boolean
  /** An eventfd that is written to after each message; -1 where there is none. */
  readonly wakeFd: number
  /** Becomes 1 when the worker has let go of everything, after `release` or at its end. */
  readonly released: Int32Array
}

type TunnelCall = 'apply' | 'snapshot' | 'secrets' | 'up' | 'down' | 'networkChanged' | 'sendThrough' | 'close'

/** Those without arguments. */
export type PlainCall = Exclude<TunnelCall, 'apply' | 'sendThrough'>

interface SendThroughCall {
  readonly tag: 'call'
  readonly id: number
  readonly call: 'sendThrough'
  readonly family: 4 | 6
  readonly index: number
}

export type ToWorker =
  | { readonly tag: 'call'; readonly id: number; readonly call: PlainCall }
  | { readonly tag: 'call'; readonly id: number; readonly call: 'apply'; readonly update: DeviceUpdate }
  | SendThroughCall
  | { readonly tag: 'abort' }
  /** The process ends now. */
  | { readonly tag: 'release' }

export type FromWorker =
  | { readonly tag: 'opened'; readonly interfaceRef: InterfaceRef | null }
  | { readonly tag: 'failed'; readonly error: PlainError }
  | { readonly tag: 'done'; readonly id: number; readonly result: unknown }
  | { readonly tag: 'refused'; readonly id: number; readonly error: PlainError }
  | { readonly tag: 'event'; readonly event: TunnelEvent }
  | { readonly tag: 'secrets'; readonly secrets: HandshakeSecrets }

/** An error as data: structured cloning keeps neither class nor code. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly code?: WireGuardErrorCode
  readonly recoverable?: boolean
  readonly errno?: string | null
}

export function plainError(error: unknown): PlainError {
  if (isWireGuardError(error)) {
    const { name, message, code, recoverable, errno } = error
    return { name, message, code, recoverable, errno }
  }
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) }
}

export function revivedError({ name, message, code, recoverable, errno }: PlainError): Error {
  if (code !== undefined) {
    return new WireGuardError(code, message, { recoverable: recoverable === true, ...(errno && { errno }) })
  }
  if (name === 'TypeError') return new TypeError(message)
  if (name === 'RangeError') return new RangeError(message)
  return new Error(message)
}

/** The update with copies of its secrets that are moved, not copied, to the other thread, which wipes them. */
export function withMovableSecrets(update: DeviceUpdate): {
  readonly update: DeviceUpdate
  readonly move: ArrayBuffer[]
} {
  const move: ArrayBuffer[] = []
  const copied = <K extends Uint8Array>(key: K): K => {
    const copy = new Uint8Array(key)
    move.push(copy.buffer)
    return copy as unknown as K
  }
  const { privateKey, peers } = update
  return {
    update: {
      ...update,
      ...(privateKey && { privateKey: copied(privateKey) }),
      ...(peers && {
        peers: peers.map((peer) => (peer.presharedKey ? { ...peer, presharedKey: copied(peer.presharedKey) } : peer)),
      }),
    },
    move,
  }
}

export function wipeSecretsOf(update: DeviceUpdate): void {
  update.privateKey?.fill(0)
  for (const { presharedKey } of update.peers ?? []) presharedKey?.fill(0)
}

/** The buffers of keys that `Tunnel.secrets` copied for the caller alone. */
export function buffersOf({ privateKey, presharedKeys }: DeviceSecrets): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const key of [privateKey, ...presharedKeys]) {
    if (key !== null && key.byteLength === key.buffer.byteLength) buffers.add(key.buffer as ArrayBuffer)
  }
  return [...buffers]
}
