/**
 * Times the WebAssembly code, after a build. Machines are neither quiet nor steady: so in many short rounds, every
 * subject in turn, and each as a ratio to the first in the same round. Prints the least and the median time.
 *
 *   node bench/aead.mjs                                                            the engine and the suite
 *   node bench/aead.mjs build/transport.wasm build/transport-relaxed.wasm other.wasm      builds of the transport module
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { deriveSharedSecrets, importEphemeralKey } from '../dist/ephemeral.js'
import { instantiateOver } from '../dist/internal/wasm-module.js'
import { nodeSuite } from '../dist/node.js'
import { wasmSuite, wasmTransportEngine } from '../dist/wasm.js'

const ROUNDS = 200
const ROUND_US = 150
const SOURCE = 8192
const TAG_BYTES = 16

const files = process.argv.slice(2)
const groups = files.length === 0 ? engineGroups() : moduleGroups(files)
await warmUp(groups)
const measured = groups.map(({ subjects }) => subjects.map(() => []))
for (let round = 0; round < ROUNDS; round++) {
  groups.forEach(({ subjects }, g) => subjects.forEach(({ run, calls }, s) => measured[g][s].push(time(run, calls))))
}
console.log(`node ${process.version}, µs: least, median${files.length === 1 ? '' : ', median ratio to the first'}`)
groups.forEach(({ title, subjects }, g) => {
  subjects.forEach(({ name }, s) => {
    const times = measured[g][s]
    const ratios = times.map((value, round) => value / measured[g][0][round])
    const columns = [Math.min(...times).toFixed(3), median(times).toFixed(3)]
    if (s > 0) columns.push(median(ratios).toFixed(3))
    console.log(`${title.padEnd(24)} ${name.padEnd(28)} ${columns.join('  ')}`)
  })
})

function engineGroups() {
  const repeat = (call) => (n) => {
    for (let i = 0; i < n; i++) call()
  }
  const engine = wasmTransportEngine.create(new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }))
  const key = bytesOf(32)
  const seal = (length) => (n) => {
    for (let i = 0; i < n; i++) engine.seal(key, i, 0, SOURCE, length, SOURCE)
  }
  const open = (length) => {
    const sealed = SOURCE + 4096
    engine.seal(key, 7, 0, SOURCE, length, sealed)
    return (n) => {
      for (let i = 0; i < n; i++) engine.open(key, 7, 0, sealed, length + TAG_BYTES, SOURCE)
    }
  }
  const x25519Groups = [
    [
      'X25519 with a key at hand',
      (x25519, privateKey) => () => x25519.deriveSharedSecret(privateKey, x25519.importPublicKey(key)),
    ],
    ['X25519 public key', (x25519) => () => importEphemeralKey(x25519, key).publicKey],
    [
      'X25519 two, public key',
      (x25519, _, publicKey) => () => {
        const ephemeral = importEphemeralKey(x25519, key)
        deriveSharedSecrets(x25519, ephemeral, publicKey, publicKey)
        return ephemeral.publicKey
      },
    ],
  ].map(([title, use]) => ({
    title,
    subjects: [wasmSuite, nodeSuite].map(({ name, x25519 }) => {
      const privateKey = x25519.importPrivateKey(key)
      return { name, run: repeat(use(x25519, privateKey, x25519.importPublicKey(privateKey.publicKey))) }
    }),
  }))
  const [message, block, none] = [bytesOf(116), bytesOf(64), bytesOf(0)]
  const one = (title, run) => ({ title, subjects: [{ name: 'wasm', run }] })
  return [
    ...[1440, 1420, 128, 64, 0].map((length) => one(`seal ${length} bytes`, seal(length))),
    ...[1440, 1420, 128, 64, 0].map((length) => one(`open ${length} bytes`, open(length))),
    ...x25519Groups,
    one(
      'BLAKE2s of 64 bytes',
      repeat(() => wasmSuite.hash(block)),
    ),
    one(
      'MAC of 116 bytes',
      repeat(() => wasmSuite.mac(key, message)),
    ),
    one(
      'HMAC of 64 bytes',
      repeat(() => wasmSuite.hmac(key, block)),
    ),
    one(
      'suite: seal 0 bytes',
      repeat(() => wasmSuite.seal(key, 1n, none, key)),
    ),
  ]
}

function moduleGroups(files) {
  const modules = files.map((file) => {
    const memory = new WebAssembly.Memory({ initial: 4 })
    const code = instantiateOver(readFileSync(file).toString('base64'), memory)
    return { name: path.basename(file), code, bytes: new Uint8Array(memory.buffer) }
  })
  return ['seal', 'open'].flatMap((direction) =>
    [1440, 1420, 128, 64].map((length) => ({
      title: `${direction} ${length} bytes`,
      subjects: modules.map(({ name, code, bytes }) => {
        bytes.fill(1, 0, 32)
        const sealed = SOURCE + 4096
        const run =
          direction === 'seal'
            ? (n) => {
                for (let i = 0; i < n; i++) code.seal(i, 0, SOURCE, length, SOURCE, 0, 0)
              }
            : (n) => {
                for (let i = 0; i < n; i++) code.open(7, 0, sealed, length, SOURCE, 0, 0)
              }
        code.seal(7, 0, SOURCE, length, sealed, 0, 0)
        return { name, run }
      }),
    })),
  )
}

/** Calls everything until V8 has compiled it for good, and finds how many calls make a round. */
async function warmUp(groups) {
  const subjects = groups.flatMap((group) => group.subjects)
  for (const subject of subjects) until(300, () => subject.run(100))
  await sleep(500)
  for (const subject of subjects) subject.calls = Math.ceil(ROUND_US / time(subject.run, 100))
}

function until(milliseconds, step) {
  const end = performance.now() + milliseconds
  while (performance.now() < end) step()
}

/** µs of one call. */
function time(run, calls) {
  const start = performance.now()
  run(calls)
  return ((performance.now() - start) * 1000) / calls
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

function bytesOf(length) {
  return Uint8Array.from({ length }, (_, i) => 7 * i)
}
