/** The bind for Linux: batches of system calls, UDP_SEGMENT and UDP_GRO, sticky sources, traffic classes, marks. */
import { endianness } from 'node:os'
import { Readiness } from '@wireweave/ffi/poll'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import type { DatagramBatch } from '../core/datagrams.js'
import { ENDPOINT_BYTES, ENDPOINT_FAMILY } from '../core/endpoint.js'
import { MIN_RECEIVE_BYTES, RANDOM_PORT_ATTEMPTS } from './bind.js'
import type { BindOptions, OpenBind, ParkableBind, StickyBind } from './bind.js'
import { Gate } from './internal/gate.js'
import { socketCalls } from './internal/linux/calls.js'
import type { SocketCalls } from './internal/linux/calls.js'
import { hasSource } from './internal/linux/control.js'
import { openRoutes } from './internal/linux/routes.js'
import type { Routes } from './internal/linux/routes.js'
import { Receiver } from './internal/linux/receiver.js'
import { Sender } from './internal/linux/sender.js'
import type { SendStats } from './internal/linux/sender.js'
import { openUdpSocket } from './internal/linux/socket.js'
import type { SocketFeatures, UdpSocket } from './internal/linux/socket.js'

export type { SocketCalls, SocketFeatures }

export interface LinuxBindOptions {
  /** Switches features off; by default everything that the kernel has is used. */
  readonly features?: Partial<SocketFeatures>
  /** The system calls; libc's when absent. */
  readonly calls?: SocketCalls
}

const EVERYTHING: SocketFeatures = { segmentation: true, coalescing: true, stickySource: true, trafficClass: true }

/** How long to wait when the system has no memory for packets, which no readiness tells the end of. */
const NO_BUFFERS_MS = 1

/** Whether the structs of this bind have the layout that this machine's kernel expects. */
export function linuxBindWorksHere(): boolean {
  const is64Bit = ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch)
  return process.platform === 'linux' && is64Bit && endianness() === 'LE'
}

/** Throws when libc cannot be reached: koffi's native part is missing. */
export function linuxBind(options: LinuxBindOptions = {}): OpenBind {
  const calls = options.calls ?? socketCalls()
  const wanted = { ...EVERYTHING, ...options.features }
  return (bindOptions) => new Promise((resolve) => resolve(openLinuxBind(calls, wanted, bindOptions)))
}

function openLinuxBind(calls: SocketCalls, wanted: SocketFeatures, options: BindOptions): LinuxBind {
  if (options.region.length < MIN_RECEIVE_BYTES)
    throw new RangeError(`the receive region needs ${MIN_RECEIVE_BYTES} bytes`)
  for (let attempt = 1; ; attempt++) {
    try {
      return openPair(calls, wanted, options)
    } catch (error) {
      const again = options.port === 0 && isWireGuardError(error) && error.code === 'ADDRESS_IN_USE'
      if (!again || attempt === RANDOM_PORT_ATTEMPTS) throw error
    }
  }
}

/** A system without one of the families is served by the other. */
function openPair(calls: SocketCalls, wanted: SocketFeatures, options: BindOptions): LinuxBind {
  const v4 = openUdpSocket(calls, 4, options.port, options.mark, wanted)
  try {
    const v6 = openUdpSocket(calls, 6, v4?.port ?? options.port, options.mark, wanted)
    if (v4 === null && v6 === null) throw new WireGuardError('NOT_SUPPORTED', 'this system has neither IPv4 nor IPv6')
    return new LinuxBind(calls, v4, v6, options)
  } catch (error) {
    v4?.close()
    throw error
  }
}

/** One socket with what belongs to it. */
class Channel {
  readonly socket: UdpSocket
  readonly sender: Sender
  readonly receiver: Receiver
  readonly readiness: Readiness
  /** Whether a receive may find something; while not, `readiness` is watched. */
  isReadable = false
  isWatched = false

  constructor(calls: SocketCalls, socket: UdpSocket, options: BindOptions, stats: SendStats) {
    this.socket = socket
    this.sender = new Sender(calls, socket, options.arena, stats)
    this.receiver = new Receiver(calls, socket, options.arena, options.region)
    this.readiness = new Readiness(socket.fd)
  }
}

export class LinuxBind implements StickyBind, ParkableBind {
  readonly port: number
  readonly descriptors: readonly number[]
  readonly stats: SendStats = { refused: 0 }
  readonly #v4: Channel | null
  readonly #v6: Channel | null
  readonly #channels: readonly Channel[]
  /** Receives first; it changes, so that no family starves the other. */
  #turn = 0
  readonly #readable = new Gate()
  readonly #writable = new Gate()
  /** The channel that took no more, and why. */
  #blocked: { readonly channel: Channel; readonly noBuffers: boolean } | null = null
  #mark: number
  /** `null` when sources are not sticky, or routes cannot be watched here. */
  readonly #routes: Routes | null
  #dead: WireGuardError | null = null

  constructor(calls: SocketCalls, v4: UdpSocket | null, v6: UdpSocket | null, options: BindOptions) {
    this.port = (v4 ?? v6)!.port
    this.#mark = options.mark
    this.#v4 = v4 && new Channel(calls, v4, options, this.stats)
    this.#v6 = v6 && new Channel(calls, v6, options, this.stats)
    this.#channels = [this.#v4, this.#v6].filter((channel) => channel !== null)
    this.descriptors = this.#channels.map(({ socket }) => socket.fd)
    for (const channel of this.#channels) this.#watch(channel)
    this.#routes = this.#channels.some(({ socket }) => socket.features.stickySource) ? openRoutes() : null
  }

  /** What the kernel granted, of the first socket. */
  get features(): SocketFeatures {
    const { socket, sender } = this.#channels[0]!
    return { ...socket.features, segmentation: sender.segments }
  }

  receive(batch: DatagramBatch): number {
    if (this.#dead !== null) throw this.#dead
    batch.clear()
    const channels = this.#channels
    // What is left of an earlier call lies where the other socket would receive.
    for (const { receiver } of channels) if (receiver.hasLeft) return receiver.receive(batch)
    for (let i = 0; i < channels.length; i++) {
      const channel = channels[(this.#turn + i) % channels.length]!
      if (!channel.isReadable) continue
      if (channel.receiver.receive(batch) > 0) {
        this.#turn = (this.#turn + i + 1) % channels.length
        return batch.count
      }
      this.#watch(channel)
    }
    return 0
  }

  arrived(index: number): void {
    this.#channels[index]!.isReadable = true
  }

  send(batch: DatagramBatch, first: number): number {
    if (this.#dead !== null) throw this.#dead
    this.#blocked = null
    this.#v4?.sender.begin()
    this.#v6?.sender.begin()
    let at = first
    while (at < batch.count) {
      const family = batch.records[batch.endpoints[at]! * ENDPOINT_BYTES + ENDPOINT_FAMILY]
      const channel = family === 4 ? this.#v4 : family === 6 ? this.#v6 : null
      if (channel === null) {
        this.stats.refused++
        at++
        continue
      }
      const result = channel.sender.send(batch, at)
      at += channel.sender.taken
      if (result === 'again') continue
      this.#blocked = { channel, noBuffers: result === 'noBuffers' }
      break
    }
    return at - first
  }

  readable(signal?: AbortSignal): Promise<void> {
    for (const { isReadable, receiver } of this.#channels) {
      if (this.#dead === null && (isReadable || receiver.hasLeft)) return Promise.resolve()
    }
    return this.#readable.wait(signal)
  }

  writable(signal?: AbortSignal): Promise<void> {
    const blocked = this.#blocked
    if (this.#dead === null && blocked === null) return Promise.resolve()
    if (!this.#writable.isAwaited && blocked !== null) this.#watchWritable(blocked)
    return this.#writable.wait(signal)
  }

  setMark(mark: number): void {
    const done: UdpSocket[] = []
    try {
      for (const { socket } of this.#channels) {
        socket.setMark(mark)
        done.push(socket)
      }
    } catch (error) {
      for (const socket of done) socket.setMark(this.#mark)
      throw error
    }
    this.#mark = mark
  }

  onRouteChange(listener: () => void): void {
    this.#routes?.onChange(listener)
  }

  isSourceStale(records: Uint8Array, at: number): boolean {
    return this.#routes !== null && hasSource(records, at) && this.#routes.leavesElsewhere(records, at, this.#mark)
  }

  close(): Promise<void> {
    this.#die(new WireGuardError('CLOSED', 'the UDP sockets were closed'))
    return Promise.resolve()
  }

  /** Marks the channel readable when its socket is. */
  #watch(channel: Channel): void {
    channel.isReadable = false
    // Found readable in another way meanwhile.
    if (channel.isWatched) return
    channel.isWatched = true
    channel.readiness.readable().then(
      () => {
        channel.isWatched = false
        channel.isReadable = true
        this.#readable.open()
      },
      (error: Error) => this.#die(asClosed(error)),
    )
  }

  #watchWritable({ channel, noBuffers }: { channel: Channel; noBuffers: boolean }): void {
    const open = (): void => {
      this.#blocked = null
      this.#writable.open()
    }
    if (noBuffers) setTimeout(open, NO_BUFFERS_MS)
    else channel.readiness.writable().then(open, (error: Error) => this.#die(asClosed(error)))
  }

  #die(error: WireGuardError): void {
    if (this.#dead !== null) return
    this.#dead = error
    for (const { readiness, socket } of this.#channels) {
      readiness.close(error)
      socket.close()
    }
    this.#routes?.close()
    this.#readable.fail(error)
    this.#writable.fail(error)
  }
}

function asClosed(error: Error): WireGuardError {
  if (isWireGuardError(error)) return error
  return new WireGuardError('CLOSED', `waiting for the UDP socket failed: ${error.message}`, {
    cause: error,
    recoverable: true,
  })
}
