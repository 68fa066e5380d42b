/** A TUN as a PacketPort. */
import { EAGAIN, EBADF, EBADFD, EINTR, EINVAL, ENOBUFS, ENOMEM, errnoName, SystemError } from '@wireweave/ffi/errno'
import { VIRTIO_NET_HDR } from '@wireweave/ffi/linux'
import { addressOf } from '@wireweave/ffi/memory'
import { Readiness } from '@wireweave/ffi/poll'
import type { InterfaceRef } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { PacketBatch, PacketPort, PacketPortOptions } from '@wireweave/tunnel/packets'
import type { System } from './abi.js'
import { mtuFailure, type OpenTun, type ReceiveOffloads, upFailure } from './binding.js'
import { Coalescer, TCP4, TCP6, UDP4, UDP6 } from './coalesce.js'
import { Gatherer } from './gather.js'
import { BATCH_SIZE, type Layout, layOut, MAX_PACKET_BYTES } from './layout.js'
import { LinkWatch } from './link-watch.js'
import { loadRoutines } from './routines-wasm.js'
import { Segmenter } from './segment.js'
import { type LinuxTunStats, newStats } from './stats.js'
import { Writer } from './writer.js'

/** Offloads that are on now: those that were wanted and that the kernel has not refused. */
export interface ActiveOffloads extends ReceiveOffloads {
  readonly tcpCoalescing: boolean
  readonly udpCoalescing: boolean
}

const DEFAULT_MTU = 1420

export class LinuxTunPort implements PacketPort {
  readonly batchSize: number = BATCH_SIZE
  readonly closed: Promise<void>
  readonly stats: LinuxTunStats = newStats()
  readonly #system: System
  readonly #fd: number
  readonly #hasHeader: boolean
  readonly #options: PacketPortOptions
  readonly #received: ReceiveOffloads
  readonly #layout: Layout
  /** Where a read goes. */
  readonly #target: number
  readonly #targetBytes: number
  readonly #segmenter: Segmenter
  readonly #coalescer: Coalescer
  readonly #writer: Writer
  readonly #readiness: Readiness
  /** The last {@link receive} found nothing. */
  #isDry = true
  #link: LinkWatch | null = null
  #listener: () => void = () => {}
  #death: WireGuardError | null = null
  #settle: () => void = () => {}

  /** Owns `tun.fd` from when it returns. `coalescing` is a set of the coalescer's kinds. */
  constructor(system: System, tun: OpenTun, received: ReceiveOffloads, coalescing: number, options: PacketPortOptions) {
    const { bytes } = options.arena
    const routines = loadRoutines(options.arena)
    const base = addressOf(bytes)
    const layout = layOut(options.region)
    const gatherer = new Gatherer(routines, bytes, base, layout, tun.hasHeader)
    this.#system = system
    this.#fd = tun.fd
    this.#hasHeader = tun.hasHeader
    this.#options = options
    this.#received = received
    this.#layout = layout
    this.#target = base + (tun.hasHeader ? layout.stagingHeader : layout.staging)
    this.#targetBytes = MAX_PACKET_BYTES + (tun.hasHeader ? VIRTIO_NET_HDR.size : 0)
    this.#segmenter = new Segmenter(routines, bytes, layout.staging)
    this.#coalescer = new Coalescer(routines, bytes, tun.hasHeader ? coalescing : 0)
    this.#writer = new Writer(system, tun.fd, this.#coalescer, gatherer, this.stats, (kind) =>
      this.#log(
        `the kernel refuses joined ${kind === TCP4 || kind === TCP6 ? 'TCP' : 'UDP'} packets: writing them one by one`,
      ),
    )
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#readiness = new Readiness(tun.fd)
    try {
      this.#link = new LinkWatch(system, tun.fd, {
        onChange: () => this.#listener(),
        onGone: () => this.#die(gone()),
      })
      if (options.mtu !== undefined) this.#setMtu(this.#link, options.mtu)
    } catch (error) {
      this.#readiness.close()
      this.#link?.close()
      throw error
    }
  }

  /** Follows a rename. The index is 0 while the interface is in a namespace that we may not enter. */
  get interfaceRef(): InterfaceRef {
    const { name, index } = this.#link!.state
    return { name, index }
  }

  get descriptor(): number {
    return this.#fd
  }

  get mtu(): number {
    return this.#link!.state.mtu || (this.#options.mtu ?? DEFAULT_MTU)
  }

  get isUp(): boolean {
    return this.#link!.state.isUp
  }

  setUp(isUp: boolean): void {
    const link = this.#link!
    if (link.state.isUp === isUp) return
    try {
      link.setUp(isUp)
    } catch (error) {
      throw error instanceof SystemError ? upFailure(link.state.name, isUp, error) : error
    }
  }

  /** False when changes of the interface are noticed within a second instead of at once. */
  get isEventDriven(): boolean {
    return this.#link!.isEventDriven
  }

  get offloads(): ActiveOffloads {
    const { enabled } = this.#coalescer
    return {
      ...this.#received,
      tcpCoalescing: (enabled & (TCP4 | TCP6)) === (TCP4 | TCP6),
      udpCoalescing: (enabled & (UDP4 | UDP6)) === (UDP4 | UDP6),
    }
  }

  receive(batch: PacketBatch): number {
    if (this.#death !== null) throw this.#death
    batch.count = 0
    const capacity = batch.offsets.length
    const { end } = this.#layout
    let cursor = this.#layout.packets
    const wasDry = this.#isDry
    this.#isDry = false
    for (;;) {
      cursor = this.#segmenter.take(batch, capacity, cursor, end)
      if (this.#segmenter.isPending || batch.count === capacity) break
      // The first packet after a pause does not wait for a look at what follows it.
      if (wasDry && batch.count === 1) break
      if (!this.#read()) {
        this.#isDry = batch.count === 0
        break
      }
    }
    this.stats.packetsReceived += batch.count
    if (batch.count === 0 && this.#death !== null) throw this.#death
    return batch.count
  }

  send(batch: PacketBatch, first: number): number {
    if (this.#death !== null) throw this.#death
    if (batch.arena.bytes !== this.#options.arena.bytes) throw new TypeError('the batch lies in another arena')
    if (!this.#writer.write(batch, first)) this.#die(gone())
    return batch.count - first
  }

  async readable(signal?: AbortSignal): Promise<void> {
    if (this.#death !== null) throw this.#death
    if (signal?.aborted === true) throw aborted()
    if (this.#segmenter.isPending) return
    try {
      await this.#readiness.readable(signal)
    } catch {
      throw this.#death ?? aborted()
    }
  }

  /** At once: a TUN takes or refuses a packet, but has no queue to wait for. */
  async writable(signal?: AbortSignal): Promise<void> {
    if (this.#death !== null) throw this.#death
    if (signal?.aborted === true) throw aborted()
  }

  onChange(listener: () => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.#die(new WireGuardError('CLOSED', 'the TUN was closed'))
  }

  /** Hands the next read to the segmenter. False when there is none, or nothing of use in it. */
  #read(): boolean {
    const length = this.#system.read(this.#fd, this.#target, this.#targetBytes)
    if (length < 0) {
      this.#readFailed(this.#system.errno())
      return false
    }
    this.stats.reads++
    if (!this.#hasHeader) {
      this.#segmenter.beginPlain(length)
      return true
    }
    const bytes = length - VIRTIO_NET_HDR.size
    const isSound = bytes > 0 && this.#segmenter.begin(this.#layout.stagingHeader, bytes)
    if (!isSound) this.stats.malformed++
    return isSound
  }

  #readFailed(errno: number): void {
    switch (errno) {
      case EAGAIN:
      case EINTR:
      case ENOMEM:
      case ENOBUFS:
        return
      // The kernel dropped a packet that no virtio header can describe; the next one is no worse for it.
      case EINVAL:
        this.stats.malformed++
        return
      default:
        this.#die(readFailure(errno))
    }
  }

  #setMtu(link: LinkWatch, mtu: number): void {
    if (link.state.mtu === mtu) return
    try {
      link.setMtu(mtu)
    } catch (error) {
      throw error instanceof SystemError ? mtuFailure(link.state.name, mtu, error) : error
    }
  }

  #die(reason: WireGuardError): void {
    if (this.#death !== null) return
    this.#death = reason
    this.#segmenter.clear()
    this.#link?.close()
    this.#readiness.close(reason)
    this.#system.close(this.#fd)
    this.#settle()
  }

  #log(message: string): void {
    this.#options.onEvent?.({ tag: 'log', level: 'verbose', message })
  }
}

export function aborted(): WireGuardError {
  return new WireGuardError('ABORTED', 'given up, as the signal said', { recoverable: true })
}

function gone(): WireGuardError {
  return new WireGuardError('CLOSED', 'the interface was deleted: create it again to go on', { errno: 'EBADFD' })
}

function readFailure(errno: number): WireGuardError {
  if (errno === EBADFD || errno === EBADF) return gone()
  const name = errnoName(errno)
  return new WireGuardError('SYSTEM', `cannot read from the TUN (${name}): close it and open it again`, { errno: name })
}
