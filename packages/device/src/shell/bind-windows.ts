/** The bind for Windows: sockets of ws2_32.dll, which may be kept to one interface, and take runs of datagrams at once. */
import { NativeMemory } from '@wireweave/ffi/memory'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import type { DatagramBatch } from '../core/datagrams.js'
import { ENDPOINT_BYTES, ENDPOINT_FAMILY } from '../core/endpoint.js'
import { MIN_RECEIVE_BYTES, RANDOM_PORT_ATTEMPTS } from './bind.js'
import type { BindOptions, InterfaceBind, OpenBind } from './bind.js'
import { noMark } from './internal/bind-errors.js'
import { Gate } from './internal/gate.js'
import { winsockCalls } from './internal/windows/calls.js'
import type { SocketEvent, WinsockCalls } from './internal/windows/calls.js'
import { Receiver } from './internal/windows/receiver.js'
import { Sender } from './internal/windows/sender.js'
import type { SendStats } from './internal/windows/sender.js'
import { openUdpSocket, outgoingInterface, setOutgoingInterface } from './internal/windows/socket.js'
import type { SocketFeatures, UdpSocket } from './internal/windows/socket.js'

export type { SocketFeatures, WinsockCalls }

export interface WindowsBindOptions {
  /**
   * What of Windows' features is used where it is there. Coalescing is not unless asked for: some drivers put datagrams
   * together and do not say where to cut (quinn issue 2041, msquic issue 4955), and nothing of those would ever decrypt.
   */
  readonly features?: Partial<SocketFeatures>
  /** The system calls; those of ws2_32.dll when absent. */
  readonly calls?: WinsockCalls
}

const USUAL: SocketFeatures = { segmentation: true, coalescing: false }
/** How long to wait when a socket or the system takes no more datagrams: its buffer empties in less. */
const FULL_MS = 1

/** Whether the structs of this bind have the layout that this machine's Windows expects. */
export function windowsBindWorksHere(): boolean {
  return process.platform === 'win32' && (process.arch === 'x64' || process.arch === 'arm64')
}

/** Throws when ws2_32.dll cannot be reached: koffi's native part is missing. */
export function windowsBind(options: WindowsBindOptions = {}): OpenBind {
  // The first memory shows whether koffi is there.
  void new NativeMemory(1)
  const calls = options.calls ?? winsockCalls()
  const wanted = { ...USUAL, ...options.features }
  return (bindOptions) => new Promise((resolve) => resolve(openWindowsBind(calls, wanted, bindOptions)))
}

function openWindowsBind(calls: WinsockCalls, wanted: SocketFeatures, options: BindOptions): WindowsBind {
  if (options.region.length < MIN_RECEIVE_BYTES)
    throw new RangeError(`the receive region needs ${MIN_RECEIVE_BYTES} bytes`)
  if (options.mark !== 0) throw noMark()
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
function openPair(calls: WinsockCalls, wanted: SocketFeatures, options: BindOptions): WindowsBind {
  const open: UdpSocket[] = []
  try {
    for (const family of [4, 6] as const) {
      const socket = openUdpSocket(calls, family, open[0]?.port ?? options.port, wanted)
      if (socket !== null) open.push(socket)
    }
    if (open.length === 0) throw new WireGuardError('NOT_SUPPORTED', 'this system has neither IPv4 nor IPv6')
    return new WindowsBind(calls, open, options)
  } catch (error) {
    for (const { handle } of open) calls.close(handle)
    throw error
  }
}

/** One socket with what belongs to it. */
class Channel {
  readonly socket: UdpSocket
  readonly sender: Sender
  readonly receiver: Receiver

  constructor(calls: WinsockCalls, socket: UdpSocket, options: BindOptions, stats: SendStats) {
    this.socket = socket
    this.sender = new Sender(calls, socket, options.arena, stats)
    this.receiver = new Receiver(calls, socket, options.arena, options.region)
  }
}

export class WindowsBind implements InterfaceBind {
  readonly port: number
  readonly stats: SendStats = { refused: 0 }
  readonly #calls: WinsockCalls
  readonly #channels: readonly Channel[]
  readonly #event: SocketEvent
  /** Receives first; it changes, so that no family starves the other. */
  #turn = 0
  /** Whether a receive may find something; while not, the event tells. */
  #mayHave = false
  #isWatching = false
  #isFull = false
  readonly #readable = new Gate()
  readonly #writable = new Gate()
  #dead: WireGuardError | null = null
  #closing: Promise<void> | null = null

  /** The sockets are the caller's to close if this throws. */
  constructor(calls: WinsockCalls, sockets: readonly UdpSocket[], options: BindOptions) {
    this.#calls = calls
    this.port = sockets[0]!.port
    this.#channels = sockets.map((socket) => new Channel(calls, socket, options, this.stats))
    this.#event = calls.openEvent()
    if (sockets.every(({ handle }) => this.#event.watch(handle))) return
    const error = new WireGuardError('NOT_SUPPORTED', 'Windows does not tell when UDP sockets are readable')
    void this.#event.close(error)
    throw error
  }

  /** What Windows granted, of the first socket. */
  get features(): SocketFeatures {
    const { socket, sender } = this.#channels[0]!
    return { segmentation: sender.segments, coalescing: socket.receiveMessage !== null }
  }

  receive(batch: DatagramBatch): number {
    if (this.#dead !== null) throw this.#dead
    batch.clear()
    // What is left of an earlier call lies where the other socket would receive.
    for (const { receiver } of this.#channels) if (receiver.hasLeft) return receiver.receive(batch)
    if (!this.#mayHave || this.#receiveInTurn(batch)) return batch.count
    // The calls that emptied the sockets left the event set. Whatever came before it is reset is found now.
    this.#event.reset()
    if (!this.#receiveInTurn(batch)) this.#mayHave = false
    return batch.count
  }

  send(batch: DatagramBatch, first: number): number {
    if (this.#dead !== null) throw this.#dead
    for (const { sender } of this.#channels) sender.begin()
    let at = first
    while (at < batch.count) {
      const family = batch.records[batch.endpoints[at]! * ENDPOINT_BYTES + ENDPOINT_FAMILY]
      const sender = this.#channels.find(({ socket }) => socket.family === family)?.sender
      if (sender === undefined) {
        this.stats.refused++
        at++
        continue
      }
      this.#isFull = !sender.send(batch, at)
      at += sender.taken
      if (this.#isFull) break
    }
    return at - first
  }

  readable(signal?: AbortSignal): Promise<void> {
    const isReadable = this.#mayHave || this.#channels.some(({ receiver }) => receiver.hasLeft)
    if (this.#dead === null && isReadable) return Promise.resolve()
    if (this.#dead === null && !this.#isWatching) this.#watch()
    return this.#readable.wait(signal)
  }

  writable(signal?: AbortSignal): Promise<void> {
    if (this.#dead === null && !this.#isFull) return Promise.resolve()
    if (this.#dead === null && !this.#writable.isAwaited) setTimeout(this.#hasRoom, FULL_MS)
    return this.#writable.wait(signal)
  }

  setMark(mark: number): void {
    if (mark !== 0) throw noMark()
  }

  sendThrough(family: 4 | 6, index: number): boolean {
    const channel = this.#channels.find(({ socket }) => socket.family === family)
    if (this.#dead !== null || channel === undefined) return false
    return setOutgoingInterface(this.#calls, channel.socket, index)
  }

  /** As Windows has it; `null` when it does not tell, or the family is missing. */
  outgoingInterface(family: 4 | 6): number | null {
    const channel = this.#channels.find(({ socket }) => socket.family === family)
    return this.#dead !== null || channel === undefined ? null : outgoingInterface(this.#calls, channel.socket)
  }

  close(): Promise<void> {
    this.#die(new WireGuardError('CLOSED', 'the UDP sockets were closed'))
    return this.#closing!
  }

  /** Of the first socket that has any. */
  #receiveInTurn(batch: DatagramBatch): boolean {
    const channels = this.#channels
    for (let i = 0; i < channels.length; i++) {
      const turn = (this.#turn + i) % channels.length
      if (channels[turn]!.receiver.receive(batch) === 0) continue
      this.#turn = turn + 1
      return true
    }
    return false
  }

  #watch(): void {
    this.#isWatching = true
    this.#event.wait().then(
      () => {
        this.#isWatching = false
        this.#mayHave = true
        this.#readable.open()
      },
      (error: Error) => this.#die(asClosed(error)),
    )
  }

  readonly #hasRoom = (): void => {
    this.#isFull = false
    this.#writable.open()
  }

  #die(error: WireGuardError): void {
    if (this.#dead !== null) return
    this.#dead = error
    for (const { socket } of this.#channels) this.#calls.close(socket.handle)
    this.#readable.fail(error)
    this.#writable.fail(error)
    this.#closing = this.#event.close(error)
  }
}

function asClosed(error: Error): WireGuardError {
  if (isWireGuardError(error)) return error
  return new WireGuardError('CLOSED', `waiting for the UDP sockets failed: ${error.message}`, {
    cause: error,
    recoverable: true,
  })
}
