/** Every engine of crypto: data in the memory of the engine, and what a handshake is made of. */
import { deriveSharedSecrets, importEphemeralKey } from '@wireweave/crypto/ephemeral'
import { nobleSuite, nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeSuite, nodeTransportEngine } from '@wireweave/crypto/node'
import { SipHash24 } from '@wireweave/crypto/siphash'
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '@wireweave/crypto/suite'
import type { Suite, TransportEngine } from '@wireweave/crypto/suite'
import { wasmSuite, wasmTransportEngine } from '@wireweave/crypto/wasm'
import type { Case } from './case.js'

const KEY = new Uint8Array(32).fill(7)
const NONCE = new Uint8Array(24)
const LENGTHS = [64, 576, 1440]

const engines = [
  ['wasm', wasmTransportEngine],
  ['node:crypto', nodeTransportEngine],
  ['noble', nobleTransportEngine],
] as const

const suites = [
  ['wasm', wasmSuite],
  ['node:crypto', nodeSuite],
  ['noble', nobleSuite],
] as const

const engineCases: readonly Case[] = LENGTHS.flatMap((length) =>
  (['seal', 'open'] as const).flatMap((what) =>
    engines.map(([name, factory]) => ({
      name: `${what} ${length} B: ${name}`,
      prepare() {
        const engine = created(() => factory.create(new WebAssembly.Memory({ initial: 1, maximum: 1 })))
        if (engine === null) return null
        const [at, to] = [ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES + 2048]
        engine.seal(KEY, 0, 0, at, length, to)
        return what === 'seal'
          ? () => engine.seal(KEY, 0, 0, at, length, to)
          : () => engine.open(KEY, 0, 0, to, length + TAG_BYTES, at)
      },
    })),
  ),
)

/** Each prepares what is timed of a suite. */
const parts: readonly (readonly [string, (suite: Suite) => () => unknown])[] = [
  [
    'X25519 import a private key',
    ({ x25519 }) =>
      () =>
        x25519.importPrivateKey(KEY),
  ],
  [
    'X25519 import a public key and derive',
    ({ x25519 }) => {
      const privateKey = x25519.importPrivateKey(KEY)
      return () => x25519.deriveSharedSecret(privateKey, x25519.importPublicKey(KEY))
    },
  ],
  [
    'X25519 for a response: public key, two secrets',
    ({ x25519 }) => {
      const publicKey = x25519.importPublicKey(KEY)
      return () => {
        const privateKey = importEphemeralKey(x25519, KEY)
        deriveSharedSecrets(x25519, privateKey, publicKey, publicKey)
        return privateKey.publicKey
      }
    },
  ],
  [
    'BLAKE2s 64 B',
    ({ hash }) =>
      () =>
        hash(KEY, KEY),
  ],
  [
    'keyed BLAKE2s 116 B',
    ({ mac }) => {
      const message = new Uint8Array(116)
      return () => mac(KEY, message)
    },
  ],
  [
    'HMAC-BLAKE2s 32 B',
    ({ hmac }) =>
      () =>
        hmac(KEY, KEY),
  ],
  [
    'handshake AEAD seal 32 B',
    ({ seal }) =>
      () =>
        seal(KEY, 0n, KEY, KEY),
  ],
  [
    'handshake AEAD open 32 B',
    ({ open }) => {
      const sealed = nobleSuite.seal(KEY, 0n, KEY, KEY)
      return () => open(KEY, 0n, sealed, KEY)
    },
  ],
  [
    'cookie AEAD seal 16 B',
    ({ sealX }) =>
      () =>
        sealX(KEY, NONCE, NONCE.subarray(0, 16), NONCE),
  ],
]

const suiteCases: readonly Case[] = parts.flatMap(([what, use]) =>
  suites.map(([name, suite]) => ({
    name: `${what}: ${name}`,
    prepare: () =>
      created(() => {
        const call = use(suite)
        call()
        return call
      }),
  })),
)

const sipHash: Case = {
  name: 'SipHash-2-4 32 B',
  prepare() {
    const hash = new SipHash24(KEY.subarray(0, 16))
    return () => hash.hash(KEY, 0, 32)
  },
}

export const cryptoCases: readonly Case[] = [...engineCases, ...suiteCases, sipHash]

/** `null` where the runtime lacks what it needs. */
function created<T extends TransportEngine | (() => unknown)>(make: () => T): T | null {
  try {
    return make()
  } catch {
    return null
  }
}
