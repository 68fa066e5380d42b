/** An open tunnel: one call of the driver after the other, so that closing waits for what is under way. */
import type { InterfaceRef, Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import { withoutRemovals } from '@wireweave/tunnel/removals'
import { validateUpdate } from '@wireweave/tunnel/validate'
import { MAX_PEERS, REMOVES_ALLOWED_IPS_FROM, STATE_DOWN, STATE_UP } from './abi.js'
import type { WgntAdapter } from './adapter.js'
import { decodeConfiguration, encodeUpdate } from './codec.js'
import type { DecodedDevice } from './codec.js'
import { restoreUpdate } from './restore.js'

/** Windows tells nobody that an adapter was removed. */
const LOOK_EVERY_MS = 1000

/** Keeps the process alive until it is closed: the adapter lives as long as the process. */
export class WgntTunnel implements Tunnel {
  readonly backend: string = 'wgnt'
  readonly interfaceRef: InterfaceRef
  readonly closed: Promise<void>
  readonly #adapter: WgntAdapter
  readonly #driverVersion: number
  readonly #stopListening: () => void
  readonly #watch: NodeJS.Timeout
  #last: Promise<unknown> = Promise.resolve()
  #isOpen = true
  #isLooking = false
  /** Windows has no marks: kept and told, as wireguard-go does there. */
  #fwmark: number | null = null
  #settleClosed: () => void = () => {}

  constructor(adapter: WgntAdapter, driverVersion: number, stopListening: () => void) {
    this.#adapter = adapter
    this.#driverVersion = driverVersion
    this.#stopListening = stopListening
    this.interfaceRef = { name: adapter.name, index: adapter.index }
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve))
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  apply(update: DeviceUpdate): Promise<void> {
    return this.#queue(async () => {
      validateUpdate(update)
      if ((update.peers?.length ?? 0) > MAX_PEERS) {
        throw new WireGuardError('LIMIT', `the driver takes ${MAX_PEERS} peers; nothing was changed`)
      }
      const before = await this.#read()
      try {
        await this.#send(this.#forDriver(update, before.snapshot)).catch((error) => this.#putBack(before, error))
      } finally {
        wipe(before.secrets)
      }
      if (update.fwmark !== undefined) this.#fwmark = update.fwmark || null
    })
  }

  snapshot(): Promise<DeviceSnapshot> {
    return this.#queue(async () => {
      const { snapshot, secrets } = await this.#read()
      wipe(secrets)
      return { ...snapshot, fwmark: this.#fwmark }
    })
  }

  /** A picture and the secrets that belong to it, of one moment. */
  read(): Promise<DecodedDevice> {
    return this.#queue(() => this.#read())
  }

  secrets(): Promise<DeviceSecrets> {
    return this.#queue(async () => (await this.#read()).secrets)
  }

  up(): Promise<void> {
    return this.#queue(() => this.#adapter.setState(STATE_UP))
  }

  down(): Promise<void> {
    return this.#queue(() => this.#adapter.setState(STATE_DOWN))
  }

  close(): Promise<void> {
    return this.#release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Drivers before 0.11 would add an allowed IP that is to be removed. */
  #forDriver(update: DeviceUpdate, before: DeviceSnapshot): DeviceUpdate {
    return this.#driverVersion < REMOVES_ALLOWED_IPS_FROM ? withoutRemovals(update, before) : update
  }

  async #send(update: DeviceUpdate): Promise<void> {
    const bytes = encodeUpdate(update)
    try {
      await this.#adapter.setConfiguration(bytes)
    } finally {
      bytes.fill(0)
    }
  }

  async #read(): Promise<DecodedDevice> {
    const bytes = await this.#adapter.getConfiguration()
    try {
      return decodeConfiguration(bytes)
    } finally {
      bytes.fill(0)
    }
  }

  /** Throws `failure`, with what became of the part that the driver had done before. */
  async #putBack(before: DecodedDevice, failure: unknown): Promise<never> {
    if (!isWireGuardError(failure) || failure.code === 'CLOSED') throw failure
    let outcome: string
    try {
      const after = await this.#read()
      const update = restoreUpdate(before, after)
      wipe(after.secrets)
      if (update === null) throw failure
      await this.#send(update)
      outcome = 'a part had been applied and was taken back'
    } catch (error) {
      if (error === failure) throw failure
      outcome = `a part was applied and could not be taken back: ${error instanceof Error ? error.message : String(error)}`
    }
    const { code, recoverable, errno, message } = failure
    throw new WireGuardError(code, `${message}; ${outcome}`, {
      ...{ cause: failure, recoverable },
      ...(errno !== null && { errno }),
    })
  }

  /** Runs `work` when everything asked before is done. A call that finds the adapter gone ends the tunnel. */
  #queue<T>(work: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      if (!this.#isOpen) throw new WireGuardError('CLOSED', `the adapter ${this.#adapter.name} is closed`)
      try {
        return await work()
      } catch (error) {
        if (isWireGuardError(error) && error.code === 'CLOSED') void this.#release()
        throw error
      }
    }
    const result = this.#last.then(run)
    this.#last = result.catch(() => {})
    return result
  }

  #look(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    this.#queue(() => this.#adapter.isUp())
      .catch(() => {})
      .finally(() => (this.#isLooking = false))
  }

  /** The handle is closed also when the adapter is gone: it is memory of the DLL. */
  #release(): Promise<void> {
    if (!this.#isOpen) return this.closed
    this.#isOpen = false
    clearInterval(this.#watch)
    void this.#last
      .then(() => this.#adapter.close())
      .catch(() => {})
      .finally(() => {
        this.#stopListening()
        this.#settleClosed()
      })
    return this.closed
  }
}

function wipe({ privateKey, presharedKeys }: DeviceSecrets): void {
  privateKey?.fill(0)
  for (const key of presharedKeys) key?.fill(0)
}
