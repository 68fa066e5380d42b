/**
 * Microseconds per call of each engine, warm, in this runtime: `node packages/crypto/bench/engines.mjs` after a build. Runs
 * under Bun and Deno too. Rounds alternate between engines, so that a busy machine disturbs all alike; the best counts.
 */
import { nobleSuite, nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeSuite, nodeTransportEngine } from '@wireweave/crypto/node'
import { SipHash24 } from '@wireweave/crypto/siphash'
import { ENGINE_RESERVED_BYTES } from '@wireweave/crypto/suite'
import { wasmSuite, wasmTransportEngine } from '@wireweave/crypto/wasm'

const ROUNDS = 7
const ROUND_MS = 40

const key = new Uint8Array(32).fill(7)
const nonce = new Uint8Array(24)
const message = new Uint8Array(116)
const sealed = nobleSuite.seal(key, 0n, key, key)
const sipHash = new SipHash24(key.subarray(0, 16))

console.log(['', 'wasm', 'node:crypto', 'noble'].map(cell).join(''))
compareSuites(
  'x25519: import a private key',
  ({ x25519 }) =>
    () =>
      x25519.importPrivateKey(key),
)
compareSuites('x25519: import a public key, derive', ({ x25519 }) => {
  const privateKey = x25519.importPrivateKey(key)
  return () => x25519.deriveSharedSecret(privateKey, x25519.importPublicKey(key))
})
compareSuites(
  'hash, 32 + 32 bytes',
  ({ hash }) =>
    () =>
      hash(key, key),
)
compareSuites(
  'mac, 116 bytes',
  ({ mac }) =>
    () =>
      mac(key, message),
)
compareSuites(
  'hmac, 32 bytes',
  ({ hmac }) =>
    () =>
      hmac(key, key),
)
compareSuites(
  'seal, 32 bytes and 32 associated',
  ({ seal }) =>
    () =>
      seal(key, 0n, key, key),
)
compareSuites(
  'open the same',
  ({ open }) =>
    () =>
      open(key, 0n, sealed, key),
)
compareSuites(
  'sealX, 16 bytes and 16 associated',
  ({ sealX }) =>
    () =>
      sealX(key, nonce, message.subarray(0, 16), nonce),
)
for (const length of [64, 1440]) {
  const [at, to] = [ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES + 2048]
  compareEngines(`transport: seal ${length} bytes`, (engine) => () => engine.seal(key, 0, 0, at, length, at))
  compareEngines(`transport: open ${length} bytes`, (engine) => {
    engine.seal(key, 0, 0, at, length, at)
    return () => engine.open(key, 0, 0, at, length + 16, to)
  })
}
for (const length of [18, 32])
  compare(`SipHash-2-4, ${length} bytes, without an engine`, [() => sipHash.hash(message, 0, length)])

function compareSuites(what, use) {
  compare(what, [wasmSuite, nodeSuite, nobleSuite].map(use))
}

function compareEngines(what, use) {
  const calls = [wasmTransportEngine, nodeTransportEngine, nobleTransportEngine].map((factory) => {
    try {
      return use(factory.create(new WebAssembly.Memory({ initial: 1, maximum: 1 })))
    } catch {
      return null
    }
  })
  compare(what, calls)
}

function compare(what, calls) {
  const best = calls.map(() => Infinity)
  for (let round = 0; round < ROUNDS; round++) {
    calls.forEach((call, i) => {
      if (call !== null) best[i] = Math.min(best[i], timeOf(call))
    })
  }
  console.log([what, ...best.map((time) => (time === Infinity ? '–' : time.toFixed(2)))].map(cell).join(''))
}

function timeOf(call) {
  let calls = 0
  let elapsed
  const start = performance.now()
  do {
    for (let i = 0; i < 16; i++) call()
    calls += 16
    elapsed = performance.now() - start
  } while (elapsed < ROUND_MS)
  return (elapsed * 1000) / calls
}

function cell(text, column) {
  return column === 0 ? text.padEnd(42) : text.padStart(13)
}
