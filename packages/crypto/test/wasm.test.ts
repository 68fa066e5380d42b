import { describe, test } from 'vitest'
import { wasmAead } from '../src/internal/wasm-aead.js'
import { wasmSuite, wasmTransportEngine } from '../src/wasm.js'
import { plainMemory, sharedMemory } from './suites/memories.js'
import { cryptoSuite } from './suites/suite.js'
import { transportEngineSuite } from './suites/transport-engine.js'
import { wycheproofSuite } from './suites/wycheproof.js'

describe('the suite in WebAssembly', () => {
  cryptoSuite(test, wasmSuite)
  wycheproofSuite(test, wasmSuite, wasmAead)
})

describe('the transport engine in WebAssembly', () => {
  describe('over a WebAssembly.Memory', () => transportEngineSuite(test, wasmTransportEngine, plainMemory))
  describe('over a shared one', () => transportEngineSuite(test, wasmTransportEngine, sharedMemory))
})
