/** Lifts a packet adapter to a backend: the interface is the adapter's, the WireGuard device behind it ours. */
import type { Suite, TransportEngineFactory } from '@wireweave/crypto/suite'
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import type { PacketAdapter } from '@wireweave/tunnel/packets'
import type { HandshakeSecrets } from './core/device.js'
import type { OpenBind } from './shell/bind.js'
import type { Clock } from './shell/clock.js'
import { isWorkerHere, openWorkerTunnel } from './shell/worker-tunnel.js'

export type { HandshakeSecrets }

const MAX_SEALING_WORKERS = 8

export type NamedBind = 'auto' | 'linux' | 'windows' | 'dgram'

export interface UserspaceOptions {
  /**
   * Runs device, interface and sockets in a thread of their own, so that work on this one does not stall the tunnel.
   * The adapter must be one that a worker can import; of the options below only a named `bind`, `sealingWorkers` and
   * `onHandshakeSecrets` go with it. On Linux that thread waits in the kernel for packets, which come through sooner.
   * `auto`: where that can be, which is not so in a program that a bundler put into one file. @default false
   */
  readonly worker?: boolean | 'auto'
  /**
   * Which sockets: `linux` and `windows` make system calls through koffi, `dgram` is portable, `auto` (the default) the
   * first that works.
   */
  readonly bind?: NamedBind | OpenBind
  /** This machine's best when absent. */
  readonly clock?: Clock
  /** Primitives of handshakes; the fastest here when absent. */
  readonly suite?: Suite
  /** Cipher of data; the fastest here when absent. */
  readonly engine?: TransportEngineFactory
  /**
   * Threads beside the device's own that seal packets when many are to be sent at once; 0 to 8. Absent: up to 3, so
   * that two processors stay free for the device and for whoever makes the packets, and only while the clock says that
   * they help; a number: always. Without WebAssembly SIMD there are none.
   */
  readonly sealingWorkers?: number
  /** Told the secrets of each handshake, for a dissector such as Wireshark. Whoever has them reads the traffic. */
  readonly onHandshakeSecrets?: (secrets: HandshakeSecrets) => void
}

/** What tunnels of these backends can do beyond the contract; ask with `'networkChanged' in tunnel`. */
export interface NetworkAware {
  /**
   * The host moved to another network, as Electron's `powerMonitor` or a route monitor tells: local addresses are
   * forgotten, and every peer may start a handshake at once.
   */
  networkChanged(): Promise<void>
  /**
   * Keeps datagrams to peers of a family on the interface with this index, past all routes of other interfaces; 0 for
   * what the routes say. It holds for sockets opened later, too. Resolves to whether the sockets of now obey; false
   * also while there are none, and with sockets that cannot.
   */
  sendThrough(family: 4 | 6, index: number): Promise<boolean>
}

/**
 * Throws a TypeError when `worker` is true and the adapter, or another option, cannot go with one, and a RangeError for a
 * number of sealing workers that there cannot be.
 */
export function userspaceBackend(adapter: PacketAdapter, options: UserspaceOptions = {}): TunnelBackend {
  checkSealingWorkers(options.sealingWorkers)
  const { worker = false } = options
  const obstacle = worker === false ? null : obstacleForWorker(adapter, options)
  if (worker === true && obstacle !== null) throw new TypeError(obstacle)
  const inWorker = worker === true || (worker === 'auto' && obstacle === null && isWorkerHere())
  return {
    name: adapter.name,
    dataPlane: 'userspace',
    reach: adapter.reach,
    probe: () => adapter.probe(),
    open: async (interfaceOptions) => {
      if (inWorker) return openWorkerTunnel(adapter, interfaceOptions, options)
      // A thread that has no device does without its 8 MB and its share of the start.
      const { openUserspaceTunnel } = await import('./shell/open-tunnel.js')
      return openUserspaceTunnel(adapter, interfaceOptions, options)
    },
  }
}

function checkSealingWorkers(count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= MAX_SEALING_WORKERS)) return
  throw new RangeError(`a tunnel has 0 to ${MAX_SEALING_WORKERS} sealing workers, not ${count}`)
}

function obstacleForWorker(adapter: PacketAdapter, { bind, clock, suite, engine }: UserspaceOptions): string | null {
  if (adapter.module === undefined) return `adapter ${adapter.name} cannot be imported by a worker`
  if (typeof bind === 'function') return 'a worker opens its own sockets: name them, as `linux`, `windows` or `dgram`'
  return (clock ?? suite ?? engine) ? 'a worker has its own clock, suite and engine' : null
}
