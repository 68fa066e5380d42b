/** The suites and engines that this runtime has, and the memories they can work in. */
import { nobleSuite, nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeAead, nodeSuite, nodeTransportEngine } from '@wireweave/crypto/node'
import { wasmSuite, wasmTransportEngine } from '@wireweave/crypto/wasm'
import type { Side } from './session.js'

export const sides: Side[] = [
  { suite: nobleSuite, engine: nobleTransportEngine },
  { suite: wasmSuite, engine: wasmTransportEngine },
]
if (nodeAead !== null) sides.push({ suite: nodeSuite, engine: nodeTransportEngine })

const PAGES = 4

export const memories: Record<string, () => WebAssembly.Memory> = {
  'a memory': () => new WebAssembly.Memory({ initial: PAGES, maximum: PAGES }),
  'a shared memory': () => new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true }),
}
