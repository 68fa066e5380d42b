/** The log of wintun.dll and wireguard.dll: one callback for the whole DLL, called by any of its threads. */
import { koffi } from '../internal/koffi.js'

/** As the DLLs number them, from 0 on; a number beyond is an error. */
export type DllLogLevel = 'info' | 'warning' | 'error'

/** What a DLL logged, decoded: it holds no memory of the DLL. */
export interface DllLogLine {
  readonly level: DllLogLevel
  /** Wall clock, Unix milliseconds. */
  readonly time: number
  readonly message: string
}

const LEVELS: readonly DllLogLevel[] = ['info', 'warning', 'error']
const KEPT_LINES = 32
/** Between 1601 and 1970, in units of 100 ns. */
const UNIX_EPOCH = 116_444_736_000_000_000n

/** Milliseconds since 1970 of a FILETIME. koffi gives small ones as numbers. */
export function unixMs(fileTime: number | bigint): number {
  return Number((BigInt(fileTime) - UNIX_EPOCH) / 10_000n)
}

/**
 * Receives what a DLL logs. A thread that logs waits until this one's event loop has run the callback: a call that waits
 * for such a thread (create, close, logging off) must therefore never be made on this thread, but with the
 * DLL's `slow` functions.
 */
export class DllLogger {
  readonly #set: (callback: bigint | null) => void
  readonly #callback: bigint
  readonly #lines: DllLogLine[] = []
  readonly #listeners = new Set<(line: DllLogLine) => void>()
  readonly #onExit = (): void => this.#set(null)

  /** `set` is the DLL's SetLogger. The callback lives as long as this thread: a line may still be on its way. */
  constructor(set: (callback: bigint | null) => void) {
    this.#set = set
    const { proto, pointer, register } = koffi()
    const type = pointer(proto('__stdcall', null, 'void', ['uint32_t', 'uint64_t', 'str16']))
    this.#callback = register((level: number, time: number | bigint, message: string) => {
      this.#add({ level: LEVELS[level] ?? 'error', time: unixMs(time), message })
    }, type)
    this.attach()
    process.once('exit', this.#onExit)
  }

  /** Again, should another thread of this process have taken the DLL's only place. */
  attach(): void {
    this.#set(this.#callback)
  }

  /** The last lines, oldest first. */
  get lines(): readonly DllLogLine[] {
    return this.#lines
  }

  /** Calls `listener` with every line until the returned function is called. */
  listen(listener: (line: DllLogLine) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #add(line: DllLogLine): void {
    this.#lines.push(line)
    if (this.#lines.length > KEPT_LINES) this.#lines.shift()
    for (const listener of this.#listeners) listener(line)
  }
}
