/** A Wintun session as a PacketPort: rings are read and written on this thread, only waiting is done by another. */
import { addressOf, NativeMemory } from '@wireweave/ffi/memory'
import { ERROR_BUFFER_OVERFLOW, ERROR_NO_MORE_ITEMS } from '@wireweave/ffi/win32/codes'
import { EventReadiness } from '@wireweave/ffi/win32/event-readiness'
import { formatGuid } from '@wireweave/ffi/win32/guid'
import type { InterfaceRef } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { PACKET_TAILROOM, type PacketBatch, type PacketPort, type PacketPortOptions } from '@wireweave/tunnel/packets'
import { MAX_PACKET_BYTES, type Wintun } from './abi.js'
import { aborted, type OpenAdapter } from './create.js'
import { ringFailure } from './failure.js'
import { BATCH_SIZE } from './layout.js'
import { newStats, type WintunStats } from './stats.js'

/** After packets, the ring is looked at again for this long before a thread is put to sleep for it: waking one takes as long. */
const SPIN_MS = 0.1
/** How often is looked whether somebody changed the MTU, and whether packets were dropped. */
const LOOK_EVERY_MS = 1000

export class WintunPort implements PacketPort {
  readonly batchSize: number = BATCH_SIZE
  readonly isUp = true
  readonly closed: Promise<void>
  readonly stats: WintunStats = newStats()
  readonly interfaceRef: InterfaceRef
  /** Windows' name for the interface that lasts as long as it exists: `NET_LUID`. */
  readonly luid: bigint
  /** `{…}`, as in the registry. */
  readonly guid: string
  readonly #wintun: Wintun
  readonly #open: OpenAdapter
  readonly #arena: Uint8Array
  readonly #arenaAddress: number
  readonly #start: number
  readonly #end: number
  /** Where the DLL puts the size of a packet. */
  readonly #size = new NativeMemory(4)
  readonly #readiness: EventReadiness
  readonly #lookout: NodeJS.Timeout
  readonly #onEvent: ((event: TunnelEvent) => void) | undefined
  #mtu: number
  /** Of `stats.ringFull`, when it was looked at last, and when it began to rise; `null` while it does not. */
  #droppedBefore = 0
  #droppedSince: number | null = null
  /** A packet taken from the ring that did not fit any more. */
  #heldPacket = 0
  #heldBytes = 0
  /** The ring was not seen empty since the last packet. */
  #mayHaveMore = false
  #lastPacketAt = Number.NEGATIVE_INFINITY
  #listener: () => void = () => {}
  #death: WireGuardError | null = null
  #cleanup: Promise<void> | null = null
  #settle: () => void = () => {}

  /** Owns what is open. The region has room for a packet of any size. */
  constructor(wintun: Wintun, open: OpenAdapter, mtu: number, { arena, region, onEvent }: PacketPortOptions) {
    this.#wintun = wintun
    this.#open = open
    this.#mtu = mtu
    this.#onEvent = onEvent
    this.#arena = arena.bytes
    this.#arenaAddress = addressOf(arena.bytes)
    this.#start = (region.offset + 15) & ~15
    this.#end = region.offset + region.length
    this.interfaceRef = { name: open.name, index: open.ip.index }
    this.luid = open.luid
    this.guid = formatGuid(open.guid)
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#readiness = new EventReadiness(wintun.call.readWaitEvent(open.session))
    this.#lookout = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  get mtu(): number {
    return this.#mtu
  }

  receive(batch: PacketBatch): number {
    if (this.#death !== null) throw this.#death
    const { call, copy } = this.#wintun
    const { session } = this.#open
    const capacity = batch.offsets.length
    let cursor = this.#start
    let count = 0
    this.#mayHaveMore = true
    while (count < capacity) {
      let packet = this.#heldPacket
      let size = this.#heldBytes
      if (packet === 0) {
        packet = call.receive(session, this.#size.address)
        if (packet === 0) {
          this.#ranDry(this.#wintun.lastError())
          break
        }
        size = this.#size.view.getUint32(0, true)
      }
      if (cursor + size + PACKET_TAILROOM > this.#end) {
        this.#heldPacket = packet
        this.#heldBytes = size
        break
      }
      copy(this.#arenaAddress + cursor, packet, size)
      call.release(session, packet)
      this.#heldPacket = 0
      if (!this.#isPacket(cursor, size)) {
        this.stats.malformed++
        continue
      }
      batch.offsets[count] = cursor
      batch.lengths[count] = size
      count++
      cursor = (cursor + size + PACKET_TAILROOM + 15) & ~15
    }
    batch.count = count
    if (count === 0) {
      if (this.#death !== null) throw this.#death
      return 0
    }
    this.stats.packetsReceived += count
    this.#lastPacketAt = performance.now()
    return count
  }

  send(batch: PacketBatch, first: number): number {
    if (this.#death !== null) throw this.#death
    if (batch.arena.bytes !== this.#arena) throw new TypeError('the batch lies in another arena')
    const { call, copy } = this.#wintun
    const { session } = this.#open
    const { count, offsets, lengths } = batch
    for (let i = first; i < count; i++) {
      const size = lengths[i]!
      if (size === 0 || size > MAX_PACKET_BYTES) {
        this.stats.malformed++
        continue
      }
      const packet = call.allocate(session, size)
      if (packet === 0) {
        const code = this.#wintun.lastError()
        if (code !== ERROR_BUFFER_OVERFLOW) {
          this.#die(ringFailure(code))
          break
        }
        this.stats.ringFull++
        continue
      }
      copy(packet, this.#arenaAddress + offsets[i]!, size)
      call.send(session, packet)
      this.stats.packetsSent++
    }
    return count - first
  }

  async readable(signal?: AbortSignal): Promise<void> {
    if (this.#death !== null) throw this.#death
    if (signal?.aborted === true) throw aborted()
    if (this.#mayHaveMore) return
    if (performance.now() - this.#lastPacketAt < SPIN_MS) return nextTurn()
    try {
      await this.#readiness.wait(signal)
    } catch {
      throw this.#death ?? aborted()
    }
  }

  /** At once: there is no event for room in the ring, and what finds none is dropped, as a network card does. */
  async writable(signal?: AbortSignal): Promise<void> {
    if (this.#death !== null) throw this.#death
    if (signal?.aborted === true) throw aborted()
  }

  onChange(listener: () => void): void {
    this.#listener = listener
  }

  /** Resolves when the adapter is gone from Windows. */
  close(): Promise<void> {
    this.#die(new WireGuardError('CLOSED', `the adapter ${this.#open.name} was closed`))
    return this.#cleanup!
  }

  #ranDry(code: number): void {
    this.#mayHaveMore = false
    if (code !== ERROR_NO_MORE_ITEMS) this.#die(ringFailure(code))
  }

  /** The driver is known to hand over zeros where it could not read a packet. */
  #isPacket(offset: number, size: number): boolean {
    const version = this.#arena[offset]! >>> 4
    return (version === 4 && size >= 20) || (version === 6 && size >= 40)
  }

  #look(): void {
    this.#lookAtRing()
    this.#checkMtu()
  }

  /** Once when the system begins to leave packets in its ring, and once when it takes them again. */
  #lookAtRing(): void {
    const dropped = this.stats.ringFull
    const isDropping = dropped > this.#droppedBefore
    if (isDropping && this.#droppedSince === null) {
      this.#droppedSince = this.#droppedBefore
      const message = 'Windows takes no packets: its ring is full, and they are dropped'
      this.#onEvent?.({ tag: 'log', level: 'error', message })
    } else if (!isDropping && this.#droppedSince !== null) {
      const message = `Windows takes packets again; ${dropped - this.#droppedSince} were dropped`
      this.#onEvent?.({ tag: 'log', level: 'error', message })
      this.#droppedSince = null
    }
    this.#droppedBefore = dropped
  }

  #checkMtu(): void {
    const mtu = this.#open.ip.mtu()
    if (mtu === null || mtu === this.#mtu || this.#death !== null) return
    this.#mtu = mtu
    this.#listener()
  }

  #die(reason: WireGuardError): void {
    if (this.#death !== null) return
    this.#death = reason
    this.#cleanup = this.#letGo(reason)
  }

  /** In this order: the thread that waits, the packet in our hands, the session, the adapter. */
  async #letGo(reason: WireGuardError): Promise<void> {
    const { call, slow, logger } = this.#wintun
    const { session, adapter } = this.#open
    clearInterval(this.#lookout)
    if (this.#heldPacket !== 0) call.release(session, this.#heldPacket)
    this.#heldPacket = 0
    await this.#readiness.close(reason)
    logger.attach()
    await slow.end(session)
    await slow.close(adapter)
    this.#settle()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
