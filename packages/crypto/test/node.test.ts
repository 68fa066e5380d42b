import { describe, test } from 'vitest'
import { nodeAead, nodeSuite, nodeTransportEngine } from '../src/node.js'
import { arrayMemory, plainMemory, sharedMemory } from './suites/memories.js'
import { cryptoSuite } from './suites/suite.js'
import { transportEngineSuite } from './suites/transport-engine.js'
import { wycheproofSuite } from './suites/wycheproof.js'

describe('the suite on node:crypto', () => {
  cryptoSuite(test, nodeSuite)
  wycheproofSuite(test, nodeSuite, nodeAead)
})

describe('the transport engine on node:crypto', () => {
  describe('over a WebAssembly.Memory', () => transportEngineSuite(test, nodeTransportEngine, plainMemory))
  describe('over a shared one', () => transportEngineSuite(test, nodeTransportEngine, sharedMemory))
  describe('over an ArrayBuffer', () => transportEngineSuite(test, nodeTransportEngine, arrayMemory))
})
