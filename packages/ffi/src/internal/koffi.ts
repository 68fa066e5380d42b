/** Loads koffi at first use: importing this package loads no native code. */
import { createRequire } from 'node:module'

interface PollHandle {
  start(events: { readable: boolean; writable: boolean }, callback: (status: number, events: object) => void): void
  stop(): void
  close(): void
  ref(): void
  unref(): void
}

/** What we use of koffi 3.3.4. The callback of `node.poll` gets a libuv status first, unlike koffi's own declaration. */
export interface Koffi {
  load(path: string | null): KoffiLibrary
  address(value: Uint8Array): bigint
  errno(): number
  proto(convention: string, name: string | null, result: string, args: readonly string[]): object
  pointer(type: object): object
  /** Of an address and a function type: the function there. */
  decode(address: number, type: object): (...args: never[]) => unknown
  /** The address of a C function that calls `callback`, from whichever thread C calls it. */
  register(callback: (...args: never[]) => void, type: object): bigint
  readonly node: {
    poll(
      fd: number,
      events: { readable: boolean; writable: boolean },
      callback: (status: number, events: object) => void,
    ): PollHandle
  }
}

export interface KoffiLibrary {
  func(name: string, result: string, args: readonly string[]): (...args: never[]) => unknown
  func(convention: string, name: string, result: string, args: readonly string[]): (...args: never[]) => unknown
}

export type { PollHandle }

let loaded: Koffi | null = null

export function koffi(): Koffi {
  if (loaded !== null) return loaded
  try {
    const require = createRequire(import.meta.url)
    loaded = require('koffi') as Koffi
  } catch (cause) {
    throw new Error(
      `cannot load koffi for ${process.platform}-${process.arch}: install the optional package ` +
        `@koromix/koffi-${process.platform}-${process.arch} (npm leaves it out with --omit=optional)`,
      { cause },
    )
  }
  return loaded
}
