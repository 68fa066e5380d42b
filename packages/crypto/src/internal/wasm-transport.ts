/** The WebAssembly ChaCha20-Poly1305 over one memory, and the key it holds there. */
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '../suite.js'
import type { TransportEngine } from '../suite.js'
import { transportCode, transportRelaxedCode } from './wasm-bytes.js'
import { instantiateOver, isCompilable } from './wasm-module.js'

/** What assembly/transport.mjs exports. `length` counts the plaintext in both directions. */
export interface TransportCode {
  seal: (
    counterLow: number,
    counterHigh: number,
    source: number,
    length: number,
    destination: number,
    associated: number,
    associatedLength: number,
  ) => void
  open: (
    counterLow: number,
    counterHigh: number,
    source: number,
    length: number,
    destination: number,
    associated: number,
    associatedLength: number,
  ) => number
  /** HChaCha20: the key becomes the one for the 16 bytes at `nonce`. */
  deriveKey: (nonce: number) => void
}

const KEY_BYTES = 32
const COMPARED_KEY_BYTES = 8

/** Addresses that assembly/transport.mjs has for the key and for the first 4 bytes of the nonce. */
export const KEY = 0
export const NONCE_PREFIX = 640

let module: string | null | undefined

/**
 * `null` when this runtime has no WebAssembly with SIMD. Both modules compute the same: the one with relaxed SIMD is as fast
 * on V8 12 and takes a sixth less time on 13 and 14 (Node 24, 26).
 */
export function transportModule(): string | null {
  if (module === undefined) module = [transportRelaxedCode, transportCode].find(isCompilable) ?? null
  return module
}

export function loadTransport(memory: WebAssembly.Memory): TransportCode {
  const module = transportModule()
  if (module === null) throw new Error('this runtime has no WebAssembly SIMD: use another engine')
  return instantiateOver(module, memory) as unknown as TransportCode
}

export class WasmTransportEngine implements TransportEngine {
  readonly name = 'wasm'
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #code: TransportCode
  #key: Uint8Array | null = null

  constructor(memory: WebAssembly.Memory) {
    this.bytes = new Uint8Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.#code = loadTransport(memory)
    this.forgetKey()
  }

  seal(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): void {
    this.#useKey(key)
    this.#code.seal(counterLow, counterHigh, source, length, to, 0, 0)
  }

  open(key: Uint8Array, counterLow: number, counterHigh: number, source: number, length: number, to: number): boolean {
    if (length < TAG_BYTES) return false
    this.#useKey(key)
    return this.#code.open(counterLow, counterHigh, source, length - TAG_BYTES, to, 0, 0) === 1
  }

  forgetKey(): void {
    this.#key = null
    this.bytes.fill(0, 0, ENGINE_RESERVED_BYTES)
  }

  /**
   * The key lies at the start of the memory. It is the one of the last call if it is the same array and its first eight
   * bytes still are: an array that was wiped or filled anew is noticed. To compare all 32 takes 45 ns, Node 20.
   */
  #useKey(key: Uint8Array): void {
    if (key === this.#key) {
      const { bytes } = this
      let difference = 0
      for (let i = 0; i < COMPARED_KEY_BYTES; i++) difference |= key[i]! ^ bytes[KEY + i]!
      if (difference === 0) return
    }
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`)
    for (let i = 0; i < KEY_BYTES; i += 4) {
      this.#view.setInt32(KEY + i, key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24), true)
    }
    this.#key = key
  }
}
