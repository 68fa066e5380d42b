/** The vectors of this package, for any runtime: see @wireweave/testkit/portable. */
import { nobleAead, nobleSuite, nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeAead, nodeSuite, nodeTransportEngine } from '@wireweave/crypto/node'
import { selectSuite, selectTransportEngine } from '@wireweave/crypto/select'
import type { TransportEngineFactory } from '@wireweave/crypto/suite'
import { wasmSuite, wasmTransportEngine } from '@wireweave/crypto/wasm'
import type { Test } from '@wireweave/testkit/portable'
import { wasmAead } from '../src/internal/wasm-aead.js'
import { arrayMemory, plainMemory, sharedMemory } from './suites/memories.js'
import { siphashSuite } from './suites/siphash.js'
import { cryptoSuite } from './suites/suite.js'
import { transportEngineSuite } from './suites/transport-engine.js'
import { wycheproofSuite } from './suites/wycheproof.js'

export default function (test: Test): void {
  const group = (name: string): Test =>
    Object.assign((title: string, body: () => void | Promise<void>) => test(`${name}: ${title}`, body), {
      skip: (title: string, body: () => void) => test.skip(`${name}: ${title}`, body),
    })

  cryptoSuite(group('noble'), nobleSuite)
  wycheproofSuite(group('noble'), nobleSuite, nobleAead)
  cryptoSuite(group('node:crypto'), nodeSuite)
  wycheproofSuite(group('node:crypto'), nodeSuite, nodeAead)
  cryptoSuite(group('wasm'), wasmSuite)
  wycheproofSuite(group('wasm'), wasmSuite, wasmAead)
  const selection = selectSuite()
  cryptoSuite(group(`selected (${selection.suite.name})`), selection.suite)

  const { chosen } = selectTransportEngine(plainMemory())
  const selected: TransportEngineFactory = {
    name: 'selected',
    create: (memory) => selectTransportEngine(memory).engine,
  }
  const engines: [string, TransportEngineFactory][] = [['noble', nobleTransportEngine]]
  if (nodeAead !== null) engines.push(['node:crypto', nodeTransportEngine])
  engines.push([`selected (${chosen})`, selected])
  for (const [name, factory] of engines) {
    transportEngineSuite(group(`${name} over a WebAssembly.Memory`), factory, plainMemory)
    transportEngineSuite(group(`${name} over a shared one`), factory, sharedMemory)
    transportEngineSuite(group(`${name} over an ArrayBuffer`), factory, arrayMemory)
  }
  transportEngineSuite(group('wasm over a WebAssembly.Memory'), wasmTransportEngine, plainMemory)
  transportEngineSuite(group('wasm over a shared one'), wasmTransportEngine, sharedMemory)

  siphashSuite(test)
}
