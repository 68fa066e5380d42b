/** wireguard.dll: found, checked, loaded once, and its one logger shared out to the tunnels. */
import { existsSync } from 'node:fs'
import { DllLogger } from '@wireweave/ffi/win32/dll-logger'
import type { DllLogLine } from '@wireweave/ffi/win32/dll-logger'
import { isElevated } from '@wireweave/ffi/win32/elevation'
import { ipInterfaceTable } from '@wireweave/ffi/win32/ip-interface'
import { archiveFolder, DllError, dllFolders, findDll, loadDll } from '@wireweave/ffi/win32/library'
import type { Dll, Trust } from '@wireweave/ffi/win32/library'
import { machineOfFile } from '@wireweave/ffi/win32/machine'
import { systemDll } from '@wireweave/ffi/win32/system'
import type { SystemDll } from '@wireweave/ffi/win32/system'
import type { Availability } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'

/** Which DLL is loaded, and on whose word. */
export interface WgntOptions {
  /** The absolute path of wireguard.dll. Otherwise it is looked for beside node.exe, then in System32. */
  readonly library?: string
  /** Who must have signed it; `WireGuard LLC` when absent. `unverified` is for one of your own. */
  readonly trust?: Trust
  /** The absolute path of what to use as iphlpapi.dll: for tests. */
  readonly iphlpapi?: string
}

const FILE_NAME = 'wireguard.dll'
const WEBSITE = 'https://download.wireguard.com/wireguard-nt/'
const SIGNER = { signer: 'WireGuard LLC' }

/** Those that wait for nobody. */
const quick = {
  getAdapterLuid: ['WireGuardGetAdapterLUID', 'void', ['uintptr_t', 'void *']],
  setLogger: ['WireGuardSetLogger', 'void', ['void *']],
} as const

/** Those that talk to the driver, install it, or wait for the thread that logs. */
const slow = {
  createAdapter: ['WireGuardCreateAdapter', 'uintptr_t', ['str16', 'str16', 'void *']],
  openAdapter: ['WireGuardOpenAdapter', 'uintptr_t', ['str16']],
  closeAdapter: ['WireGuardCloseAdapter', 'void', ['uintptr_t']],
  driverVersion: ['WireGuardGetRunningDriverVersion', 'uint32_t', []],
  setAdapterLogging: ['WireGuardSetAdapterLogging', 'int32_t', ['uintptr_t', 'uint32_t']],
  getAdapterState: ['WireGuardGetAdapterState', 'int32_t', ['uintptr_t', 'void *']],
  setAdapterState: ['WireGuardSetAdapterState', 'int32_t', ['uintptr_t', 'uint32_t']],
  setConfiguration: ['WireGuardSetConfiguration', 'int32_t', ['uintptr_t', 'void *', 'uint32_t']],
  getConfiguration: ['WireGuardGetConfiguration', 'int32_t', ['uintptr_t', 'void *', 'void *']],
} as const

const conversions = {
  luidToIndex: ['ConvertInterfaceLuidToIndex', 'uint32_t', ['void *', 'void *']],
  aliasToLuid: ['ConvertInterfaceAliasToLuid', 'uint32_t', ['str16', 'void *']],
} as const

export type WgntDll = Dll<typeof quick, typeof slow>
type Conversions = SystemDll<typeof conversions, {}>
type IpInterfaces = SystemDll<typeof ipInterfaceTable, {}>

/** The part of iphlpapi.dll that an adapter needs. */
export interface Iphlpapi {
  readonly conversions: Conversions['call']
  readonly ipInterfaces: IpInterfaces['call']
}

/** What the tunnels of this process share. */
export class WgntLibrary {
  readonly dll: WgntDll
  readonly iphlpapi: Iphlpapi
  readonly logger: DllLogger
  /** Names, in lower case, that an `open` of this process is about to take. */
  readonly reserved: Set<string> = new Set()
  readonly #listeners = new Map<number, (line: DllLogLine) => void>()

  constructor(dll: WgntDll, iphlpapi: Iphlpapi) {
    this.dll = dll
    this.iphlpapi = iphlpapi
    this.logger = new DllLogger((callback) => dll.call.setLogger(callback))
    this.logger.listen((line) => this.#share(line))
  }

  /** Calls `listener` with the lines of one interface, without its number, until the returned function is called. */
  listenTo(index: number, listener: (line: DllLogLine) => void): () => void {
    this.#listeners.set(index, listener)
    // Windows may have given the index to another adapter meanwhile.
    return () => void (this.#listeners.get(index) === listener && this.#listeners.delete(index))
  }

  #share(line: DllLogLine): void {
    const [, index, message] = /^(\d+): (.*)$/s.exec(line.message) ?? []
    if (message !== undefined) this.#listeners.get(Number(index))?.({ ...line, message })
  }
}

/** By path and trust: what was loaded unchecked is checked when it is to be. */
const dlls = new Map<string, WgntDll>()
/** By path: a DLL has one logger. */
const libraries = new Map<string, WgntLibrary>()

/** Throws a `WireGuardError` that says where to get what is missing. */
export function wgntLibrary(options: WgntOptions): WgntLibrary {
  const { library: file = findDll(FILE_NAME), trust = SIGNER, iphlpapi: helper = 'iphlpapi.dll' } = options
  if (file === null) {
    const { reason, remedy } = absent()
    throw new WireGuardError('NOT_SUPPORTED', `${reason}. ${remedy}`)
  }
  const dll = load(file, trust)
  const key = `${file.toLowerCase()}\0${helper}`
  let library = libraries.get(key)
  if (library === undefined) {
    library = new WgntLibrary(dll, iphlpapi(helper))
    libraries.set(key, library)
  }
  return library
}

function load(file: string, trust: Trust): WgntDll {
  const key = JSON.stringify([file.toLowerCase(), trust])
  const known = dlls.get(key)
  if (known !== undefined) return known
  try {
    const dll = loadDll(file, trust, quick, slow)
    dlls.set(key, dll)
    return dll
  } catch (error) {
    if (!(error instanceof DllError)) throw error
    const code = error.code === null ? {} : { errno: String(error.code) }
    throw new WireGuardError('NOT_SUPPORTED', error.message, { cause: error, ...code })
  }
}

function iphlpapi(file: string): Iphlpapi {
  return { conversions: systemDll(file, conversions).call, ipInterfaces: systemDll(file, ipInterfaceTable).call }
}

/** Loads nothing: loading the DLL already touches the system. */
export function availability(options: WgntOptions): Availability {
  if (process.platform !== 'win32') return no('Windows only', 'Use another adapter.')
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    return no(`it is not supported on ${process.arch}`, 'Install Node.js for x64 or arm64.')
  }
  const file = options.library ?? findDll(FILE_NAME)
  if (file === null) return absent()
  if (!existsSync(file)) return no(`there is no ${file}`, download())
  const machine = machineOfFile(file)
  if (machine !== process.arch) {
    return no(`${file} is made for ${machine ?? 'no processor'}, not for this node.exe (${process.arch})`, download())
  }
  if (isElevated()) return { available: true }
  return no('this process is not elevated', 'Start the terminal with "Run as administrator", or run it as a service.')
}

function absent(): Availability & { available: false } {
  return no(`there is no ${FILE_NAME} in ${dllFolders().join(' or ')}`, download())
}

function download(): string {
  return (
    `Get the newest archive of ${WEBSITE}, 0.10 or later, and put ${FILE_NAME} of its folder ` +
    `${archiveFolder()} into ${dllFolders()[0]}.`
  )
}

function no(reason: string, remedy: string): Availability & { available: false } {
  return { available: false, reason, remedy }
}
