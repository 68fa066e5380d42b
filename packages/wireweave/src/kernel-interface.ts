/** Interfaces of the kernel's own WireGuard. */
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { interfaceError } from './interface-error.js'
import type { InterfaceVerb } from './interface-error.js'
import type { DeviceState, RunningInterface } from './interfaces.js'
import { wipeSecrets } from './wipe.js'

/** What the adapter opens. */
interface Device extends Disposable {
  read(): DeviceState
  apply(update: DeviceUpdate): void
}

export async function kernelInterfaceNames(): Promise<string[]> {
  const { listKernelInterfaces } = await import('@wireweave/adapter-linux-wg/running')
  return attempt('list', null, listKernelInterfaces)
}

/** `null` when the kernel has none of that name. */
export async function kernelInterface(name: string): Promise<RunningInterface | null> {
  const { openKernelInterface } = await import('@wireweave/adapter-linux-wg/running')
  const found = new KernelInterface(name, () => openKernelInterface(name))
  return found.exists() ? found : null
}

class KernelInterface implements RunningInterface {
  readonly name: string
  readonly servedBy = 'kernel'
  readonly #open: () => Device | null

  constructor(name: string, open: () => Device | null) {
    this.name = name
    this.#open = open
  }

  exists(): boolean {
    using device = attempt('access', this.name, this.#open)
    return device !== null
  }

  async read(): Promise<DeviceState> {
    return this.#with('access', (device) => device.read())
  }

  async snapshot(): Promise<DeviceSnapshot> {
    const { snapshot, secrets } = await this.read()
    wipeSecrets(secrets)
    return snapshot
  }

  async secrets(): Promise<DeviceSecrets> {
    return (await this.read()).secrets
  }

  async apply(update: DeviceUpdate): Promise<void> {
    this.#with('modify', (device) => device.apply(update))
  }

  /** Opened for each call: between two the interface may have gone, and another of that name have come. */
  #with<T>(verb: InterfaceVerb, work: (device: Device) => T): T {
    return attempt(verb, this.name, () => {
      using device = this.#open()
      if (device === null) throw interfaceError(verb, this.name, 'ENODEV')
      return work(device)
    })
  }
}

function attempt<T>(verb: InterfaceVerb, name: string | null, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isSystemError(error) ? interfaceError(verb, name, error) : error
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number'
}
