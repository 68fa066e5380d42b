/**
 * WebAssembly with SIMD, from AssemblyScript sources of ours: the fastest engine that needs nothing but the runtime.
 * Node, Electron, Bun, Deno and browsers load it the same way; the code is part of this module.
 */
import { wasmAeads } from './internal/wasm-aead.js'
import { wasmHashing, wasmX25519 } from './internal/wasm-handshake.js'
import { WasmTransportEngine, transportModule } from './internal/wasm-transport.js'
import type { Suite, TransportEngineFactory } from './suite.js'

export interface WasmTransportEngineFactory extends TransportEngineFactory {
  /** `false` in a runtime without WebAssembly SIMD. `create`, and every function of {@link wasmSuite}, throws there. */
  isSupported(): boolean
}

/**
 * The memory may be shared or not. It must not grow while the engine lives: growing detaches `bytes`. One engine per
 * memory, as two would write their keys to the same place.
 */
export const wasmTransportEngine: WasmTransportEngineFactory = {
  name: 'wasm',
  isSupported: () => transportModule() !== null,
  create: (memory) => new WasmTransportEngine(memory as WebAssembly.Memory),
}

/** Compiled at the first use of each half. Secrets are wiped from its memories before a call returns. */
export const wasmSuite: Suite = { name: 'wasm', x25519: wasmX25519, ...wasmHashing, ...wasmAeads }
