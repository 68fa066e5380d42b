/** A device with its interface, sockets and clock as the contract's `Tunnel`. */
import type { InterfaceRef, Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import type { PacketPort } from '@wireweave/tunnel/packets'
import type { Region } from '../core/arena.js'
import type { Device } from '../core/device.js'
import type { NetworkAware } from '../userspace-backend.js'
import type { Bind, InterfaceBind, OpenBind, StickyBind } from './bind.js'
import type { Clock } from './clock.js'
import { Driver } from './driver.js'
import { Backoff } from './internal/backoff.js'
import { RouteChecks } from './internal/route-checks.js'
import type { Parker } from './parker.js'

/** What a device calls, to be put into its options. */
interface DeviceHooks {
  flush(): void
  onEvent?(event: TunnelEvent): void
}

export interface UserspaceTunnelOptions {
  /** Name of the backend. */
  readonly backend: string
  readonly port: PacketPort
  readonly clock: Clock
  readonly openBind: OpenBind
  /** Where the sockets receive. */
  readonly region: Region
  readonly batchSize: number
  /** Of a thread that is the tunnel's alone. */
  readonly parker: Parker | null
  createDevice(hooks: DeviceHooks): Device
  /** Ends the threads that seal with the device; they must not outlive the tunnel. */
  endSealing?(): Promise<void>
  readonly onEvent?: (event: TunnelEvent) => void
}

/**
 * Calls take effect one after the other in the order they were made. As with wireguard-go the device also goes up and
 * down whenever its interface does. It has sockets only while it is up.
 */
export class UserspaceTunnel implements Tunnel, NetworkAware {
  readonly backend: string
  readonly closed: Promise<void>
  readonly driver: Driver
  readonly #options: UserspaceTunnelOptions
  readonly #device: Device
  readonly #port: PacketPort
  readonly #backoff: Backoff
  readonly #routeChecks: RouteChecks
  #settleClosed: () => void = () => undefined
  /** The last call, settled when it has taken effect or failed. */
  #last: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null
  /** As last seen. */
  #interfaceIsUp: boolean
  /** The device is up; its sockets may be missing for a while. */
  #isUp = false
  #bind: Bind | null = null
  #listenPort = 0
  /** What the last bind had, to have it again: peers know it. */
  #boundPort = 0
  #mark = 0
  /** The interface that each family's datagrams are kept to; 0 for none. */
  readonly #outgoing: { 4: number; 6: number } = { 4: 0, 6: 0 }
  #reopening: NodeJS.Timeout | null = null

  constructor(options: UserspaceTunnelOptions) {
    this.#options = options
    this.backend = options.backend
    this.#port = options.port
    this.#interfaceIsUp = options.port.isUp
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    this.#backoff = new Backoff(options.clock)
    this.#routeChecks = new RouteChecks((bind) => {
      if (bind === this.#bind) this.#device.forgetLocalAddresses((table, at) => bind.isSourceStale(table, at))
    })
    this.#device = options.createDevice({
      flush: () => this.driver.flush(),
      ...(options.onEvent && { onEvent: (event) => this.#tell(event) }),
    })
    this.driver = new Driver({
      device: this.#device,
      port: options.port,
      clock: options.clock,
      batchSize: options.batchSize,
      parker: options.parker,
      onBindDeath: (error) => this.#bindDied(error),
      onPortDeath: () => void this.close(),
    })
    options.port.onChange(() => {
      this.#inTurn(() => this.#interfaceChanged()).catch(() => undefined)
    })
    void options.port.closed.then(() => this.close())
  }

  get interfaceRef(): InterfaceRef | null {
    return this.#port.interfaceRef
  }

  apply(update: DeviceUpdate): Promise<void> {
    return this.#inTurn(() => this.#apply(update))
  }

  snapshot(): Promise<DeviceSnapshot> {
    return this.#inTurn(() => this.#device.snapshot())
  }

  secrets(): Promise<DeviceSecrets> {
    return this.#inTurn(() => this.#device.secrets())
  }

  /** Sockets first, then the interface. Rejects, and stays down, when either fails. */
  up(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isUp) this.#goUp(await this.#openBindAgain())
      try {
        this.#port.setUp?.(true)
      } catch (error) {
        await this.#goDown()
        throw error
      }
    })
  }

  down(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#goDown()
      this.#port.setUp?.(false)
    })
  }

  networkChanged(): Promise<void> {
    return this.#inTurn(() => {
      this.#device.networkChanged(this.#options.clock.now())
      this.driver.run()
    })
  }

  sendThrough(family: 4 | 6, index: number): Promise<boolean> {
    return this.#inTurn(() => {
      this.#outgoing[family] = index
      return this.#bind !== null && this.#keepTo(this.#bind, family)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** For a thread that ends now: lets go of interface and sockets without waiting. */
  abandon(): void {
    this.driver.close()
    void this.#bind?.close()
    void this.#port.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #inTurn<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.#closing !== null) return Promise.reject(new WireGuardError('CLOSED', `${this.#title()} is closed`))
    const result = this.#last.then(call)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #close(): Promise<void> {
    await this.#last
    try {
      await this.#goDown()
      this.#device.wipe(this.#options.clock.now())
    } finally {
      this.driver.close()
      await this.#options.endSealing?.()
      await this.#port.close().finally(() => this.#settleClosed())
    }
  }

  /** What can fail in the system comes first, then the device; if that fails, the system is put back. */
  async #apply(update: DeviceUpdate): Promise<void> {
    const { clock } = this.#options
    const mark = update.fwmark === undefined ? this.#mark : (update.fwmark ?? 0)
    const listenPort = update.listenPort ?? this.#listenPort
    const before = this.#bind
    // `wg syncconf` says 0 each time when its file has no port: what the system chose then stays.
    const keepsChoice = before !== null && listenPort === 0 && this.#listenPort === 0
    const rebinds = this.#isUp && update.listenPort !== undefined && update.listenPort !== before?.port && !keepsChoice
    const fresh = rebinds ? await this.#openBind(listenPort, mark) : null
    const remarks = before !== null && fresh === null && mark !== this.#mark
    try {
      if (remarks) before.setMark(mark)
      this.#device.apply(update, clock.now())
    } catch (error) {
      if (remarks) before.setMark(this.#mark)
      await fresh?.close()
      throw error
    }
    if (update.listenPort !== undefined && listenPort !== this.#listenPort) this.#boundPort = 0
    this.#listenPort = listenPort
    this.#mark = mark
    if (fresh !== null) this.#attach(fresh)
    // The route may be another one now.
    else if (remarks) this.#device.setBoundPort(before.port)
    this.driver.run()
    if (fresh !== null) await before?.close()
  }

  /** Without a bind, one is opened as soon as there can be one. */
  #goUp(bind: Bind | null): void {
    this.#isUp = true
    if (bind !== null) this.#attach(bind)
    this.#device.up(this.#options.clock.now())
    this.driver.run()
  }

  async #goDown(): Promise<void> {
    if (!this.#isUp) return
    this.#isUp = false
    this.#stopReopening()
    this.#device.down(this.#options.clock.now())
    this.driver.run()
    this.driver.detach()
    this.#routeChecks.stop()
    const bind = this.#bind
    this.#bind = null
    await bind?.close()
  }

  async #interfaceChanged(): Promise<void> {
    this.#device.setMtu(this.#port.mtu)
    const { isUp } = this.#port
    if (isUp === this.#interfaceIsUp) return
    this.#interfaceIsUp = isUp
    if (!isUp) return this.#goDown()
    if (this.#isUp) return
    try {
      this.#goUp(await this.#openBindAgain())
    } catch (error) {
      // Nobody waits for an answer.
      this.#goUp(null)
      this.#reopenLater(error)
    }
  }

  #attach(bind: Bind): void {
    this.#stopReopening()
    this.#bind = bind
    this.#boundPort = bind.port
    this.driver.attach(bind)
    this.#device.setBoundPort(bind.port)
    if ('onRouteChange' in bind) this.#routeChecks.watch(bind as StickyBind)
  }

  #bindDied(error: unknown): void {
    const dead = this.#bind
    this.#bind = null
    void dead?.close()
    this.#reopenLater(error)
  }

  #reopenLater(error: unknown): void {
    const delay = this.#backoff.next()
    const reason = error instanceof Error ? error.message : String(error)
    const when = delay === 0 ? 'now' : `in ${delay / 1000} s`
    this.#tell({ tag: 'log', level: 'error', message: `${reason}; opening the UDP sockets again ${when}` })
    this.#stopReopening()
    this.#reopening = setTimeout(() => {
      this.#inTurn(() => this.#reopen()).catch(() => undefined)
    }, delay)
  }

  async #reopen(): Promise<void> {
    if (!this.#isUp || this.#bind !== null) return
    try {
      this.#attach(await this.#openBindAgain())
    } catch (error) {
      this.#reopenLater(error)
      return
    }
    this.#tell({ tag: 'log', level: 'verbose', message: `UDP sockets are open on port ${this.#boundPort}` })
    this.driver.run()
  }

  #stopReopening(): void {
    if (this.#reopening !== null) clearTimeout(this.#reopening)
    this.#reopening = null
  }

  /** On the port of the last time; when that was the system's choice and is gone, on another. */
  async #openBindAgain(): Promise<Bind> {
    if (this.#listenPort !== 0 || this.#boundPort === 0) return this.#openBind(this.#listenPort, this.#mark)
    try {
      return await this.#openBind(this.#boundPort, this.#mark)
    } catch {
      return this.#openBind(0, this.#mark)
    }
  }

  async #openBind(port: number, mark: number): Promise<Bind> {
    const { openBind, region } = this.#options
    const bind = await openBind({ port, mark, arena: this.#device.outbound.arena, region })
    for (const family of [4, 6] as const) if (this.#outgoing[family] !== 0) this.#keepTo(bind, family)
    return bind
  }

  /** Without the interface, which may be gone, what the routes say is better than nothing. */
  #keepTo(bind: Bind, family: 4 | 6): boolean {
    if (!('sendThrough' in bind)) return false
    return (bind as InterfaceBind).sendThrough(family, this.#outgoing[family])
  }

  /** Later, so that a listener may call the tunnel. */
  #tell(event: TunnelEvent): void {
    const { onEvent } = this.#options
    if (onEvent !== undefined) queueMicrotask(() => onEvent(event))
  }

  #title(): string {
    return this.interfaceRef === null ? 'the tunnel' : `tunnel ${this.interfaceRef.name}`
  }
}
