import { describe, test } from 'vitest'
import { splitX25519 } from '../../src/internal/split-x25519.js'
import { nobleSuite } from '../../src/noble.js'
import { nodeSuite } from '../../src/node.js'
import { wasmSuite } from '../../src/wasm.js'
import { x25519Suite } from '../suites/suite.js'

describe('X25519 of two engines', () => {
  describe('node:crypto for keys that stay, WebAssembly for ephemeral ones', () =>
    x25519Suite(test, splitX25519(nodeSuite.x25519, wasmSuite.x25519)))
  describe('the reverse', () => x25519Suite(test, splitX25519(wasmSuite.x25519, nodeSuite.x25519)))
  describe('an engine without ways of its own for ephemeral keys', () =>
    x25519Suite(test, splitX25519(wasmSuite.x25519, nobleSuite.x25519)))
})
