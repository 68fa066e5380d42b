/** Tables of C signatures turned into typed functions. */
import { koffi, type KoffiLibrary } from './internal/koffi.js'

/**
 * The C types a table may name. Addresses are plain numbers (`uintptr_t`): every user-space address of x64 and arm64 is
 * below 2^53, and a number costs no allocation. Where a function takes `void *`, a view, an address or `null` will do.
 */
export interface CTypes {
  void: void
  bool: boolean
  int: number
  uint: number
  int8_t: number
  uint8_t: number
  int16_t: number
  uint16_t: number
  int32_t: number
  uint32_t: number
  /** For values that stay within ±2^53, such as `ssize_t`. */
  long: number
  ulong: number
  size_t: number
  uintptr_t: number
  int64_t: number | bigint
  uint64_t: number | bigint
  'void *': Uint8Array | number | bigint | null
  str: string | null
  str16: string | null
}

export type CType = keyof CTypes

/** Name of the C function, type of its result, types of its arguments. */
export type CSignature = readonly [name: string, result: CType, args: readonly CType[]]

export type CTable = Readonly<Record<string, CSignature>>

type Arguments<A extends readonly CType[]> = { -readonly [I in keyof A]: CTypes[A[I]] }
type Result<R extends CType> = R extends 'void *' ? bigint | null : CTypes[R]

/** The functions of a table, typed by their signatures. */
export type Bound<T extends CTable> = {
  readonly [K in keyof T]: (...args: Arguments<T[K][2]>) => Result<T[K][1]>
}

/** A library that is not there, or lacks a function. */
export class LibraryError extends Error {
  readonly library: string

  constructor(library: string, message: string, cause: unknown) {
    super(message, { cause })
    this.name = 'LibraryError'
    this.library = library
  }
}

/**
 * Loads the library at `path` and looks up every function of `table`. `null` is the process itself, which has all of
 * libc, whichever libc that is. Give absolute paths: a bare file name is searched for by the system.
 *
 * koffi takes a number for an address wherever C wants a pointer, strings included: a wrong argument is a crash, which
 * the types of the table are there to prevent.
 */
export function bind<const T extends CTable>(path: string | null, table: T): Bound<T> {
  const name = path ?? 'the process'
  const library = load(path, name)
  const functions: Record<string, unknown> = {}
  for (const [key, [symbol, result, args]] of Object.entries(table)) {
    try {
      functions[key] = library.func(symbol, result, args)
    } catch (cause) {
      throw new LibraryError(name, `${name} has no function ${symbol}: is it another version?`, cause)
    }
  }
  return functions as Bound<T>
}

function load(path: string | null, name: string): KoffiLibrary {
  const ffi = koffi()
  try {
    return ffi.load(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new LibraryError(name, `cannot load ${name}: ${reason}`, cause)
  }
}
