import * as crypto from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nobleSuite } from '../src/noble.js'
import type * as NodeEngine from '../src/node.js'
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

describe('where node:crypto has less', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.resetModules()
  })

  /** The module as it is in a runtime with this node:crypto. */
  async function loadWith(found: Partial<typeof crypto> | undefined): Promise<typeof NodeEngine> {
    vi.resetModules()
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(found as typeof crypto)
    return import('../src/node.js')
  }

  test('without any, the module loads, borrows all from noble, and its transport engine says why it cannot be', async () => {
    const { nodeAead, nodeSuite, nodeTransportEngine } = await loadWith(undefined)
    expect(nodeAead).toBeNull()
    expect(Object.keys(nodeSuite).filter((name) => name !== 'name')).toHaveLength(8)
    const { nobleSuite } = await import('../src/noble.js')
    expect(nodeSuite).toEqual({ ...nobleSuite, name: 'node' })
    expect(() => nodeTransportEngine.create(plainMemory())).toThrow('no node:crypto')
  })

  test('as in Bun, without the cipher and HMAC-BLAKE2s: X25519 and BLAKE2s are still its own', async () => {
    const refuse = (): never => {
      throw new Error('Unknown cipher')
    }
    const { nodeAead, nodeSuite, nodeTransportEngine } = await loadWith({
      ...crypto,
      createCipheriv: refuse,
      createHmac: refuse,
    })
    const { nobleSuite } = await import('../src/noble.js')
    expect(nodeAead).toBeNull()
    expect(nodeSuite.x25519).not.toBe(nobleSuite.x25519)
    expect(nodeSuite.hash).not.toBe(nobleSuite.hash)
    for (const name of ['mac', 'hmac', 'seal', 'open', 'sealX', 'openX'] as const) {
      expect(nodeSuite[name], name).toBe(nobleSuite[name])
    }
    expect(() => nodeTransportEngine.create(plainMemory())).toThrow('no chacha20-poly1305')
  })

  test('a result of zero is null, also where the library returns it instead of failing', async () => {
    const { nodeSuite } = await loadWith({
      ...crypto,
      diffieHellman: (() => Buffer.alloc(32)) as typeof crypto.diffieHellman,
    })
    const key = nodeSuite.x25519.importPrivateKey(new Uint8Array(32).fill(1))
    expect(nodeSuite.x25519.deriveSharedSecret(key, nodeSuite.x25519.importPublicKey(key.publicKey))).toBeNull()
  })

  test('on this Node all but the keyed hash and XChaCha20 are its own', () => {
    const borrowed = Object.keys(nobleSuite).filter((name) => nodeSuite[name as 'mac'] === nobleSuite[name as 'mac'])
    expect(borrowed).toEqual(['mac', 'sealX', 'openX'])
  })
})
