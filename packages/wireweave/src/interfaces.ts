/** WireGuard interfaces that run already, whoever serves them: a process with a UAPI socket, or the kernel. */
import { lstatSync, opendirSync } from 'node:fs'
import path from 'node:path'
import type { WgntOptions } from '@wireweave/adapter-wgnt/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { isInterfaceName } from '@wireweave/tunnel/interface-name'
import { interfaceError } from './interface-error.js'
import { UapiInterface } from './uapi-interface.js'
import { UAPI_FOLDER, isOpenToOthers, removeStaleSocket, uapiPath } from './uapi-path.js'

export interface RunningInterface {
  readonly name: string
  readonly servedBy: 'process' | 'kernel'
  /** A picture and the secrets that belong to it, of one moment. The secrets are the caller's to wipe. */
  read(): Promise<DeviceState>
  snapshot(): Promise<DeviceSnapshot>
  /** The caller wipes them. */
  secrets(): Promise<DeviceSecrets>
  /** The keys may be wiped once it has settled. All or nothing, as far as whoever serves the interface can. */
  apply(update: DeviceUpdate): Promise<void>
}

export interface DeviceState {
  readonly snapshot: DeviceSnapshot
  readonly secrets: DeviceSecrets
}

export interface InterfacesOptions {
  /** Where the sockets are; `/var/run/wireguard` when absent. Another folder leaves the kernel out. */
  readonly uapiFolder?: string
  /** Milliseconds without a byte after which whoever serves an interface counts as dead; 15 000 when absent. */
  readonly idleMs?: number
  /** Windows: where wireguard.dll is, and who must have signed it. */
  readonly wgnt?: WgntOptions
}

/**
 * Names of all interfaces, in the order in which `wg show interfaces` has them. Sockets that nobody serves any more are
 * removed on the way. Rejects with a `WireGuardError`.
 */
export async function listInterfaces(options: InterfacesOptions = {}): Promise<string[]> {
  if (usesWindows(options)) {
    const { windowsInterfaceNames } = await import('./windows-interfaces.js')
    return windowsInterfaceNames(options.wgnt)
  }
  const names = new Set(await kernelInterfaces(options))
  const { uapiFolder = UAPI_FOLDER } = options
  for (const name of socketsIn(uapiFolder)) if (await isServed(name, uapiFolder)) names.add(name)
  return [...names]
}

/**
 * The interface of that name: of a socket if there is one, as with `wg`, else of the kernel. Every method rejects with a
 * `WireGuardError`; here it is `NO_SUCH_INTERFACE` when there is none.
 */
export async function openInterface(name: string, options: InterfacesOptions = {}): Promise<RunningInterface> {
  if (!isInterfaceName(name)) throw interfaceError('access', name, 'ENODEV')
  const { uapiFolder = UAPI_FOLDER, idleMs = IDLE_MS } = options
  if (usesWindows(options)) {
    const { windowsInterface } = await import('./windows-interfaces.js')
    const found = await windowsInterface(name, idleMs, options.wgnt)
    if (found === null) throw interfaceError('access', name, 'ENODEV')
    return found
  }
  if (await isServed(name, uapiFolder)) return new UapiInterface(name, uapiPath(name, uapiFolder), idleMs)
  if (usesKernel(options)) {
    const { kernelInterface } = await import('./kernel-interface.js')
    const found = await kernelInterface(name)
    if (found !== null) return found
  }
  throw interfaceError('access', name, 'ENODEV')
}

const IDLE_MS = 15_000
const SUFFIX = '.sock'

async function kernelInterfaces(options: InterfacesOptions): Promise<string[]> {
  if (!usesKernel(options)) return []
  const { kernelInterfaceNames } = await import('./kernel-interface.js')
  return kernelInterfaceNames()
}

function usesKernel({ uapiFolder = UAPI_FOLDER }: InterfacesOptions): boolean {
  return process.platform === 'linux' && uapiFolder === UAPI_FOLDER
}

function usesWindows({ uapiFolder }: InterfacesOptions): boolean {
  return process.platform === 'win32' && uapiFolder === undefined
}

/** In the order of the folder, which is that of `wg`; `readdir` would sort. */
function socketsIn(folder: string): string[] {
  const names: string[] = []
  try {
    const entries = opendirSync(folder)
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        const name = entry.name.slice(0, -SUFFIX.length)
        if (entry.name.endsWith(SUFFIX) && isInterfaceName(name) && isSocket(path.join(folder, entry.name)))
          names.push(name)
      }
    } finally {
      entries.closeSync()
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw interfaceError('list', null, cause)
  }
  return names
}

async function isServed(name: string, folder: string): Promise<boolean> {
  const file = uapiPath(name, folder)
  if (!isSocket(file)) return false
  if (isOpenToOthers(folder)) {
    const remedy = `Let it be root's, with mode 755, and look whose ${name}.sock is.`
    throw new WireGuardError('PERMISSION_DENIED', `${folder} is not a folder that only root can write to. ${remedy}`)
  }
  try {
    await removeStaleSocket(name, folder)
  } catch {
    // Nobody serves it, but it cannot be removed.
    return false
  }
  return isSocket(file)
}

function isSocket(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSocket() ?? false
}
