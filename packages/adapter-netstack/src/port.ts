/** A stack in this process as a PacketPort: what the tunnel sends it receives, and the other way round. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { PACKET_TAILROOM, type PacketBatch, type PacketPort, type PacketPortOptions } from '@wireweave/tunnel/packets'
import type { Host } from './host.js'

const BATCH_SIZE = 64

export function regionBytes(mtu: number): number {
  return BATCH_SIZE * ((mtu + PACKET_TAILROOM + 63) & ~63)
}

export class NetstackPort implements PacketPort {
  readonly interfaceRef = null
  readonly batchSize: number = BATCH_SIZE
  readonly isUp = true
  readonly mtu: number
  readonly closed: Promise<void>
  readonly #host: Host
  readonly #start: number
  readonly #end: number
  #settle: () => void = () => {}
  #wake: (() => void) | null = null
  #isClosed = false

  constructor(host: Host, options: PacketPortOptions, mtu: number) {
    this.#host = host
    this.mtu = mtu
    this.#start = (options.region.offset + 15) & ~15
    this.#end = options.region.offset + options.region.length
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    host.onOutput = () => this.#wakeUp()
    host.isUp = true
  }

  receive(batch: PacketBatch): number {
    this.#check()
    const host = this.#host
    const count = host.stack.transmit(batch, this.#start, this.#end, host.now())
    host.arm()
    return count
  }

  send(batch: PacketBatch, first: number): number {
    this.#check()
    const host = this.#host
    host.stack.receive(batch, first, host.now())
    host.arm()
    return batch.count - first
  }

  async readable(signal?: AbortSignal): Promise<void> {
    this.#check()
    if (signal?.aborted === true) throw aborted()
    if (this.#host.stack.hasOutput) return
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#wake = null
        reject(aborted())
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#wake = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
    })
    this.#check()
  }

  /** At once: the stack takes or drops a packet. */
  async writable(signal?: AbortSignal): Promise<void> {
    this.#check()
    if (signal?.aborted === true) throw aborted()
  }

  onChange(_listener: () => void): void {
    // The MTU is what it was opened with, and the stack is always up.
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#host.onOutput = () => {}
    this.#host.goDown('ENETDOWN')
    this.#wakeUp()
    this.#settle()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  #check(): void {
    if (this.#isClosed) throw new WireGuardError('CLOSED', 'the in-process network was closed')
  }
}

export function aborted(): WireGuardError {
  return new WireGuardError('ABORTED', 'the operation was aborted')
}
