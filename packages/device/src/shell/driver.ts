/** The loop of a device: moves packets between its interface, its core and its sockets, and wakes it when a timer runs out. */
import type { PacketBatch, PacketPort } from '@wireweave/tunnel/packets'
import { createBatch } from '@wireweave/tunnel/packets'
import { DatagramBatch } from '../core/datagrams.js'
import type { Device } from '../core/device.js'
import type { Bind, ParkableBind } from './bind.js'
import type { Clock } from './clock.js'
import { DeadlineAlarm } from './internal/deadline-alarm.js'
import { Parking } from './internal/parking.js'
import { Source } from './internal/source.js'
import type { Parker } from './parker.js'

export interface DriverOptions {
  /** Made with a `flush` that calls {@link Driver.flush}. */
  readonly device: Device
  readonly port: PacketPort
  readonly clock: Clock
  /** The most datagrams of one step, as told to the device. */
  readonly batchSize: number
  /** Where the thread is the driver's alone, and port and sockets have descriptors. */
  readonly parker?: Parker | null
  /** The attached bind is of no more use. The driver has let go of it. */
  onBindDeath(error: unknown): void
  /** The interface is gone. The driver has stopped. */
  onPortDeath(error: unknown): void
}

/** How long one turn may last before other work of the event loop gets its chance. */
const TURN_MS = 1
/** How much of a round handshakes may take: about as much as a full batch of data. */
const HANDSHAKES_MS = 0.5

/** What the driver alone sees go wrong. */
export interface DriverStats {
  /** Datagrams dropped because no socket was there to take them, or it was full in the middle of a step. */
  unsentDatagrams: number
  /** Turns of the loop. */
  turns: number
}

/**
 * Event driven: a turn runs when the port or the bind is ready or the alarm rings, drains both in alternating batches
 * for a bounded time, and leaves one alarm for the earliest deadline. A device with nothing to do costs nothing.
 *
 * When the sockets are full it reads no more packets, when the interface is full no more datagrams, until they take
 * more. Whoever calls the device calls {@link run} afterwards.
 */
export class Driver {
  readonly stats: DriverStats = { unsentDatagrams: 0, turns: 0 }
  readonly #options: DriverOptions
  readonly #device: Device
  readonly #port: PacketPort
  readonly #clock: Clock
  readonly #alarm: DeadlineAlarm
  readonly #datagrams: DatagramBatch
  readonly #packets: PacketBatch
  readonly #fromPort: Source
  /** The port's room for more, awaited when it was full. */
  readonly #toPort: Source
  #bind: Bind | null = null
  #fromBind: Source = Source.NOTHING
  #toBind: Source = Source.NOTHING
  /** Of `device.outbound` and `device.inbound`, how many have been handed over. */
  #sent = 0
  #delivered = 0
  #resumes: number
  readonly #parking: Parking | null
  /** Of port and bind, for the parker. */
  #descriptors: readonly number[] | null = null
  #immediate: NodeJS.Immediate | null = null
  #closed = false

  constructor(options: DriverOptions) {
    const { device, port, clock, parker } = options
    this.#options = options
    this.#device = device
    this.#port = port
    this.#clock = clock
    this.#resumes = clock.resumes
    this.#datagrams = new DatagramBatch(device.outbound.arena, options.batchSize)
    this.#packets = createBatch(device.outbound.arena, port.batchSize)
    this.#alarm = new DeadlineAlarm(clock, this.run)
    this.#parking = parker ? new Parking(parker, clock, this) : null
    const died = (error: unknown): void => this.#portDied(error)
    this.#fromPort = new Source(() => port.readable(), this.run, died)
    this.#toPort = new Source(() => port.writable(), this.run, died)
  }

  /** From now on datagrams go through `bind`, and packets flow. The caller closes the one before. */
  attach(bind: Bind): void {
    this.#letGo()
    this.#bind = bind
    const { descriptor } = this.#port
    this.#descriptors =
      descriptor === undefined || !('descriptors' in bind) ? null : [descriptor, ...(bind as ParkableBind).descriptors]
    const died = (error: unknown): void => this.#bindDied(bind, error)
    this.#fromBind = new Source(() => bind.readable(), this.run, died)
    this.#toBind = new Source(() => bind.writable(), this.run, died)
  }

  /** Without a bind packets stay in the interface, and what timers want sent is dropped. */
  detach(): void {
    this.#letGo()
    this.#drop()
  }

  /** Stops for good. Neither bind nor port is closed here. */
  close(): void {
    this.#closed = true
    this.detach()
    this.#fromPort.stop()
    this.#toPort.stop()
    this.#alarm.close()
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    this.#parking?.close()
  }

  /** Of {@link Parkable}. */
  get descriptors(): readonly number[] | null {
    const isWaiting = this.#toBind.isAwaited || this.#toPort.isAwaited || this.#immediate !== null
    return isWaiting ? null : this.#descriptors
  }

  /** Of {@link Parkable}. */
  arrived(ready: number): void {
    if ((ready & 1) !== 0) this.#fromPort.isReady = true
    const bind = this.#bind as ParkableBind
    for (let i = 0; i < bind.descriptors.length; i++) {
      if ((ready & (2 << i)) === 0) continue
      bind.arrived(i)
      this.#fromBind.isReady = true
    }
    this.run()
  }

  /** One turn of the loop. */
  readonly run = (): void => {
    if (this.#closed) return
    this.stats.turns++
    const device = this.#device
    let now = this.#clock.now()
    const end = now + TURN_MS
    if (this.#clock.resumes !== this.#resumes) {
      this.#resumes = this.#clock.resumes
      device.networkChanged(now)
    }
    let isBusy: boolean
    let isUsed = false
    do {
      device.advance(now)
      this.#settle()
      isBusy = this.#receiveDatagrams(now)
      isBusy = this.#sendPackets(now) || isBusy
      isUsed ||= isBusy
      isBusy = this.#processHandshakes(now) || isBusy
    } while (isBusy && !this.#closed && (now = this.#clock.now()) < end)
    if (this.#closed) return
    // Also while busy: what has run dry must not wait for the other direction to do so.
    this.#await()
    if (isBusy) this.#immediate ??= setImmediate(this.#continue)
    this.#alarm.set(device.nextDeadline()?.at ?? null)
    if (isUsed) this.#parking?.use(now)
  }

  /** In the middle of a step of the device: makes `outbound` empty whatever it takes. */
  flush(): void {
    this.#transmit()
    this.#drop()
  }

  readonly #continue = (): void => {
    this.#immediate = null
    this.run()
    // The last turn of a burst may find nothing, and those before it did not let the thread park.
    if (this.#immediate === null) this.#parking?.use(this.#clock.now())
  }

  #receiveDatagrams(now: number): boolean {
    const bind = this.#bind
    if (bind === null || !this.#fromBind.isReady || this.#toPort.isAwaited) return false
    let count: number
    try {
      count = bind.receive(this.#datagrams)
    } catch (error) {
      this.#bindDied(bind, error)
      return false
    }
    if (count === 0) {
      this.#fromBind.isReady = false
      return false
    }
    this.#device.receiveDatagrams(this.#datagrams, now)
    this.#settle()
    return true
  }

  #sendPackets(now: number): boolean {
    if (this.#bind === null || !this.#fromPort.isReady || this.#toBind.isAwaited) return false
    let count: number
    try {
      count = this.#port.receive(this.#packets)
    } catch (error) {
      this.#portDied(error)
      return false
    }
    if (count === 0) {
      this.#fromPort.isReady = false
      return false
    }
    this.#device.sendPackets(this.#packets, now)
    this.#settle()
    return true
  }

  /** True when some are left. By time, since an answer under load costs a hundredth of a handshake. */
  #processHandshakes(now: number): boolean {
    const end = now + HANDSHAKES_MS
    while (this.#device.nextDeadline()?.reason === 'handshakeQueue') {
      this.#device.processHandshakes(1, now)
      this.#settle()
      now = this.#clock.now()
      if (now >= end) return true
    }
    return false
  }

  #settle(): void {
    this.#transmit()
    this.#deliver()
  }

  #transmit(): void {
    const { outbound } = this.#device
    if (outbound.count === 0 || this.#toBind.isAwaited) return
    const bind = this.#bind
    if (bind === null) return this.#drop()
    try {
      this.#sent += bind.send(outbound, this.#sent)
    } catch (error) {
      return this.#bindDied(bind, error)
    }
    if (this.#sent < outbound.count) return this.#toBind.wait()
    outbound.clear()
    this.#sent = 0
  }

  #drop(): void {
    const { outbound } = this.#device
    this.stats.unsentDatagrams += outbound.count - this.#sent
    outbound.clear()
    this.#sent = 0
  }

  #deliver(): void {
    const { inbound } = this.#device
    if (inbound.count === 0 || this.#toPort.isAwaited) return
    try {
      this.#delivered += this.#port.send(inbound, this.#delivered)
    } catch (error) {
      return this.#portDied(error)
    }
    if (this.#delivered < inbound.count) return this.#toPort.wait()
    inbound.count = 0
    this.#delivered = 0
    // The system answers some packets while it takes them (echo requests, segments to acknowledge): a look costs less
    // than a turn of the event loop.
    this.#fromPort.isReady = true
  }

  #await(): void {
    if (this.#bind === null) return
    if (!this.#fromBind.isReady) this.#fromBind.wait()
    if (!this.#fromPort.isReady) this.#fromPort.wait()
  }

  #letGo(): void {
    this.#fromBind.stop()
    this.#toBind.stop()
    this.#fromBind = this.#toBind = Source.NOTHING
    this.#bind = null
    this.#descriptors = null
  }

  #bindDied(bind: Bind, error: unknown): void {
    if (this.#bind !== bind) return
    this.detach()
    this.#options.onBindDeath(error)
  }

  #portDied(error: unknown): void {
    if (this.#closed) return
    this.close()
    this.#options.onPortDeath(error)
  }
}
