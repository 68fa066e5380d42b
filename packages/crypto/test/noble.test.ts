import { describe, test } from 'vitest'
import { nobleAead, nobleSuite, nobleTransportEngine } from '../src/noble.js'
import { arrayMemory, plainMemory, sharedMemory } from './suites/memories.js'
import { cryptoSuite } from './suites/suite.js'
import { transportEngineSuite } from './suites/transport-engine.js'
import { wycheproofSuite } from './suites/wycheproof.js'

describe('the suite on noble', () => {
  cryptoSuite(test, nobleSuite)
  wycheproofSuite(test, nobleSuite, nobleAead)
})

describe('the transport engine on noble', () => {
  describe('over a WebAssembly.Memory', () => transportEngineSuite(test, nobleTransportEngine, plainMemory))
  describe('over a shared one', () => transportEngineSuite(test, nobleTransportEngine, sharedMemory))
  describe('over an ArrayBuffer', () => transportEngineSuite(test, nobleTransportEngine, arrayMemory))
})
