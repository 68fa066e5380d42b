/** Interfaces that run on Windows: served by a process through a pipe, or by WireGuardNT. */
import { networkInterfaces } from 'node:os'
import type { RunningAdapter } from '@wireweave/adapter-wgnt/running'
import type { WgntOptions } from '@wireweave/adapter-wgnt/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { interfaceError } from './interface-error.js'
import type { DeviceState, RunningInterface } from './interfaces.js'
import { UapiInterface } from './uapi-interface.js'
import { wipeSecrets } from './wipe.js'

/** Only administrators can make pipes there: nobody else can have our keys sent to himself. */
const PIPE_PREFIX = 'ProtectedPrefix\\Administrators\\WireGuard\\'
const PIPES = '\\\\.\\pipe\\'

/** Windows has no list of WireGuardNT's adapters: every interface that is up is asked whether it is one. */
export async function windowsInterfaceNames(wgnt: WgntOptions | undefined): Promise<string[]> {
  const names = new Set(await servedNames())
  for (const name of Object.keys(networkInterfaces())) {
    if (names.has(name)) continue
    const adapter = await openAdapter(name, wgnt)
    if (adapter !== null) names.add(name)
    await adapter?.close()
  }
  return [...names]
}

/** `null` when there is none of that name. */
export async function windowsInterface(
  name: string,
  idleMs: number,
  wgnt: WgntOptions | undefined,
): Promise<RunningInterface | null> {
  const pipe = new UapiInterface(name, PIPES + PIPE_PREFIX + name, idleMs)
  if (await isServed(pipe)) return pipe
  const adapter = await openAdapter(name, wgnt)
  await adapter?.close()
  return adapter === null ? null : new WgntInterface(name, wgnt)
}

async function servedNames(): Promise<string[]> {
  const { pipeNames } = await import('@wireweave/host-net/win32/pipes')
  try {
    return pipeNames().flatMap((name) => (name.startsWith(PIPE_PREFIX) ? name.slice(PIPE_PREFIX.length) : []))
  } catch (cause) {
    throw interfaceError('list', null, cause, 'Say the name of one.')
  }
}

/** Asks whoever has the pipe; a pipe that is there but does not answer is an error of its own. */
async function isServed(pipe: UapiInterface): Promise<boolean> {
  try {
    await pipe.snapshot()
    return true
  } catch (error) {
    if (isWireGuardError(error) && error.errno === 'ENOENT') return false
    throw error
  }
}

async function openAdapter(name: string, wgnt: WgntOptions | undefined): Promise<RunningAdapter | null> {
  const { openRunningAdapter } = await import('@wireweave/adapter-wgnt/running')
  return openRunningAdapter(name, wgnt)
}

class WgntInterface implements RunningInterface {
  readonly name: string
  readonly servedBy = 'kernel'
  readonly #options: WgntOptions | undefined

  constructor(name: string, options: WgntOptions | undefined) {
    this.name = name
    this.#options = options
  }

  read(): Promise<DeviceState> {
    return this.#with('access', (adapter) => adapter.read())
  }

  async snapshot(): Promise<DeviceSnapshot> {
    const { snapshot, secrets } = await this.read()
    wipeSecrets(secrets)
    return snapshot
  }

  async secrets(): Promise<DeviceSecrets> {
    return (await this.read()).secrets
  }

  apply(update: DeviceUpdate): Promise<void> {
    return this.#with('modify', (adapter) => adapter.apply(update))
  }

  async #with<T>(verb: 'access' | 'modify', work: (adapter: RunningAdapter) => Promise<T>): Promise<T> {
    const adapter = await openAdapter(this.name, this.#options)
    if (adapter === null) throw interfaceError(verb, this.name, 'ENODEV')
    try {
      return await work(adapter)
    } finally {
      await adapter.close()
    }
  }
}
