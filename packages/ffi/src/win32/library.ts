/** A DLL that somebody else ships: found by absolute path, checked, and never unloaded. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { lastError } from '../errno.js'
import { koffi } from '../internal/koffi.js'
import { type CTable, LibraryError } from '../library.js'
import {
  ERROR_ACCESS_DENIED,
  ERROR_BAD_EXE_FORMAT,
  ERROR_DLL_INIT_FAILED,
  ERROR_FILE_NOT_FOUND,
  ERROR_MOD_NOT_FOUND,
  ERROR_PATH_NOT_FOUND,
  ERROR_PROC_NOT_FOUND,
  win32Name,
} from './codes.js'
import { offThread, type BoundAsync } from './off-thread.js'
import { type Dll, isAbsolutePath, look, systemDll, systemFolder } from './system.js'
import { checkSignature } from './trust.js'
import { fromWide } from './wide.js'

export type { Dll }

/** Whose signature a DLL must have, or `unverified` for one of your own during development. */
export type Trust = { readonly signer: string } | 'unverified'

/** A DLL that cannot be used. `code` is Windows' error code, `null` when the signature is why. */
export class DllError extends LibraryError {
  readonly code: number | null

  constructor(library: string, message: string, code: number | null, cause?: unknown) {
    super(library, message, cause)
    this.name = 'DllError'
    this.code = code
  }
}

/** Where {@link findDll} looks: beside node.exe (or the program made of it), then in Windows' system folder. */
export function dllFolders(): readonly string[] {
  return [path.win32.dirname(process.execPath), systemFolder()]
}

/** The first of {@link dllFolders} that has the file; `null` when none has. */
export function findDll(fileName: string): string | null {
  for (const folder of dllFolders()) {
    const file = path.win32.join(folder, fileName)
    if (existsSync(file)) return file
  }
  return null
}

const kernel32 = systemDll('kernel32.dll', {
  createFile: [
    'CreateFileW',
    'int64_t',
    ['str16', 'uint32_t', 'uint32_t', 'uintptr_t', 'uint32_t', 'uint32_t', 'uintptr_t'],
  ],
  closeHandle: ['CloseHandle', 'int32_t', ['uintptr_t']],
  finalPath: ['GetFinalPathNameByHandleW', 'uint32_t', ['uintptr_t', 'void *', 'uint32_t', 'uint32_t']],
  loadLibrary: ['LoadLibraryExW', 'uintptr_t', ['str16', 'uintptr_t', 'uint32_t']],
  moduleHandle: ['GetModuleHandleExW', 'int32_t', ['uint32_t', 'str16', 'void *']],
})

const GENERIC_READ = 0x8000_0000
const FILE_SHARE_READ = 1
const OPEN_EXISTING = 3
/** What a path of Windows has at the most. */
const MAX_PATH_UNITS = 32768
/** Where the DLLs that it needs are looked for: not beside it, since nobody checks the signature of those. */
const LOAD_LIBRARY_SEARCH_SYSTEM32 = 0x800
const GET_MODULE_HANDLE_EX_FLAG_PIN = 1

/**
 * Loads the DLL at `file`, an absolute path, once its signature is what `trust` says. It stays in the process until that
 * ends: koffi would unload it together with the worker that loaded it, under the feet of the DLL's own threads.
 *
 * @throws DllError naming the file, the cause and a remedy.
 */
export function loadDll<const T extends CTable, const S extends CTable>(
  file: string,
  trust: Trust,
  table: T,
  slowTable: S,
): Dll<T, S> {
  if (!isAbsolutePath(file)) throw new TypeError(`a DLL is loaded by absolute path, not as ${file}`)
  // The structs here are those of 64 bits, whoever asks.
  if (ARCHIVE_FOLDERS[process.arch] === undefined) {
    throw new DllError(file, `${file} is not loaded: Node.js for x64 or arm64 is needed, not ${process.arch}`, null)
  }
  // While this is open nobody can write to the file, or put another one in its place.
  const handle = openForReading(file)
  let place: string
  try {
    place = finalPath(file, handle)
    if (trust !== 'unverified') requireSigner(place, handle, trust.signer)
    pin(place)
  } finally {
    kernel32.call.closeHandle(handle)
  }
  const library = koffi().load(place)
  const call: Record<string, unknown> = {}
  const slow: Record<string, unknown> = {}
  try {
    for (const [key, signature] of Object.entries(table)) call[key] = look(library, place, signature)
    for (const [key, signature] of Object.entries(slowTable)) slow[key] = offThread(look(library, place, signature))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new DllError(place, message, ERROR_PROC_NOT_FOUND, cause)
  }
  return { path: place, call: call as Dll<T, S>['call'], slow: slow as BoundAsync<S> }
}

function openForReading(file: string): number {
  const handle = kernel32.call.createFile(file, GENERIC_READ, FILE_SHARE_READ, 0, OPEN_EXISTING, 0, 0)
  if (handle !== -1) return Number(handle)
  const code = lastError()
  const isAbsent = code === ERROR_FILE_NOT_FOUND || code === ERROR_PATH_NOT_FOUND
  throw loadFailure(file, isAbsent ? ERROR_MOD_NOT_FOUND : code)
}

/** Where the open file lies by itself: a link on the way to it may lead elsewhere by the time it is loaded. */
function finalPath(file: string, handle: number): string {
  const bytes = new Uint8Array(MAX_PATH_UNITS * 2)
  const units = kernel32.call.finalPath(handle, bytes, MAX_PATH_UNITS, 0)
  if (units === 0 || units >= MAX_PATH_UNITS) throw loadFailure(file, lastError())
  return fromWide(bytes).replace(/^\\\\\?\\(?:(UNC)\\)?/, (_, isShare) => (isShare ? '\\\\' : ''))
}

function requireSigner(file: string, handle: number, wanted: string): void {
  const signature = checkSignature(file, handle)
  const get = 'take the file from the official archive again'
  if (!signature.trusted) throw new DllError(file, `${file} is not loaded: ${signature.reason}; ${get}`, null)
  if (signature.signer !== wanted) {
    throw new DllError(file, `${file} is not loaded: it is signed by ${signature.signer}, not ${wanted}; ${get}`, null)
  }
}

function pin(file: string): void {
  if (kernel32.call.loadLibrary(file, 0, LOAD_LIBRARY_SEARCH_SYSTEM32) === 0) throw loadFailure(file, lastError())
  const module = new Uint8Array(8)
  if (kernel32.call.moduleHandle(GET_MODULE_HANDLE_EX_FLAG_PIN, file, module) === 0)
    throw loadFailure(file, lastError())
}

const ARCHIVE_FOLDERS: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** The folder in the archives of Wintun and WireGuardNT that has the DLL for this node.exe. */
export function archiveFolder(): string {
  return ARCHIVE_FOLDERS[process.arch] ?? process.arch
}

function loadFailure(file: string, code: number): DllError {
  const why: Readonly<Record<number, string>> = {
    [ERROR_MOD_NOT_FOUND]: 'it, or a DLL that it needs, is not there',
    [ERROR_BAD_EXE_FORMAT]: `it is for another processor: this node.exe needs the one in the folder ${archiveFolder()}`,
    [ERROR_DLL_INIT_FAILED]: 'it could not start: run as administrator',
    [ERROR_ACCESS_DENIED]: 'this user may not read it',
  }
  return new DllError(file, `cannot load ${file} (${win32Name(code)}): ${why[code] ?? 'see the code'}`, code)
}
