/** One adapter: the calls that take its handle, each off the event loop's thread, and nothing else. */
import { ERROR_MORE_DATA, ERROR_SUCCESS } from '@wireweave/ffi/win32/codes'
import type { Outcome } from '@wireweave/ffi/win32/off-thread'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { callFailure } from './failure.js'
import type { WgntLibrary } from './library.js'

const FIRST_BYTES = 4096
const READ_TRIES = 32

export class WgntAdapter {
  readonly library: WgntLibrary
  readonly name: string
  readonly handle: number
  readonly luid: bigint
  readonly index: number
  #readBytes = FIRST_BYTES

  /** Takes the handle, also when it rejects. */
  static async of(library: WgntLibrary, name: string, handle: number): Promise<WgntAdapter> {
    const luid = new Uint8Array(8)
    const index = new Uint8Array(4)
    library.dll.call.getAdapterLuid(handle, luid)
    const code = library.iphlpapi.conversions.luidToIndex(luid, index)
    if (code !== ERROR_SUCCESS) {
      await library.dll.slow.closeAdapter(handle)
      throw callFailure(`creating ${name}`, code)
    }
    return new WgntAdapter(library, name, handle, u64(luid), new DataView(index.buffer).getUint32(0, true))
  }

  private constructor(library: WgntLibrary, name: string, handle: number, luid: bigint, index: number) {
    this.library = library
    this.name = name
    this.handle = handle
    this.luid = luid
    this.index = index
  }

  /** Whether it is up. Throws a `WireGuardError` with code `CLOSED` when the adapter is gone. */
  async isUp(): Promise<boolean> {
    const state = new Uint8Array(4)
    await this.#call(`looking at ${this.name}`, this.library.dll.slow.getAdapterState(this.handle, state))
    return state[0] !== 0
  }

  async setState(state: number): Promise<void> {
    const what = `bringing ${this.name} ${state === 0 ? 'down' : 'up'}`
    await this.#call(what, this.library.dll.slow.setAdapterState(this.handle, state))
  }

  /** Not all or nothing: when it rejects the driver may have done a part. */
  async setConfiguration(bytes: Uint8Array): Promise<void> {
    const { setConfiguration } = this.library.dll.slow
    await this.#call(`configuring ${this.name}`, setConfiguration(this.handle, bytes, bytes.length))
  }

  /** The bytes hold keys: the caller wipes them. */
  async getConfiguration(): Promise<Uint8Array> {
    const { getConfiguration } = this.library.dll.slow
    for (let left = READ_TRIES; left > 0; left--) {
      const bytes = new Uint8Array(this.#readBytes)
      const size = new Uint8Array(4)
      const view = new DataView(size.buffer)
      view.setUint32(0, bytes.length, true)
      const { result, lastError } = await getConfiguration(this.handle, bytes, size)
      const length = view.getUint32(0, true)
      if (result !== 0) return bytes.subarray(0, Math.min(length, bytes.length))
      // What is there is a part, and may hold keys.
      bytes.fill(0)
      if (lastError !== ERROR_MORE_DATA) throw callFailure(`reading ${this.name}`, lastError)
      // Somebody may add peers before we ask again: an eighth more.
      this.#readBytes = Math.max(length, bytes.length) + (length >>> 3)
    }
    throw new WireGuardError('SYSTEM', `reading ${this.name}: it grew faster than it could be read`, {
      recoverable: true,
    })
  }

  /** Removes the adapter. */
  async close(): Promise<void> {
    await this.library.dll.slow.closeAdapter(this.handle)
  }

  async #call(what: string, call: Promise<Outcome<number>>): Promise<void> {
    const { result, lastError } = await call
    if (result === 0) throw callFailure(what, lastError)
  }
}

function u64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer).getBigUint64(0, true)
}
