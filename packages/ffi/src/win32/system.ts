/** Windows' own libraries, from its system folder and nowhere else. Symbols are looked up at their first call. */
import { koffi, type KoffiLibrary } from '../internal/koffi.js'
import { type Bound, type CSignature, type CTable, LibraryError } from '../library.js'
import { type BoundAsync, offThread } from './off-thread.js'

/** The functions of a loaded library. */
export interface Dll<T extends CTable, S extends CTable> {
  readonly path: string
  readonly call: Bound<T>
  /** Functions that may take long, or wait for a thread that calls us back: they run off the event loop's thread. */
  readonly slow: BoundAsync<S>
}

/** A library of Windows itself. `path` is where it lies, whether it was loaded yet or not. */
export interface SystemDll<T extends CTable, S extends CTable> extends Dll<T, S> {
  /** Whether this version of Windows has the function. */
  has(key: keyof T | keyof S): boolean
}

/**
 * `fileName` as in `iphlpapi.dll`; an absolute path stands for itself, for tests. Nothing is loaded before a function is
 * called, and a function that this Windows lacks is missed only then, with a {@link LibraryError}.
 */
export function systemDll<const T extends CTable, const S extends CTable = {}>(
  fileName: string,
  table: T,
  slowTable: S = {} as S,
): SystemDll<T, S> {
  let library: KoffiLibrary | null = null
  const path = (): string => (isAbsolutePath(fileName) ? fileName : `${systemFolder()}\\${fileName}`)
  const load = (): KoffiLibrary => (library ??= open(path()))
  return {
    get path() {
      return path()
    },
    call: lazily(table, (signature) => look(load(), path(), signature)) as Bound<T>,
    slow: lazily(slowTable, (signature) => offThread(look(load(), path(), signature))) as BoundAsync<S>,
    has(key) {
      try {
        look(load(), path(), (table[key as string] ?? slowTable[key as string])!)
        return true
      } catch (error) {
        if (error instanceof LibraryError) return false
        throw error
      }
    },
  }
}

/** With a drive, or of a share: no current folder has a say in it. */
export function isAbsolutePath(path: string): boolean {
  return /^(?:[a-zA-Z]:[\\/]|\\\\)/.test(path)
}

/** An object whose properties are made when they are first read, and then stay. */
function lazily(table: CTable, make: (signature: CSignature) => unknown): object {
  const object = {}
  for (const [key, signature] of Object.entries(table)) {
    Object.defineProperty(object, key, {
      enumerable: true,
      configurable: true,
      get() {
        const value = make(signature)
        Object.defineProperty(object, key, { value, enumerable: true })
        return value
      },
    })
  }
  return object
}

/** koffi's function for one signature, callable both ways. */
export function look(
  library: KoffiLibrary,
  path: string,
  [symbol, result, args]: CSignature,
): (...args: never[]) => unknown {
  try {
    return library.func('__stdcall', symbol, result, args)
  } catch (cause) {
    throw new LibraryError(path, `${path} has no function ${symbol}: is it another version?`, cause)
  }
}

/** The function at an address that Windows told, as an extension of Winsock. The name in the signature is only for people. */
export function functionAt<const S extends CSignature>(address: number, [, result, args]: S): Bound<{ it: S }>['it'] {
  return koffi().decode(address, koffi().proto('__stdcall', null, result, args)) as Bound<{ it: S }>['it']
}

function open(path: string): KoffiLibrary {
  try {
    return koffi().load(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new LibraryError(path, `cannot load ${path}: ${reason}`, cause)
  }
}

const MAX_PATH = 260
let folder: string | null = null

/** `C:\Windows\System32`, asked from the system: an environment variable is anybody's. */
export function systemFolder(): string {
  if (folder !== null) return folder
  // kernel32 is in every process before any code of ours: the bare name finds that one.
  const kernel32 = koffi().load('kernel32.dll')
  const get = kernel32.func('__stdcall', 'GetSystemDirectoryW', 'uint32_t', ['void *', 'uint32_t']) as unknown as (
    into: Uint8Array,
    units: number,
  ) => number
  const bytes = new Uint8Array(MAX_PATH * 2)
  const units = get(bytes, MAX_PATH)
  if (units === 0 || units >= MAX_PATH) throw new LibraryError('kernel32.dll', 'Windows does not say where it is', null)
  folder = new TextDecoder('utf-16le').decode(bytes.subarray(0, units * 2))
  return folder
}
